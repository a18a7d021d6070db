//! The samples of the provider's documentation, as this model makes them.

use serde_json::{Value, json};

use super::*;

const USER: &str = "usr_abc123";
const ID: &str = "65abc123def4560000000000";

/// 2024-01-01 10:00:00 UTC.
const TEN: i64 = 1_704_103_200_000;

/// An account with the levels of the samples.
fn account() -> Account {
    Account::new(
        ["basic-kyc-level", "enhanced-kyc-level"]
            .map(str::to_owned)
            .to_vec(),
    )
}

/// Does something to the user's applicant some seconds after ten o'clock.
fn at(account: &mut Account, seconds: f64, action: Action) -> Change {
    #[allow(clippy::cast_possible_truncation)]
    let now = Moment::from_millis(TEN + (seconds * 1000.0) as i64);
    let ids = ApplicantIds {
        applicant: ID.to_owned(),
        inspection: ID.to_owned(),
    };
    let change = account.apply(Target::User(USER), action, now, &ids);
    change.unwrap_or_else(|error| panic!("{error}"))
}

fn start(level: Option<&str>) -> Action {
    Action::Start {
        level: level.map(str::to_owned),
        applicant_type: ApplicantType::Individual,
    }
}

fn jane() -> Action {
    let details = Details {
        first_name: Some("JANE".to_owned()),
        last_name: Some("SMITH".to_owned()),
        ..Details::default()
    };
    Action::Submit(Submission {
        details,
        documents: Vec::new(),
    })
}

fn wire(event: &Event) -> Value {
    serde_json::from_slice(&event.body().unwrap()).unwrap()
}

fn parse(sample: &str) -> Value {
    serde_json::from_str(sample).unwrap()
}

#[test]
fn an_applicant_reads_as_documented() {
    let mut account = account();
    at(&mut account, 0.0, start(None));
    at(&mut account, 60.0, jane());
    at(&mut account, 120.0, Action::Review(ReviewResult::green()));
    let mut sample = parse(
        r#"{ "id": "65abc123def4560000000000", "createdAt": "2024-01-01 10:00:00", "externalUserId": "usr_abc123",
          "info": { "firstName": "JANE", "firstNameEn": "JANE", "lastName": "SMITH", "lastNameEn": "SMITH", "dob": "1990-05-15",
            "country": "GBR", "nationality": "GBR", "addresses": [{ "country": "GBR" }],
            "idDocs": [{ "idDocType": "PASSPORT", "country": "GBR", "number": "…", "validUntil": "2028-07-12" }] },
          "fixedInfo": { "firstName": "Jane", "lastName": "Smith", "country": "GBR", "addresses": [{ "country": "GBR" }] },
          "requiredIdDocs": { "docSets": [{ "idDocSetType": "IDENTITY", "types": ["PASSPORT", "DRIVERS", "ID_CARD", "RESIDENCE_PERMIT"] },
                                          { "idDocSetType": "SELFIE", "types": ["SELFIE"] }] },
          "review": { "levelName": "basic-kyc-level", "createDate": "2024-01-01 10:01:00+0000", "reviewDate": "2024-01-01 10:02:00+0000",
            "reviewStatus": "completed", "reviewResult": { "reviewAnswer": "GREEN" } },
          "type": "individual", "deleted": false }"#,
    );
    // The simulator has no client that supplies details, and other documents.
    sample.as_object_mut().unwrap().remove("fixedInfo");
    sample["inspectionId"] = json!(ID);
    sample["info"]["idDocs"][0]["number"] = json!("SIM123456");
    sample["info"]["idDocs"][0]["validUntil"] = json!("2035-07-12");
    sample["requiredIdDocs"]["docSets"][1]["types"] = json!(["SELFIE", "VIDEO_SELFIE"]);

    assert_eq!(account.active(USER).unwrap().json(), sample);
    assert_eq!(account.by_id(ID).unwrap().json(), sample);
}

#[test]
fn steps_and_images_read_as_documented() {
    let mut account = account();
    at(&mut account, 0.0, start(Some("enhanced-kyc-level")));
    at(&mut account, 87.0, jane());
    at(&mut account, 120.0, Action::Review(ReviewResult::green()));
    let applicant = account.active(USER).unwrap();
    let [passport, selfie] = [0, 1].map(|index: usize| applicant.images[index].id);
    let sample = r#"{ "IDENTITY": { "reviewResult": { "reviewAnswer": "GREEN" }, "country": "GBR", "idDocType": "PASSPORT", "imageIds": [122352326],
            "imageReviewResults": { "122352326": { "reviewAnswer": "GREEN" } } },
          "SELFIE": { "reviewResult": { "reviewAnswer": "GREEN" }, "country": "GBR", "idDocType": "SELFIE", "imageIds": [181314576] },
          "PROOF_OF_RESIDENCE": null }"#;
    let sample = sample.replace("122352326", &passport.to_string());
    let mut sample = parse(&sample.replace("181314576", &selfie.to_string()));
    // The sample leaves the images of the selfie out.
    sample["SELFIE"]["imageReviewResults"] =
        json!({ selfie.to_string(): { "reviewAnswer": "GREEN" } });
    assert_eq!(applicant.steps_json(), sample);

    let sample = r#"{ "items": [{ "id": "449741312", "addedDate": "2024-01-01 10:01:27", "idDocDef": { "country": "GBR", "idDocType": "PASSPORT", "idDocSubType": "FRONT_SIDE" },
            "reviewResult": { "reviewAnswer": "GREEN" }, "deactivated": false, "fileMetadata": { "fileName": "…" } }], "totalItems": 1 }"#;
    let mut sample = parse(&sample.replace("449741312", &passport.to_string()));
    let images = applicant.images_json();
    let name = &mut sample["items"][0]["fileMetadata"]["fileName"];
    name.clone_from(&images["items"][0]["fileMetadata"]["fileName"]);
    assert_eq!(images["items"][0], sample["items"][0]);
    assert_eq!(images["totalItems"], 2, "with the selfie");
}

#[test]
fn an_event_reads_as_documented() {
    let mut account = account();
    at(&mut account, 0.0, start(None));
    let verdict = ReviewResult {
        moderation_comment: Some(
            "We do not accept screenshots. Please upload an original photo.".to_owned(),
        ),
        client_comment: Some("Screenshot.".to_owned()),
        reject_labels: Some(vec!["SCREENSHOTS".to_owned()]),
        ..ReviewResult::red("RETRY")
    };
    let mut change = at(&mut account, 120.123, Action::Review(verdict));
    let event = &mut change.events[0];
    event.correlation_id = "req-63f92830-4d68-4eee-98d5-875d53a12258".to_owned();
    event.client_id = "example.com_1";
    let sample = parse(
        r#"{ "applicantId": "65abc123def4560000000000", "inspectionId": "65abc123def4560000000000", "applicantType": "individual",
          "correlationId": "req-63f92830-4d68-4eee-98d5-875d53a12258", "levelName": "basic-kyc-level", "externalUserId": "usr_abc123",
          "type": "applicantReviewed", "sandboxMode": true, "reviewStatus": "completed",
          "reviewResult": { "reviewAnswer": "RED", "reviewRejectType": "RETRY", "rejectLabels": ["SCREENSHOTS"], "buttonIds": [],
            "moderationComment": "We do not accept screenshots. Please upload an original photo.", "clientComment": "Screenshot." },
          "createdAt": "2024-01-01 10:02:00+0000", "createdAtMs": "2024-01-01 10:02:00.123", "clientId": "example.com_1" }"#,
    );
    assert_eq!(wire(event), sample);

    event.created_at = None;
    event.created_at_ms = Some(json!(1_704_103_320_123_i64));
    let other_form = wire(event);
    assert_eq!(other_form.get("createdAt"), None);
    assert_eq!(other_form["createdAtMs"], 1_704_103_320_123_i64);
}

/// The layout of a real delivery, with its digest: a RED with comments, labels and an empty list.
#[test]
fn a_body_has_the_bytes_of_the_provider() {
    let mut account = account();
    at(&mut account, -36_000.0, start(None));
    let verdict = ReviewResult {
        moderation_comment: Some("We could not verify your profile.\n\n".to_owned()),
        client_comment: Some("Suspected fraudulent account.\n".to_owned()),
        reject_labels: Some(vec!["FORGERY".to_owned(), "GRAPHIC_EDITOR".to_owned()]),
        ..ReviewResult::red("FINAL")
    };
    let change = at(&mut account, -35_999.211, Action::Review(verdict));
    let body = Event {
        correlation_id: "2e95d53348840f5f85bddc32a20f6abd".to_owned(),
        sandbox_mode: false,
        client_id: "example.com_1",
        ..change.events[0].clone()
    }
    .body()
    .unwrap();

    assert_eq!(body.len(), 753);
    let key = crate::signature::key("unit-test-secret-not-real");
    assert_eq!(
        crate::signature::digest(&key, &body),
        "4495e380d021a9451343568ccd83b44855f7fa72cf724b3bee78bedbd6eca8d7",
    );
}

#[test]
fn a_time_has_the_forms_of_the_provider() {
    let moment = Moment::from_millis(TEN + 7);
    assert_eq!(moment.plain(), "2024-01-01 10:00:00");
    assert_eq!(moment.zoned(), "2024-01-01 10:00:00+0000");
    assert_eq!(moment.with_millis(), "2024-01-01 10:00:00.007");
    let moment = Moment::from_millis(1_706_898_717_182);
    assert_eq!(moment.with_millis(), "2024-02-02 18:31:57.182");
}

/// Does each action in turn. Expects its event, with the status and the answer of the review.
fn expect(steps: impl IntoIterator<Item = (Action, &'static str, &'static str, &'static str)>) {
    let mut account = account();
    for (action, event_type, status, answer) in steps {
        let change = at(&mut account, 0.0, action);
        let [event] = change.events.as_slice() else {
            panic!("{event_type}: {} events", change.events.len());
        };
        let event = wire(event);
        assert_eq!(event["type"], event_type);
        assert_eq!(event["reviewStatus"], status, "{event_type}");
        let result = event["reviewResult"]["reviewAnswer"].as_str();
        assert_eq!(result.unwrap_or_default(), answer, "{event_type}");
        let level = (event_type == "applicantLevelChanged").then_some("basic-kyc-level");
        assert_eq!(event["previousLevelName"].as_str(), level);
    }
}

#[test]
fn a_review_has_the_documented_events() {
    use ReviewStatus::{AwaitingService, AwaitingUser, OnHold, Pending, Prechecked};
    let paused = [
        (Prechecked, "applicantPrechecked", "prechecked"),
        (AwaitingUser, "applicantAwaitingUser", "awaitingUser"),
        (
            AwaitingService,
            "applicantAwaitingService",
            "awaitingService",
        ),
        (Pending, "applicantPending", "pending"),
        (OnHold, "applicantOnHold", "onHold"),
    ];
    let pause =
        |answer| paused.map(|(status, event, name)| (Action::Status(status), event, name, answer));
    let review = |result| Action::Review(result);
    let green = || review(ReviewResult::green());
    let level = Action::Level("enhanced-kyc-level".to_owned());
    let first = [
        (start(None), "applicantCreated", "init", ""),
        (jane(), "applicantPending", "pending", ""),
    ];
    // A GREEN rides on pauses and resets.
    let green_rides = [
        (Action::Reset, "applicantReset", "init", "GREEN"),
        (Action::ResetSteps, "applicantStepsReset", "init", "GREEN"),
        (level, "applicantLevelChanged", "init", "GREEN"),
        (
            review(ReviewResult::red("FINAL")),
            "applicantReviewed",
            "completed",
            "RED",
        ),
        (
            Action::FinishWorkflow,
            "applicantWorkflowFailed",
            "completed",
            "RED",
        ),
        (green(), "applicantReviewed", "completed", "GREEN"),
        (
            Action::FinishWorkflow,
            "applicantWorkflowCompleted",
            "completed",
            "GREEN",
        ),
    ];
    let steps = first.into_iter().chain(pause(""));
    let steps = steps.chain([(green(), "applicantReviewed", "completed", "GREEN")]);
    expect(steps.chain(pause("GREEN")).chain(green_rides));
}

#[test]
fn other_actions_have_the_documented_events() {
    expect([
        (start(None), "applicantCreated", "init", ""),
        (jane(), "applicantPending", "pending", ""),
        (
            Action::Correct(Details::default()),
            "applicantPersonalInfoChanged",
            "pending",
            "",
        ),
        (Action::Deactivate, "applicantDeactivated", "pending", ""),
        (Action::Activate, "applicantActivated", "pending", ""),
        (
            Action::DeletePersonalData,
            "applicantPersonalDataDeleted",
            "pending",
            "",
        ),
        (start(None), "applicantCreated", "init", ""),
        (Action::Delete, "applicantDeleted", "init", ""),
    ]);
    let mut account = account();
    at(&mut account, 0.0, jane());
    let queued = at(&mut account, 1.0, Action::Status(ReviewStatus::Queued));
    assert!(queued.events.is_empty());
}

/// Deactivation is the documented way to start over: another applicant under the same external user id.
#[test]
fn a_user_has_several_applicants_over_time() {
    let mut account = account();
    let mut act = |applicant: &str, target: Target<'_>, action: Action| {
        let ids = ApplicantIds {
            applicant: applicant.to_owned(),
            inspection: ID.to_owned(),
        };
        let now = Moment::from_millis(TEN);
        let change = account.apply(target, action, now, &ids);
        let applicant = change.map(|change| change.applicant.id);
        (
            applicant,
            account.active(USER).map(|active| active.id.clone()),
            account.clone(),
        )
    };
    let user = Target::User(USER);
    let active = |id: &str| Some(id.to_owned());
    let final_red = || Action::Review(ReviewResult::red("FINAL"));

    assert!(act("a", user, jane()).0.is_ok());
    assert!(act("b", user, final_red()).0.is_ok());
    assert_eq!(
        act("b", user, jane()).1,
        active("a"),
        "it is active, so there is no new one"
    );
    let (_, current, earlier) = act("b", user, Action::Deactivate);
    assert_eq!(current, None);
    assert_eq!(earlier.by_id("a").unwrap().json()["deleted"], true);
    let refused = act("b", Target::Applicant("a"), final_red()).0;
    assert_eq!(
        refused,
        Err(ActionError::NoApplicant),
        "it acts as if it did not exist"
    );
    assert_eq!(act("b", user, jane()).1, active("b"));
    let refused = act("c", Target::Applicant("a"), Action::Activate).0;
    assert_eq!(refused, Err(ActionError::AlreadyActive));
    assert!(act("c", Target::Applicant("b"), Action::Delete).0.is_ok());
    let (activated, current, later) = act("c", user, Action::Activate);
    assert_eq!((activated.ok(), current), (active("a"), active("a")));

    assert_eq!(later.by_id("b").map(|_| ()), None, "the person was erased");
    assert_eq!(later.all().count(), 2);
    assert_eq!(earlier.all().count(), 1, "a clone answers as of then");
}

#[test]
fn another_flow_looks_like_a_verdict_but_is_none() {
    let mut account = account();
    at(&mut account, 0.0, start(None));
    let change = at(
        &mut account,
        1.0,
        Action::ReviewAction(ReviewResult::green()),
    );
    let event = wire(&change.events[0]);
    assert_eq!(event["type"], "applicantActionReviewed");
    assert_eq!(event["reviewResult"]["reviewAnswer"], "GREEN");
    assert_eq!(change.applicant.json()["review"]["reviewStatus"], "init");
}

#[test]
fn a_company_is_no_individual() {
    let mut account = account();
    let company = Action::Start {
        level: None,
        applicant_type: ApplicantType::Company,
    };
    let change = at(&mut account, 0.0, company);
    assert_eq!(wire(&change.events[0])["applicantType"], "company");
    assert_eq!(change.applicant.json()["type"], "company");
}

#[test]
fn a_state_file_with_one_applicant_for_each_user_is_read() {
    let mut account = account();
    at(&mut account, 0.0, jane());
    let mut state = serde_json::to_value(&account).unwrap();
    let mut applicant = state["applicants"][USER][0].take();
    for member in ["applicant_type", "deactivated"] {
        applicant.as_object_mut().unwrap().remove(member);
    }
    state["applicants"][USER] = applicant;

    let read: Account = serde_json::from_value(state).unwrap();

    let [before, after] = [&account, &read].map(|it| it.active(USER).unwrap().json());
    assert_eq!(after, before);
}
