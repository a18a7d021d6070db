//! The functions write the metrics that the runbook lists. `tests/deployed` compares alarms and dashboard with that list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use tests::app::{ACCESS_TOKEN, App, DETAILS, REFRESH, STATUS, USER, WEBHOOK, send};

use crate::faults::app_with_wrong_credentials;
use crate::provider::{APPLICANT, app_with_answers};
use crate::webhook::with;

/// Name, name of the dimension, its value; the last two are empty if there is none.
type Metric = [String; 3];

fn metric(name: &str, dimension: &str, value: &str) -> Metric {
    [name, dimension, value].map(str::to_owned)
}

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

/// Those in the table of the runbook.
fn documented() -> BTreeSet<Metric> {
    let runbook = file("docs/runbook.md");
    let section = runbook
        .split("\n## ")
        .find(|section| section.starts_with("Metrics"));
    let rows = section
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let quoted = |cell: &str| -> Vec<String> {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let (name, kinds) = (quoted(cells[1]).remove(0), quoted(cells[2]));
        match kinds.split_first() {
            None => vec![metric(&name, "", "")],
            Some((dimension, values)) => values
                .iter()
                .map(|value| metric(&name, dimension, value))
                .collect(),
        }
    })
    .collect()
}

/// Those that functions have written.
fn written(app: &App) -> BTreeSet<Metric> {
    let mut metrics = BTreeSet::new();
    for line in app.stack.logs() {
        let Ok(line) = serde_json::from_str::<Value>(&line.line) else {
            continue;
        };
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        if directive.is_null() {
            continue;
        }
        assert_eq!(directive["Namespace"], "local", "the name of the stack");
        let dimension = directive["Dimensions"][0][0].as_str().unwrap_or_default();
        let value = line[dimension].as_str().unwrap_or_default();
        for entry in directive["Metrics"].as_array().unwrap() {
            let name = entry["Name"].as_str().unwrap();
            assert!(line[name].is_u64(), "{line}");
            metrics.insert(metric(name, dimension, value));
        }
    }
    metrics
}

#[tokio::test]
async fn functions_write_the_metrics_of_the_runbook() {
    let app = App::start().await;
    app.get(REFRESH).await;
    app.webhooks("withheld").await;
    app.submit().await;
    for _ in ["changed", "unchanged"] {
        app.get(REFRESH).await.ok();
    }
    app.webhooks("normal").await;
    app.review(json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY" }))
        .await;
    app.simulate(Method::POST, &format!("applicants/{USER}/reset"), json!({}))
        .await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.review(json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL" }))
        .await;

    let event = with("type", json!("applicantPending"));
    app.deliver(&event).await.ok();
    app.deliver(&event).await.ok();
    app.deliver(&with("type", json!("applicantTagsChanged")))
        .await
        .ok();
    send(app.request(Method::POST, WEBHOOK).body("{}")).await;

    app.stack.invoke("reconcile", &json!({})).await.unwrap();

    app.provider(json!({ "mode": "throttled" })).await;
    app.get(DETAILS).await.ok();
    app.provider(json!({ "mode": "unavailable" })).await;
    app.get(REFRESH).await;
    app.get(REFRESH).await;
    // Only the provider knows whom this is about.
    app.deliver(&with("externalUserId", Value::Null)).await;
    let locked_out = app_with_wrong_credentials().await;
    locked_out.post(ACCESS_TOKEN).await;

    // A provider that confuses users, and one that names no level.
    let other = r#"{"id":"a","externalUserId":"usr_other"}"#;
    let confused = app_with_answers([(APPLICANT, 200, other)]).await;
    confused.get(REFRESH).await;
    let green = r#"{"id":"a","review":{"reviewStatus":"completed","reviewResult":{"reviewAnswer":"GREEN"}}}"#;
    let silent = app_with_answers([(APPLICANT, 200, green)]).await;
    assert_eq!(silent.get(REFRESH).await.ok()["status"], "in_progress");

    // Keys and a secret that are taken away while they are in use, and what makes functions fetch them early.
    let (bereft, vault) = App::start_with_vault(Options::default()).await;
    bereft.get(STATUS).await.ok();
    bereft.deliver(&event).await.ok();
    vault.set("JwksSecret", None);
    vault.set("WebhookSecret", None);
    let [token, other] =
        [USER, "usr_other"].map(|user| bereft.stack.token(user, Duration::from_mins(1)));
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    let forged = bereft.request(Method::GET, STATUS);
    let forged = forged.header("x-juno-jwt", format!("{signed}.{signature}"));
    assert_eq!(send(forged).await.status, 401);
    let forged = bereft.delivery(event.to_string());
    assert_eq!(
        forged
            .send(&[("x-payload-digest", &"0".repeat(64))])
            .await
            .status,
        401
    );

    let mut written = written(&app);
    for app in [&locked_out, &confused, &silent, &bereft] {
        written.append(&mut self::written(app));
    }
    // This one is made of the access log, by API Gateway.
    written.insert(metric("RequestsThrottled", "", ""));
    assert_eq!(written, documented());
}
