//! The cases of `tests/cases`, whose README says what their lines mean.

use std::fs;
use std::path::Path;

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use tests::app::{ACCESS_TOKEN, App, REFRESH, STATUS, USER, send};
use tests::proxy::FaultProxy;

use crate::attacks::issuer::{Issuer, claims, key_set};
use crate::provider::{APPLICANT, app_with_answers};
use crate::webhook::green;

fn cases(name: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("cases/{name}.jsonl"));
    let text = fs::read_to_string(file).unwrap();
    let cases: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(cases.len() > 5, "{name}");
    for case in &cases {
        assert!(case["source"].as_str().unwrap().starts_with("https://"));
    }
    cases
}

/// Returns an object with other members; a member that is `null` is left out.
fn changed(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
    let members = object.as_object_mut().unwrap();
    members.retain(|_, value| !value.is_null());
    object
}

#[tokio::test]
async fn conflicts_and_throttling_of_the_database_are_retried() {
    let proxy = FaultProxy::start(0).await;
    let environment = [("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), proxy.url())];
    let app = App::start_with(Options {
        function_environment: environment.into(),
        ..Options::default()
    })
    .await;
    proxy.set_target(app.stack.dynamodb_url());
    app.submit().await;
    for (number, case) in cases("database").into_iter().enumerate() {
        let http = u16::try_from(case["http"].as_u64().unwrap()).unwrap();
        let answer = case["answer"].clone();
        proxy.answer_next(
            case["operation"].as_str().unwrap(),
            app.stack.table(case["table"].as_str().unwrap()),
            usize::try_from(case["times"].as_u64().unwrap()).unwrap(),
            move |request| {
                let mut answer = answer.clone();
                // A batch of which nothing was read comes back as it was sent.
                if answer["UnprocessedKeys"] == "RequestItems" {
                    answer["UnprocessedKeys"] = request["RequestItems"].clone();
                }
                (http, answer.to_string())
            },
        );
        let status = match case["request"].as_str().unwrap() {
            "token" => app.post(ACCESS_TOKEN).await.status,
            "refresh" => app.get(REFRESH).await.status,
            "delivery" => {
                // A user of its own, whose verdict is not stored yet.
                let user = format!("usr_{number}");
                app.stack.seed(&user).await.unwrap();
                let applicant = format!("65abc123def45600000000{number:02}");
                let event = json!({ "externalUserId": user, "applicantId": applicant });
                let answer = app.deliver(&changed(green(), &event)).await;
                assert_eq!(answer.ok()["outcome"], "applied", "{case}");
                let poll = send(app.as_user(Method::GET, STATUS, &user)).await;
                assert_eq!(poll.ok()["status"], "approved", "{case}");
                answer.status
            }
            other => panic!("{other}: no such request"),
        };
        assert_eq!(status, case["status"], "{case}");
        assert_eq!(proxy.answers_left(), 0, "{case}");
    }
}

#[tokio::test]
async fn deliveries_have_the_right_effect() {
    let app = App::start().await;
    for (number, case) in cases("deliveries").iter().enumerate() {
        let user = format!("usr_{number}");
        app.stack.seed(&user).await.unwrap();
        let applicant = format!("65abc123def45600000000{number:02}");
        let own = json!({ "externalUserId": user, "applicantId": applicant });
        let event = changed(changed(green(), &own), &case["event"]);
        let outcome = app.deliver(&event).await.ok();
        assert_eq!(outcome["outcome"], case["outcome"], "{case}");
        let poll = send(app.as_user(Method::GET, STATUS, &user)).await;
        assert_eq!(poll.ok()["status"], case["then"], "{case}");
    }
}

#[tokio::test]
async fn reads_of_the_provider_have_the_right_effect() {
    for case in cases("reads") {
        let body = match &case["applicant"] {
            Value::String(text) => text.clone(),
            applicant => applicant.to_string(),
        };
        let app = app_with_answers([(APPLICANT, 200, body.as_str())]).await;
        assert_eq!(app.get(REFRESH).await.status, case["status"], "{case}");
        assert_eq!(app.status().await, case["then"], "{case}");
    }
}

#[tokio::test]
async fn tokens_are_judged_rightly() {
    for case in cases("tokens") {
        let mut issuer = Issuer::ed25519("key");
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": "key" });
        let token = issuer.sign(
            changed(header, &case["header"]).to_string(),
            changed(claims(), &case["claims"]).to_string(),
        );
        issuer.jwk = changed(issuer.jwk.clone(), &case["key"]);
        let parameters = case["parameters"].as_object().into_iter().flatten();
        let parameters =
            parameters.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        let keys = [("JwksSecret".to_owned(), key_set([&issuer]))];
        let app = App::start_with(Options {
            secrets: keys.into(),
            function_environment: parameters.collect(),
            ..Options::default()
        })
        .await;
        let subject = case["claims"]["sub"].as_str().unwrap_or(USER);
        app.stack.seed(subject).await.unwrap();
        let answer = send(app.request(Method::GET, STATUS).header("x-juno-jwt", token)).await;
        assert_eq!(answer.status, case["status"], "{case}");
        if let Some(cause) = case["cause"].as_str() {
            let logs = app.stack.logs();
            let named = logs.iter().any(|line| line.line.contains(cause));
            assert!(named, "{case}");
        }
    }
}
