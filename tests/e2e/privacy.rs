//! What must not be seen outside: in logs, in errors, in the table.

use std::collections::BTreeMap;

use local::Options;
use reqwest::Method;
use serde_json::json;

use tests::app::{ACCESS_TOKEN, App, DETAILS, ME, REFRESH, STATUS, USER};

#[tokio::test]
async fn nothing_personal_is_logged_at_the_most_talkative_level() {
    let parameters = BTreeMap::from([("LogLevel".to_owned(), "trace".to_owned())]);
    let app = App::start_with(Options {
        parameters,
        ..Options::default()
    })
    .await;
    let token = app.post(ACCESS_TOKEN).await.ok()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let person = json!({ "firstName": "Marked-First", "lastName": "Marked-Last", "dob": "1901-02-03", "nationality": "XNA",
        "country": "XCO", "documents": [{ "idDocType": "PASSPORT", "country": "XDO" }] });
    app.simulate(Method::POST, &format!("applicants/{USER}/submit"), person)
        .await;
    let review = json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY", "moderationComment": "Marked comment", "clientComment": "Marked finding" });
    app.review(review).await;
    app.get(DETAILS).await.ok();
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.get(REFRESH).await.ok();
    app.get(DETAILS).await.ok();
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], "Marked-First");
    app.provider(json!({ "mode": "malformed" })).await;
    app.get(REFRESH)
        .await
        .assert_problem(502, "KYC-502-001", STATUS);

    let secrets = serde_json::Value::from(app.stack.secrets().unwrap());
    let secret = |pointer: &str| secrets.pointer(pointer).unwrap().as_str().unwrap();
    let person = [
        "1901-02-03",
        "XNA",
        "XCO",
        "XDO",
        "Marked comment",
        "Marked finding",
    ];
    let name = ["Marked-First", "Marked-Last"];
    let credentials = [
        token.as_str(),
        secret("/ProviderSecret/app_token"),
        secret("/ProviderSecret/secret_key"),
        secret("/WebhookSecret/secrets/0"),
        // How every JWT begins.
        "eyJ",
    ];
    let logs = app.stack.logs();
    assert!(logs.len() > 10, "{logs:?}");
    for line in logs {
        for mark in person.iter().chain(&name).chain(&credentials) {
            assert!(!line.line.contains(mark), "{mark}: {}", line.line);
        }
    }

    // Of the person, the name of an approved user is stored, and nothing else.
    let table = app
        .dynamodb("Scan", json!({ "TableName": app.stack.table() }))
        .await;
    let items = table["Items"].as_array().unwrap();
    for (item, text) in items.iter().map(|item| (item, item.to_string())) {
        for mark in person.iter().chain(&credentials) {
            assert!(!text.contains(mark), "{mark}: {text}");
        }
        let is_user = item["sk"]["S"] == "USER";
        assert_eq!(
            name.iter().all(|mark| text.contains(mark)),
            is_user,
            "{text}"
        );
    }
    assert!(items.len() > 5, "user, history and events: {table}");
}
