//! Functions that are frozen between two requests, as Lambda does, while their connections go bad.

use std::process::Command;

use axum::Router;
use axum::routing::any;
use local::Options;
use serde_json::json;
use tests::app::{App, REFRESH};
use tests::proxy::{FaultProxy, Loss};

use crate::provider::serve;

/// Stops a process, or lets it go on.
fn signal(process: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.unwrap().success(), "{signal}");
}

#[tokio::test]
async fn a_thawed_function_gives_up_connections_that_went_bad() {
    let applicant = json!({ "id": "65abc123def4560000000000", "externalUserId": "usr_abc123",
        "review": { "reviewStatus": "pending", "levelName": "basic-kyc-level" } });
    let answer = any(move || async move { axum::Json(applicant) });
    let [database, provider] = [FaultProxy::start(1).await, FaultProxy::start(2).await];
    provider.set_target(&serve(Router::new().fallback_service(answer)).await);
    let environment = [("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), database.url())];
    let app = App::start_with(Options {
        provider_url: Some(provider.url()),
        function_environment: environment.into(),
        ..Options::default()
    })
    .await;
    database.set_target(app.stack.dynamodb_url());

    for loss in [Loss::Closed, Loss::Swallowed] {
        assert_eq!(app.get(REFRESH).await.ok()["status"], "in_progress");
        let processes = app.stack.idle_processes("status");
        assert_eq!(processes.len(), 1, "requests one after the other");
        let before = database.requests() + provider.requests();
        for process in &processes {
            signal(*process, "-STOP");
        }
        database.lose(loss);
        provider.lose(loss);
        for process in &processes {
            signal(*process, "-CONT");
        }
        let answer = app.get(REFRESH).await;
        assert_eq!(answer.ok()["status"], "in_progress", "{loss:?}");
        assert!(
            database.requests() + provider.requests() > before,
            "{loss:?}"
        );
        assert_eq!(app.stack.idle_processes("status"), processes, "{loss:?}");
    }
}
