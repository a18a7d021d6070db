//! Every JSON sample of the contract, member by member and in its order.

use reqwest::Method;
use serde_json::{Value, json};
use shared::kyc::{
    ApplicantId, DocumentStatus, DocumentType, DocumentsRead, ProviderTime, Reason, Review, Status,
    StoredDocument, Timestamp, User,
};

use crate::provider::{APPLICANT, app_with_answers};
use tests::app::{
    ACCESS_TOKEN, App, DETAILS, GATE, ME, REFRESH, STATUS, USER, exchange, new_user, send,
};

/// A sample without the white space between its members.
fn minified(sample: &str) -> String {
    let mut in_string = false;
    sample
        .chars()
        .filter(|character| {
            in_string ^= *character == '"';
            in_string || !character.is_whitespace()
        })
        .collect()
}

fn at(millis: i64) -> ProviderTime {
    ProviderTime::from_millis(millis)
}

async fn app_with(review: Review) -> App {
    let app = App::start().await;
    let applicant = ApplicantId::parse("65abc123def456").ok();
    app.store(&User {
        review,
        applicant,
        ..new_user(USER)
    })
    .await;
    app
}

#[tokio::test]
async fn access_token() {
    let app = App::start().await;
    let answer = app.post(ACCESS_TOKEN).await;
    let token = answer.ok()["access_token"].as_str().unwrap().to_owned();
    assert!(token.len() > 10);
    let sample = r#"{
        "access_token": "sbx:abc123def456...",
        "expires_in": 600,
        "user_id": "usr_abc123",
        "_links": {
          "self": { "href": "/v0/kyc/access-token", "method": "POST" },
          "status": { "href": "/v0/kyc/status" }
        }
    }"#;
    assert_eq!(
        answer.text.replace(&token, "sbx:abc123def456..."),
        minified(sample)
    );
}

#[tokio::test]
async fn status_approved() {
    let app = app_with(Review::Approved {
        at: at(1_704_067_200_000),
        name: None,
    })
    .await;
    let sample = r#"{
        "status": "approved",
        "applicant_id": "65abc123def456",
        "verified_at": 1704067200000,
        "rejected_at": null,
        "reject_reason": null,
        "_links": {
          "self": { "href": "/v0/kyc/status" },
          "user": { "href": "/v0/user/me" },
          "refresh": { "href": "/v0/kyc/status?refresh=true" }
        }
    }"#;
    let answer = app.get(STATUS).await;
    answer.ok();
    assert_eq!(answer.text, minified(sample));
}

#[tokio::test]
async fn status_in_progress() {
    let app = app_with(Review::InProgress).await;
    let sample = r#"{
        "status": "in_progress",
        "applicant_id": "65abc123def456",
        "verified_at": null,
        "rejected_at": null,
        "reject_reason": null,
        "_links": {
          "self": { "href": "/v0/kyc/status" },
          "user": { "href": "/v0/user/me" },
          "refresh": { "href": "/v0/kyc/status?refresh=true" },
          "start-verification": { "href": "/v0/kyc/access-token", "method": "POST" }
        }
    }"#;
    assert_eq!(app.get(STATUS).await.text, minified(sample));
}

#[tokio::test]
async fn status_retry() {
    let reason = Reason::explained("Document image is blurry. Please resubmit a clear photo.");
    let app = app_with(Review::Retry {
        reason: reason.unwrap(),
    })
    .await;
    let sample = r#"{
        "status": "retry",
        "applicant_id": "65abc123def456",
        "verified_at": null,
        "rejected_at": null,
        "reject_reason": "Document image is blurry. Please resubmit a clear photo.",
        "_links": {
          "self": { "href": "/v0/kyc/status" },
          "user": { "href": "/v0/user/me" },
          "refresh": { "href": "/v0/kyc/status?refresh=true" },
          "start-verification": { "href": "/v0/kyc/access-token", "method": "POST" }
        }
    }"#;
    assert_eq!(app.get(STATUS).await.text, minified(sample));
}

#[tokio::test]
async fn status_rejected_and_pending() {
    let reason = Reason::explained("Forged.").unwrap();
    let app = app_with(Review::Rejected {
        at: at(1_704_067_200_000),
        reason,
    })
    .await;
    let rejected = app.get(STATUS).await.ok();
    assert_eq!(rejected["status"], "rejected");
    assert_eq!(rejected["verified_at"], Value::Null);
    assert_eq!(rejected["rejected_at"], 1_704_067_200_000_i64);
    assert_eq!(rejected["reject_reason"], "Forged.");
    assert_eq!(rejected["_links"].get("start-verification"), None);

    app.store(&new_user(USER)).await;
    let sample = r#"{
        "status": "pending",
        "applicant_id": null,
        "verified_at": null,
        "rejected_at": null,
        "reject_reason": null,
        "_links": {
          "self": { "href": "/v0/kyc/status" },
          "user": { "href": "/v0/user/me" },
          "refresh": { "href": "/v0/kyc/status?refresh=true" },
          "start-verification": { "href": "/v0/kyc/access-token", "method": "POST" }
        }
    }"#;
    assert_eq!(app.get(STATUS).await.text, minified(sample));
}

/// The applicant and the images behind the contract's details sample.
async fn verified_app() -> App {
    app_with_answers([
        (
            APPLICANT,
            200,
            r#"{ "id": "65abc123def456", "createdAt": "2023-12-31 22:00:00", "externalUserId": "usr_abc123",
                "info": { "firstName": "Jane", "lastName": "Smith", "dob": "1990-05-15", "nationality": "GBR", "country": "GBR",
                    "addresses": [{ "country": "GBR" }], "idDocs": [{ "idDocType": "PASSPORT", "country": "GBR", "number": "123456789" }] },
                "type": "individual",
                "review": { "levelName": "basic-kyc-level", "reviewDate": "2024-01-01 00:00:00+0000", "reviewStatus": "completed", "reviewResult": { "reviewAnswer": "GREEN" } } }"#,
        ),
        (
            "/resources/applicants/65abc123def456/metadata/resources",
            200,
            r#"{ "items": [
                { "addedDate": "2023-12-31 22:16:40", "idDocDef": { "country": "GBR", "idDocType": "PASSPORT" }, "reviewResult": { "reviewAnswer": "GREEN" } },
                { "addedDate": "2023-12-31 22:20:00", "idDocDef": { "country": "GBR", "idDocType": "SELFIE" }, "reviewResult": { "reviewAnswer": "GREEN" } } ] }"#,
        ),
    ])
    .await
}

const DETAILS_SAMPLE: &str = r#"{
    "status": "approved",
    "verified_at": 1704067200000,
    "rejected_at": null,
    "started_at": 1704060000000,
    "personal_info": {
      "first_name": "Jane",
      "last_name": "Smith",
      "date_of_birth": "1990-05-15",
      "nationality": "GBR",
      "country_of_residence": "GBR"
    },
    "documents": [
      {
        "document_type": "PASSPORT",
        "country": "GBR",
        "status": "verified",
        "submitted_at": 1704061000000
      }
    ],
    "verification_complete": true,
    "verification_passed": true,
    "rejection": null,
    "_links": {
      "self": { "href": "/v0/kyc/details" },
      "refresh": { "href": "/v0/kyc/details?refresh=true" },
      "status": { "href": "/v0/kyc/status" },
      "user": { "href": "/v0/user/me" }
    }
}"#;

#[tokio::test]
async fn details() {
    let app = verified_app().await;
    let refreshed = app.get("/v0/kyc/details?refresh=true").await;
    refreshed.ok();
    assert_eq!(refreshed.text, minified(DETAILS_SAMPLE));
    // The second time the documents are the stored ones, and the answer is the same.
    assert_eq!(app.get(DETAILS).await.text, minified(DETAILS_SAMPLE));
}

#[tokio::test]
async fn refreshed_status_and_user_object() {
    let app = verified_app().await;
    let refreshed = app.get(REFRESH).await.ok();
    assert_eq!(refreshed["status"], "approved");
    assert_eq!(refreshed["verified_at"], 1_704_067_200_000_i64);
    let sample = r#"{
        "user": {
          "id": "usr_abc123",
          "first_name": "Jane",
          "last_names": "Smith",
          "kyc_verified_at": 1704067200000,
          "kyc_rejected_at": null
        },
        "onboarding": {
          "current_step": "open_banking",
          "is_complete": false,
          "steps": [
            { "step": "phone_verification", "status": "completed" },
            { "step": "kyc_verification", "status": "completed" },
            { "step": "open_banking", "status": "current" },
            { "step": "card_setup", "status": "pending" },
            { "step": "feature_selection", "status": "pending" }
          ]
        },
        "_links": {
          "self": { "href": "/v0/user/me" },
          "onboarding": { "href": "/v0/user/me?expand=onboarding" },
          "kyc-status": { "href": "/v0/kyc/status" }
        }
    }"#;
    assert_eq!(app.get(ME).await.text, minified(sample));
    assert_eq!(app.get("/v0/user/me").await.ok().get("onboarding"), None);
    let steps = "/v0/user/me/onboarding/steps";
    assert_eq!(
        app.get(steps).await.ok(),
        app.get(ME).await.ok()["onboarding"]
    );
    let stranger = send(app.request(Method::GET, steps)).await;
    stranger.assert_problem(401, "USR-401-001", steps);
    let unverified = send(app.as_user(Method::GET, "/v0/user/me", "usr_new")).await;
    assert_eq!(
        unverified.ok()["_links"]["kyc-token"],
        json!({ "href": "/v0/kyc/access-token", "method": "POST" })
    );
    assert_eq!(
        app.get("/v0/user/me?expand=cards,onboarding,x").await.ok()["onboarding"]["current_step"],
        "open_banking"
    );
}

#[tokio::test]
async fn details_by_status() {
    let reason = || Reason::explained("Blurry.").unwrap();
    let app = App::start().await;
    let decided_at = at(1_704_067_200_000);
    for review in [
        Review::Pending,
        Review::InProgress,
        Review::Retry { reason: reason() },
        Review::Approved {
            at: decided_at,
            name: None,
        },
        Review::Rejected {
            at: decided_at,
            reason: reason(),
        },
    ] {
        let status = review.status();
        app.store(&User {
            review,
            ..new_user(USER)
        })
        .await;
        let details = app.get(DETAILS).await.ok();
        let (complete, rejection) = match status {
            Status::Pending => (false, Value::Null),
            Status::InProgress | Status::Approved => (true, Value::Null),
            Status::Retry => (false, json!({ "can_retry": true, "message": "Blurry." })),
            Status::Rejected => (true, json!({ "can_retry": false, "message": "Blurry." })),
        };
        assert_eq!(details["status"], status.as_str());
        assert_eq!(details["verification_complete"], complete, "{status:?}");
        assert_eq!(details["verification_passed"], status == Status::Approved);
        assert_eq!(details["rejection"], rejection);
        assert_eq!(
            (&details["personal_info"], &details["documents"]),
            (&Value::Null, &json!([]))
        );
    }
}

#[tokio::test]
async fn all_document_types() {
    let app = App::start().await;
    let documents: Vec<StoredDocument> = DocumentType::ALL
        .into_iter()
        .map(|kind| StoredDocument {
            kind,
            status: DocumentStatus::Pending,
            submitted_at: None,
        })
        .collect();
    let documents = Some(DocumentsRead {
        read_at: Timestamp::from_millis(1),
        documents,
    });
    app.store(&User {
        documents,
        applicant: ApplicantId::parse("65abc123def456").ok(),
        ..new_user(USER)
    })
    .await;
    let details = app.get(DETAILS).await.ok();
    let types: Vec<&str> = details["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["document_type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        ["PASSPORT", "ID_CARD", "DRIVERS_LICENSE", "RESIDENCE_PERMIT"]
    );
}

#[tokio::test]
async fn error_body() {
    let app = app_with_answers([("/resources/accessTokens/sdk", 400, "{}")]).await;
    let sample = r#"{
        "type": "https://api.sumvin.com/errors/kyc-500-002",
        "title": "KYC Token Generation Failed",
        "status": 500,
        "detail": "Failed to generate KYC access token",
        "instance": "/v0/kyc/access-token",
        "error_code": "KYC-500-002"
    }"#;
    let answer = app.post(ACCESS_TOKEN).await;
    answer.assert_problem(500, "KYC-500-002", ACCESS_TOKEN);
    let sample = minified(sample);
    let members = sample.strip_suffix('}').unwrap();
    let trace_id = answer.header("x-amzn-requestid");
    assert_eq!(
        answer.text,
        format!(r#"{members},"trace_id":"{trace_id}"}}"#)
    );
}

/// The client's published SDK may ask for other times than the contract has.
#[tokio::test]
async fn times_are_texts_for_those_who_ask_for_them() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.get(REFRESH).await.ok();
    for (path, pointer) in [
        (STATUS, "/verified_at"),
        (DETAILS, "/verified_at"),
        (DETAILS, "/started_at"),
        (DETAILS, "/documents/0/submitted_at"),
        ("/v0/user/me", "/user/kyc_verified_at"),
    ] {
        let millis = app.get(path).await.ok().pointer(pointer).unwrap().as_i64();
        let asked = app.as_user(Method::GET, path, USER);
        // Not what openapi.yaml describes, on purpose: TypeScript's types would become those of either form.
        let answer = exchange(asked.header("x-timestamp-format", "ISO8601")).await;
        let text = answer
            .ok()
            .pointer(pointer)
            .unwrap()
            .as_str()
            .map(str::to_owned);
        let text = text.unwrap_or_else(|| panic!("{path} {pointer}: {answer:?}"));
        assert!(text.ends_with('Z') && text.len() == 20, "{text}");
        let asked = app.as_user(Method::GET, path, USER);
        let other = send(asked.header("x-timestamp-format", "unix")).await;
        assert_eq!(
            other.ok().pointer(pointer).unwrap().as_i64(),
            millis,
            "{path}"
        );
    }
}

#[tokio::test]
async fn no_token_after_a_final_verdict() {
    let app = app_with(Review::Approved {
        at: at(1),
        name: None,
    })
    .await;
    let answer = app.post(ACCESS_TOKEN).await;
    answer.assert_problem(409, "KYC-409-001", ACCESS_TOKEN);
    assert!(
        answer.json()["detail"]
            .as_str()
            .unwrap()
            .contains("approved")
    );
    assert_eq!(app.provider_requests("accessTokens").await, 0);

    let reason = Reason::unexplained_rejection();
    app.store(&User {
        review: Review::Rejected { at: at(1), reason },
        ..new_user(USER)
    })
    .await;
    app.post(ACCESS_TOKEN)
        .await
        .assert_problem(409, "KYC-409-001", ACCESS_TOKEN);
}

#[tokio::test]
async fn the_gate_opens_for_approved_users_only() {
    let app = App::start().await;
    let refused = app.get(GATE).await;
    refused.assert_problem(403, "KYC-403-001", GATE);
    assert_eq!(
        refused.json()["detail"],
        "KYC verification required for this action"
    );
    let review = Review::Approved {
        at: at(1),
        name: None,
    };
    app.store(&User {
        review,
        ..new_user(USER)
    })
    .await;
    let opened = app.get(GATE).await;
    assert_eq!((opened.status, opened.text.as_str()), (204, ""));
}

#[tokio::test]
async fn a_user_of_whom_nothing_is_stored() {
    let app = App::start().await;
    let as_new = |path: &'static str| send(app.as_user(Method::GET, path, "usr_new"));
    assert_eq!(as_new(STATUS).await.ok()["status"], "pending");
    assert_eq!(as_new(DETAILS).await.ok()["started_at"], Value::Null);
    assert_eq!(
        as_new(ME).await.ok()["onboarding"]["current_step"],
        "phone_verification"
    );
    as_new(REFRESH)
        .await
        .assert_problem(404, "KYC-404-001", STATUS);
    as_new("/v0/kyc/details?refresh=true")
        .await
        .assert_problem(404, "KYC-404-001", DETAILS);
    as_new(GATE).await.assert_problem(403, "KYC-403-001", GATE);
}
