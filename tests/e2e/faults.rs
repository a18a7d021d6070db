//! Responses while the provider, the table or the secrets fail.

use std::collections::BTreeMap;

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::provider::{APPLICANT, app_with_answers};
use tests::app::{
    ACCESS_TOKEN, App, DETAILS, GATE, ME, REFRESH, STATUS, USER, Vault, WEBHOOK, digest, send,
};

const REFRESHED_DETAILS: &str = "/v0/kyc/details?refresh=true";

/// Asserts what callers see of a provider that does not do its part.
async fn assert_provider_unavailable(app: &App, retry_after: &str) {
    for (path, instance) in [(REFRESH, STATUS), (REFRESHED_DETAILS, DETAILS)] {
        let answer = app.get(path).await;
        answer.assert_problem(502, "KYC-502-001", instance);
        assert_eq!(answer.json()["detail"], "Verification provider unavailable");
        assert_eq!(answer.header("retry-after"), retry_after, "{path}");
    }
    let answer = app.post(ACCESS_TOKEN).await;
    answer.assert_problem(500, "KYC-500-002", ACCESS_TOKEN);
    assert_eq!(answer.header("retry-after"), retry_after);
    // Routes that need no provider go on.
    app.get(STATUS).await.ok();
    app.get(DETAILS).await.ok();
    app.get(ME).await.ok();
}

#[tokio::test]
async fn the_provider_is_away() {
    let app = App::start().await;
    app.submit().await;
    app.provider(json!({ "mode": "unavailable" })).await;
    assert_provider_unavailable(&app, "3").await;
    app.provider(json!({ "mode": "normal" })).await;
    assert_eq!(app.refreshed().await["status"], "in_progress");
}

#[tokio::test]
async fn a_trace_id_finds_every_line_of_its_request() {
    let app = App::start().await;
    app.submit().await;
    app.provider(json!({ "mode": "unavailable" })).await;
    let before = app.stack.logs().len();
    let mut requests = app.stack.follow_requests();
    let answer = app.get(REFRESH).await;
    answer.assert_problem(502, "KYC-502-001", STATUS);
    let trace_id = answer.json()["trace_id"].clone();

    // The gateway's line, for people.
    let answered = requests.recv().await.unwrap();
    assert_eq!(trace_id, *answered.request_id);
    assert_eq!(answered.user.unwrap().as_str(), USER);
    // Those of the functions: all of them, at the provider's call too.
    let lines = app.stack.logs().split_off(before);
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(&line.line).unwrap())
        .collect();
    for line in &lines {
        let found = [&line["trace_id"], &line["span"]["trace_id"]];
        assert!(found.contains(&&trace_id), "{line}");
    }
    assert!(lines.iter().any(|line| line["ProviderCalls"] == 1));
    // Alarms tell by the version whether a new one failed.
    let failed = |line: &&Value| line["message"] == "request failed";
    assert_eq!(lines.iter().find(failed).unwrap()["version"], "$LATEST");
}

#[tokio::test]
async fn a_provider_that_just_failed_is_not_asked_again_at_once() {
    let app = App::start().await;
    app.submit().await;
    for fault in [
        json!({ "mode": "unavailable" }),
        json!({ "mode": "throttled", "retry_after": 2 }),
    ] {
        app.simulate(Method::DELETE, "requests", json!({})).await;
        app.provider(fault).await;
        app.get(REFRESH)
            .await
            .assert_problem(502, "KYC-502-001", STATUS);
        let asked = app.provider_requests("externalUserId").await;
        let answer = app.get(REFRESH).await;
        answer.assert_problem(502, "KYC-502-001", STATUS);
        assert!(
            ["1", "2", "3"].contains(&answer.header("retry-after")),
            "{answer:?}"
        );
        assert_eq!(app.provider_requests("externalUserId").await, asked);
        app.provider(json!({ "mode": "normal" })).await;
        assert_eq!(app.refreshed().await["status"], "in_progress");
    }
}

#[tokio::test]
async fn a_failed_read_is_tried_once_more_and_a_token_is_not() {
    let app = App::start().await;
    app.provider(json!({ "mode": "unavailable" })).await;
    app.get(REFRESH).await;
    assert_eq!(app.provider_requests("externalUserId").await, 2);
    app.post(ACCESS_TOKEN).await;
    assert_eq!(app.provider_requests("accessTokens").await, 1);
}

#[tokio::test]
async fn the_provider_throttles() {
    let app = App::start().await;
    app.submit().await;
    app.provider(json!({ "mode": "throttled", "retry_after": 7 }))
        .await;
    assert_provider_unavailable(&app, "7").await;
}

#[tokio::test]
async fn the_provider_answers_garbage() {
    let app = App::start().await;
    app.submit().await;
    app.provider(json!({ "mode": "malformed" })).await;
    assert_provider_unavailable(&app, "").await;
    for garbage in [
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        r#"{"id":7}"#,
        r#"{"id":"a""#,
    ] {
        let app = app_with_answers([(APPLICANT, 200, garbage)]).await;
        app.get(REFRESH)
            .await
            .assert_problem(502, "KYC-502-001", STATUS);
    }
}

#[tokio::test]
async fn the_provider_is_slow() {
    let app = App::start().await;
    app.submit().await;
    app.provider(json!({ "mode": "slow", "delay_ms": 60_000 }))
        .await;
    let answer = app.get(REFRESH).await;
    answer.assert_problem(502, "KYC-502-001", STATUS);
    assert_eq!(answer.header("retry-after"), "3");
}

#[tokio::test]
async fn the_provider_refuses_our_credentials() {
    for status in [401, 403] {
        let app = app_with_answers([
            (APPLICANT, status, "forbidden"),
            ("/resources/accessTokens/sdk", status, "{}"),
        ])
        .await;
        app.get(REFRESH)
            .await
            .assert_problem(502, "KYC-502-001", STATUS);
        app.post(ACCESS_TOKEN)
            .await
            .assert_problem(500, "KYC-500-002", ACCESS_TOKEN);
    }
    // Against the simulator, which checks signatures as the provider does.
    let app = app_with_wrong_credentials().await;
    app.get(REFRESH)
        .await
        .assert_problem(502, "KYC-502-001", STATUS);
}

/// A system that the simulator does not know.
pub(crate) async fn app_with_wrong_credentials() -> App {
    App::start_with(Options {
        parameters: BTreeMap::from([("ProviderSecret".to_owned(), "Wrong".to_owned())]),
        secrets: BTreeMap::from([(
            "Wrong".to_owned(),
            json!({ "app_token": "sbx:x", "secret_key": "x" }),
        )]),
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn an_unknown_level_is_our_fault() {
    let parameters = BTreeMap::from([("ProviderLevel".to_owned(), "no-such-level".to_owned())]);
    let app = App::start_with(Options {
        parameters,
        ..Options::default()
    })
    .await;
    let answer = app.post(ACCESS_TOKEN).await;
    answer.assert_problem(500, "KYC-500-002", ACCESS_TOKEN);
    assert_eq!(answer.header("retry-after"), "");
}

#[tokio::test]
async fn an_approval_is_not_lost_for_a_name() {
    let app = App::start().await;
    app.submit().await;
    app.provider(json!({ "mode": "unavailable" })).await;
    let reviewed = app.review(json!({ "reviewAnswer": "GREEN" })).await;
    assert_eq!(reviewed["deliveries"][0]["status"], 200);
    assert_eq!(app.status().await, "approved");
    assert_eq!(app.step().await, "open_banking");
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], Value::Null);

    // The next read fills it in.
    app.provider(json!({ "mode": "normal" })).await;
    app.get(DETAILS).await.ok();
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], "Jane");
}

#[tokio::test]
async fn without_the_provider_details_show_what_is_stored() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    let before = app.get(DETAILS).await.ok();
    app.provider(json!({ "mode": "unavailable" })).await;

    let details = app.get(DETAILS).await.ok();
    assert_eq!(details["status"], "approved");
    assert_eq!(
        details["personal_info"],
        json!({ "first_name": "Jane", "last_name": "Smith", "date_of_birth": null, "nationality": null, "country_of_residence": null })
    );
    let mut documents = before["documents"].clone();
    documents[0]["country"] = Value::Null;
    assert_eq!(details["documents"], documents);
}

#[tokio::test]
async fn a_delivery_whose_user_cannot_be_found_out_is_delivered_again() {
    let app = App::start().await;
    let event = json!({ "type": "applicantReviewed", "applicantId": "65abc123def4560000000000", "reviewStatus": "completed",
        "reviewResult": { "reviewAnswer": "GREEN" }, "sandboxMode": true });
    app.provider(json!({ "mode": "unavailable" })).await;
    app.deliver(&event)
        .await
        .assert_problem(502, "KYC-502-001", WEBHOOK);
}

/// A system in whose Secrets Manager something was changed before the functions first looked.
async fn app_with_secret(id: &str, value: Option<Value>) -> (App, Vault) {
    let (app, vault) = App::start_with_vault(Options::default()).await;
    vault.set(id, value);
    (app, vault)
}

#[tokio::test]
async fn the_secrets_cannot_be_had() {
    let (app, _vault) = app_with_secret("JwksSecret", None).await;
    for path in [STATUS, DETAILS] {
        app.get(path).await.assert_problem(500, "KYC-500-001", path);
    }
    app.post(ACCESS_TOKEN)
        .await
        .assert_problem(500, "KYC-500-001", ACCESS_TOKEN);

    let (app, _vault) = app_with_secret("WebhookSecret", None).await;
    let answer = app.delivery("{}").send(&[("x-payload-digest", "aa")]).await;
    answer.assert_problem(500, "KYC-500-001", WEBHOOK);

    let (app, _vault) = app_with_secret("ProviderSecret", None).await;
    app.get(REFRESH)
        .await
        .assert_problem(502, "KYC-502-001", STATUS);
    app.get(STATUS).await.ok();
}

#[tokio::test]
async fn without_a_webhook_secret_every_delivery_is_refused() {
    for none in [json!({ "secrets": [] }), json!({ "secrets": [""] })] {
        let (app, _vault) = app_with_secret("WebhookSecret", Some(none)).await;
        let answer = app
            .delivery("{}")
            .send(&[("x-payload-digest", &digest("", b"{}"))])
            .await;
        answer.assert_problem(401, "KYC-401-001", WEBHOOK);
    }
}

#[tokio::test]
async fn the_table_cannot_be_used() {
    let app = App::start().await;
    for table in ["UsersTable", "CountersTable"] {
        app.dynamodb(
            "DeleteTable",
            json!({ "TableName": app.stack.table(table) }),
        )
        .await;
    }
    for path in [STATUS, DETAILS] {
        app.get(path).await.assert_problem(500, "KYC-500-001", path);
    }
    app.get(GATE).await.assert_problem(500, "KYC-500-001", GATE);
    app.get("/v0/user/me")
        .await
        .assert_problem(500, "KYC-500-001", "/v0/user/me");
    app.post(ACCESS_TOKEN)
        .await
        .assert_problem(500, "KYC-500-002", ACCESS_TOKEN);
    let event =
        json!({ "type": "applicantPending", "externalUserId": USER, "reviewStatus": "pending" });
    // The provider delivers again what was not stored.
    app.deliver(&event)
        .await
        .assert_problem(500, "KYC-500-001", WEBHOOK);
}

#[tokio::test]
async fn a_function_without_configuration_names_what_is_missing() {
    let parameters = BTreeMap::from([(
        "OnboardingSteps".to_owned(),
        "phone_verification".to_owned(),
    )]);
    let app = App::start_with(Options {
        parameters,
        ..Options::default()
    })
    .await;
    let answer = send(app.as_user(Method::GET, STATUS, USER)).await;
    answer.assert_problem(502, "GEN-502-001", STATUS);
    let logs: Vec<String> = app.stack.logs().into_iter().map(|line| line.line).collect();
    assert!(
        logs.iter().any(|line| line.contains("ONBOARDING_STEPS")
            && line.contains("kyc_verification is missing")),
        "{logs:?}"
    );
    // The gate does not read it.
    app.get(GATE).await.assert_problem(403, "KYC-403-001", GATE);
}
