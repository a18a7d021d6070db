//! Erasing a person at their request: what goes, what stays, and that nothing brings it back.

use reqwest::Method;
use serde_json::{Value, json};
use shared::kyc::UserId;
use shared::repository::UserStore;
use tests::app::{App, DETAILS, ME, REFRESH, STATUS, USER};
use tests::operator::{call, done};

const PATH: &str = "/users/usr_abc123";
const REASON: &str = r#"{"reason": "Case 4711"}"#;

/// Has the user approved under a marked name.
async fn approve(app: &App) {
    app.post("/v0/kyc/access-token").await.ok();
    submit(app, "Marked-First").await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.refreshed().await;
}

async fn submit(app: &App, first_name: &str) {
    let person = json!({ "firstName": first_name, "lastName": "Marked-Last", "dob": "1990-05-15", "country": "GBR",
        "documents": [{ "idDocType": "PASSPORT", "country": "GBR" }] });
    app.simulate(Method::POST, &format!("applicants/{USER}/submit"), person)
        .await;
}

/// Asserts that no table, log line or export shows the marked name or words.
async fn assert_forgotten(app: &App) {
    let mut places: Vec<String> = app.kept().await.iter().map(Value::to_string).collect();
    places.extend(app.stack.logs().into_iter().map(|line| line.line));
    for path in [PATH, "/users/usr_abc123/export", "/users/usr_abc123/name"] {
        places.push(done(app, "compliance", "GET", path, "").await.to_string());
    }
    for place in &places {
        assert!(!place.contains("Marked"), "{place}");
    }
}

#[tokio::test]
async fn an_erasure_leaves_the_verdict_and_nothing_brings_the_name_back() {
    let app = App::start().await;
    approve(&app).await;
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], "Marked-First");

    let answer = done(&app, "compliance", "DELETE", PATH, REASON).await;
    let applicants = answer["at_provider"]["applicants"].as_array().unwrap();
    assert_eq!(applicants.len(), 1, "{answer}");
    assert_eq!(answer["user"]["status"], "approved");
    assert_eq!(answer["user"]["erased_applicants"], 1);
    assert!(answer["kept"].as_array().unwrap().len() > 1);
    assert_forgotten(&app).await;

    // The provider still has the person.
    app.get(REFRESH)
        .await
        .assert_problem(404, "KYC-404-001", STATUS);
    let details = app.get(DETAILS).await.ok();
    assert_eq!(details["personal_info"], Value::Null);
    app.get("/v0/kyc/details?refresh=true")
        .await
        .assert_problem(404, "KYC-404-001", DETAILS);
    done(&app, "support", "POST", "/users/usr_abc123/check", "").await;
    app.simulate(
        Method::POST,
        &format!("applicants/{USER}/personal-info"),
        json!({ "firstName": "Marked-Again" }),
    )
    .await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.stack.invoke("reconcile", &json!({})).await.unwrap();
    assert_forgotten(&app).await;
    assert_eq!(app.status().await, "approved");

    // Repeated, it tells again what is left to be done, and afterwards that nothing is.
    let again = done(&app, "compliance", "DELETE", PATH, REASON).await;
    assert_eq!(again["at_provider"]["applicants"], json!(applicants));
    assert_eq!(
        again["user"]["history_items"],
        answer["user"]["history_items"]
    );
    app.simulate(Method::DELETE, &format!("applicants/{USER}"), json!({}))
        .await;
    let last = done(&app, "compliance", "DELETE", PATH, REASON).await;
    assert_eq!(last["at_provider"]["applicants"], json!([]));
    assert_eq!(app.status().await, "approved");

    let history = done(&app, "support", "GET", "/users/usr_abc123/history", "").await;
    let items = history["items"].as_array().unwrap();
    let erased = items.iter().filter(|item| item["event"] == "PersonErased");
    let [erased] = erased.collect::<Vec<_>>()[..] else {
        panic!("{history}");
    };
    assert_eq!(erased["reason"], "Case 4711");
    assert_eq!(
        erased["caller"],
        "arn:aws:sts::123456789012:assumed-role/compliance/local"
    );
}

#[tokio::test]
async fn a_rejection_stays_with_our_own_sentence() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL", "moderationComment": "Marked comment" }))
        .await;
    assert_eq!(
        app.get(STATUS).await.ok()["reject_reason"],
        "Marked comment"
    );
    done(&app, "compliance", "DELETE", PATH, REASON).await;
    app.simulate(Method::DELETE, &format!("applicants/{USER}"), json!({}))
        .await;
    done(&app, "support", "POST", "/users/usr_abc123/check", "").await;
    let status = app.get(STATUS).await.ok();
    assert_eq!(status["status"], "rejected");
    assert_eq!(
        status["reject_reason"],
        "Your identity could not be verified."
    );
    assert_forgotten(&app).await;
}

#[tokio::test]
async fn an_erasure_amid_deliveries_leaves_no_name() {
    let app = App::start().await;
    app.webhooks("duplicated").await;
    app.post("/v0/kyc/access-token").await.ok();
    submit(&app, "Marked-First").await;
    tokio::join!(
        app.review(json!({ "reviewAnswer": "GREEN" })),
        done(&app, "compliance", "DELETE", PATH, REASON),
        app.get(REFRESH),
        app.get(DETAILS),
        submit(&app, "Marked-Second"),
    );
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.get(REFRESH).await;
    app.get(DETAILS).await;
    app.stack.invoke("reconcile", &json!({})).await.unwrap();
    assert_forgotten(&app).await;
}

#[tokio::test]
async fn a_restored_backup_is_erased_again() {
    let app = App::start().await;
    let backup = async |number: u8| {
        let items = app.items("UsersTable").await;
        let item = items.into_iter().find(|item| item["user_id"]["S"] == USER);
        let mut item = item.unwrap_or_else(|| panic!("no user for backup {number}"));
        // A restored item may be one that was stored as often as the present one.
        item["version"] = json!({ "N": (100 + number).to_string() });
        item
    };
    let restore = async |item: &Value| {
        let put = json!({ "TableName": app.stack.table("UsersTable"), "Item": item });
        app.dynamodb("PutItem", put).await;
    };
    app.post("/v0/kyc/access-token").await.ok();
    let unlinked = backup(1).await;
    submit(&app, "Marked-First").await;
    let in_progress = backup(2).await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.refreshed().await;
    let approved = backup(3).await;
    done(&app, "compliance", "DELETE", PATH, REASON).await;
    let registered = app.items("ErasuresTable").await;
    assert_eq!(registered.len(), 1);
    let stored = serde_json::to_string(&registered).unwrap();
    let applicant = approved["applicant_id"]["S"].as_str().unwrap();
    assert!(!stored.contains(applicant), "{stored}");

    // Neither a read nor an event nor the sweep brings anything back.
    for item in [&unlinked, &in_progress] {
        restore(item).await;
        app.get(REFRESH).await;
        assert_forgotten(&app).await;
        restore(item).await;
        app.review(json!({ "reviewAnswer": "GREEN" })).await;
        assert_forgotten(&app).await;
        app.get(REFRESH)
            .await
            .assert_problem(404, "KYC-404-001", STATUS);
    }
    // The registry finds a person whom the backup itself brings back.
    restore(&approved).await;
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], "Marked-First");
    let again = done(&app, "compliance", "POST", "/erasures", REASON).await;
    assert_eq!(
        again,
        json!({ "checked": 1, "erased": 1, "next_page": null })
    );
    assert_forgotten(&app).await;
    assert_eq!(app.status().await, "approved");
    let again = done(&app, "compliance", "POST", "/erasures", REASON).await;
    assert_eq!(again["erased"], 0);
}

#[tokio::test]
async fn a_person_who_comes_back_is_verified_anew() {
    let app = App::start().await;
    app.submit().await;
    done(&app, "compliance", "DELETE", PATH, REASON).await;
    assert_eq!(app.status().await, "pending");
    app.simulate(Method::DELETE, &format!("applicants/{USER}"), json!({}))
        .await;
    approve(&app).await;
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], "Marked-First");
}

#[tokio::test]
async fn an_erasure_does_not_wait_for_the_provider() {
    let app = App::start().await;
    approve(&app).await;
    app.provider(json!({ "mode": "unavailable" })).await;
    let answer = done(&app, "compliance", "DELETE", PATH, REASON).await;
    assert_eq!(
        answer["at_provider"]["applicants"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let to_do = answer["at_provider"]["to_do"].as_str().unwrap();
    assert!(to_do.starts_with("The provider did not answer."), "{to_do}");
    assert_forgotten(&app).await;

    let unknown = call(&app, "compliance", "DELETE", "/users/usr_unknown", REASON).await;
    assert_eq!(
        (unknown.0, &unknown.1["error_code"]),
        (404, &json!("KYC-404-002"))
    );
    let id = UserId::parse("usr_unknown").unwrap();
    assert!(app.users.get(&id).await.unwrap().is_none());
}
