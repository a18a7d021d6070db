//! Deliveries of the webhook: which are believed, and what they bring about.

use std::collections::BTreeMap;

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};

use shared::kyc::Status;
use tests::app::{App, STATUS, USER, WEBHOOK, digest};

/// An event that approves the user.
pub(crate) fn green() -> Value {
    json!({ "applicantId": "65abc123def4560000000000", "externalUserId": USER, "type": "applicantReviewed",
        "applicantType": "individual", "levelName": "basic-kyc-level", "sandboxMode": true, "reviewStatus": "completed", "reviewResult": { "reviewAnswer": "GREEN" },
        "createdAt": "2024-01-01 10:02:00+0000", "createdAtMs": "2024-01-01 10:02:00.123" })
}

pub(crate) fn with(member: &str, value: Value) -> Value {
    let mut event = green();
    event[member] = value;
    event
}

#[tokio::test]
async fn a_verdict_is_stored_before_it_is_acknowledged() {
    let app = App::start().await;
    let answer = app.deliver(&green()).await;
    assert_eq!(answer.ok(), json!({ "outcome": "applied" }));
    let status = app.get(STATUS).await.ok();
    assert_eq!(status["status"], "approved");
    assert_eq!(
        status["verified_at"], 1_704_103_320_000_i64,
        "the provider's time, to the second"
    );
    assert_eq!(
        app.deliver(&green()).await.ok(),
        json!({ "outcome": "duplicate" })
    );
}

#[tokio::test]
async fn header_names_are_taken_in_any_case_and_both_algorithms() {
    let app = App::start().await;
    let delivery = app.delivery(green().to_string());
    let digest = delivery.digest();
    let answer = delivery
        .send(&[
            ("X-PAYLOAD-DIGEST", &digest),
            ("x-Payload-Digest-ALG", "HMAC_SHA256_HEX"),
        ])
        .await;
    assert_eq!(answer.ok()["outcome"], "applied");
}

#[tokio::test]
async fn an_event_without_effect_is_acknowledged() {
    let app = App::start().await;
    for event in [
        with("type", json!("applicantActionReviewed")),
        with("type", json!("applicantTagsChanged")),
        with("type", json!("somethingNew")),
        with("testMode", json!(true)),
        with("externalUserId", json!("not an id of ours")),
        json!({ "type": "applicantReviewed" }),
    ] {
        assert_eq!(
            app.deliver(&event).await.ok(),
            json!({ "outcome": "ignored" }),
            "{event}"
        );
    }
    assert_eq!(app.status().await, "pending");
}

#[tokio::test]
async fn an_event_about_a_user_we_do_not_know_is_kept() {
    let app = App::start().await;
    assert_eq!(
        app.deliver(&with("externalUserId", json!("usr_new")))
            .await
            .ok()["outcome"],
        "applied"
    );
    let user = app.stored("usr_new").await;
    assert_eq!(user.review.status().as_str(), "approved");
    assert_eq!(user.step.as_str(), "phone_verification");
}

#[tokio::test]
async fn an_event_that_names_only_the_applicant_finds_its_user() {
    let app = App::start().await;
    app.webhooks("withheld").await;
    let started = app
        .simulate(Method::POST, &format!("applicants/{USER}/start"), json!({}))
        .await;
    let mut event = with("externalUserId", Value::Null);
    event["applicantId"] = started["applicant"]["id"].clone();
    assert_eq!(app.deliver(&event).await.ok()["outcome"], "applied");
    assert_eq!(app.status().await, "approved");
}

/// A system in production, without what it needs to know there.
async fn production() -> App {
    let parameters = BTreeMap::from([("ProviderEnvironment".to_owned(), "production".to_owned())]);
    App::start_with(Options {
        parameters,
        ..Options::default()
    })
    .await
}

fn logged(app: &App, text: &str) -> bool {
    app.stack.logs().iter().any(|line| line.line.contains(text))
}

#[tokio::test]
async fn production_does_not_start_without_knowing_whose_tokens_count() {
    let app = production().await;
    let answer = app.get(STATUS).await;
    answer.assert_problem(502, "GEN-502-001", STATUS);
    assert!(logged(&app, "JWT_ISSUER is not set"));
}

#[tokio::test]
async fn production_does_not_use_credentials_of_the_sandbox() {
    let app = production().await;
    let mut event = with("sandboxMode", json!(false));
    // Only the provider knows whom it is about.
    event["externalUserId"] = Value::Null;
    let answer = app.deliver(&event).await;
    answer.assert_problem(502, "KYC-502-001", WEBHOOK);
    assert!(logged(&app, "one of the sandbox"));
    assert_eq!(app.provider_requests("").await, 0);
}

#[tokio::test]
async fn production_ignores_the_sandbox() {
    let app = production().await;
    for sandbox in [json!(true), json!("true")] {
        assert_eq!(
            app.deliver(&with("sandboxMode", sandbox)).await.ok()["outcome"],
            "ignored"
        );
    }
    let status = async || app.stored(USER).await.review.status();
    assert_eq!(status().await, Status::Pending);
    assert_eq!(
        app.deliver(&with("sandboxMode", json!(false))).await.ok()["outcome"],
        "applied"
    );
    assert_eq!(status().await, Status::Approved);
}

#[tokio::test]
async fn several_secrets_are_accepted_during_a_rotation() {
    let secrets = BTreeMap::from([(
        "WebhookSecret".to_owned(),
        json!({ "secrets": ["new", "old"] }),
    )]);
    let app = App::start_with(Options {
        secrets,
        ..Options::default()
    })
    .await;
    let body = green().to_string();
    for (secret, status) in [("new", 200), ("old", 200), ("older", 401), ("", 401)] {
        let digest = digest(secret, body.as_bytes());
        let answer = app
            .delivery(body.clone())
            .send(&[("x-payload-digest", &digest)])
            .await;
        assert_eq!(answer.status, status, "{secret}");
    }
}
