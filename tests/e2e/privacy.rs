//! What must not be seen outside: in logs, in errors, in the table.

use reqwest::Method;
use serde_json::json;

use crate::app::{ACCESS_TOKEN, App, DETAILS, ME, REFRESH, USER};
use local::Options;
use std::collections::BTreeMap;

#[tokio::test]
async fn nothing_personal_is_logged_at_the_most_talkative_level() {
    let parameters = BTreeMap::from([("LogLevel".to_owned(), "trace".to_owned())]);
    let app = App::start_with(Options { parameters, ..Options::default() }).await;
    let token = app.post(ACCESS_TOKEN).await.ok()["access_token"].as_str().unwrap().to_owned();
    let person = json!({ "firstName": "Marked-First", "lastName": "Marked-Last", "dob": "1901-02-03", "nationality": "XNA",
        "country": "XCO", "documents": [{ "idDocType": "PASSPORT", "country": "XDO" }] });
    app.simulate(Method::POST, &format!("applicants/{USER}/submit"), person).await;
    let review = json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY", "moderationComment": "Marked comment", "clientComment": "Marked finding" });
    app.review(review).await;
    app.get(DETAILS).await.ok();
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.get(REFRESH).await.ok();
    app.get(DETAILS).await.ok();
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], "Marked-First");
    app.provider(json!({ "mode": "malformed" })).await;
    app.get(REFRESH).await.assert_problem(502, "KYC-502-001", crate::app::STATUS);

    let secrets = app.stack.secrets().unwrap();
    let secret = |pointer: &str| secrets_text(&secrets, pointer);
    let marks = [
        "Marked-First".to_owned(), "Marked-Last".to_owned(), "1901-02-03".to_owned(), "XNA".to_owned(), "XCO".to_owned(), "XDO".to_owned(),
        "Marked comment".to_owned(), "Marked finding".to_owned(), token,
        secret("/ProviderSecret/app_token"), secret("/ProviderSecret/secret_key"), secret("/WebhookSecret/secrets/0"),
        "eyJ".to_owned(),
    ];
    let logs = app.stack.logs();
    assert!(logs.len() > 10, "{logs:?}");
    for line in logs {
        for mark in &marks {
            assert!(!line.line.contains(mark), "{mark}: {}", line.line);
        }
    }
}

fn secrets_text(secrets: &serde_json::Map<String, serde_json::Value>, pointer: &str) -> String {
    serde_json::Value::from(secrets.clone()).pointer(pointer).unwrap().as_str().unwrap().to_owned()
}
