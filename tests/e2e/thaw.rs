//! Functions that are frozen between two requests, as Lambda does, while their connections go bad.

use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::routing::{any, get};
use axum::{Json, Router};
use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use tests::app::{App, REFRESH, STATUS, send};
use tests::proxy::{FaultProxy, Loss};

use crate::attacks::issuer::{Issuer, claims, key_set};
use crate::provider::serve;
use crate::webhook::green;

/// Stops a process, or lets it go on.
fn signal(process: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.unwrap().success(), "{signal}");
}

const LOSSES: [Loss; 3] = [Loss::Closed, Loss::Reset, Loss::Swallowed];

/// Stops processes while something happens.
fn freeze(processes: &[u32], meanwhile: impl FnOnce()) {
    for process in processes {
        signal(*process, "-STOP");
    }
    meanwhile();
    for process in processes {
        signal(*process, "-CONT");
    }
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

    for loss in LOSSES {
        assert_eq!(app.get(REFRESH).await.ok()["status"], "in_progress");
        let processes = app.stack.idle_processes("status");
        assert_eq!(processes.len(), 1, "requests one after the other");
        let before = database.requests() + provider.requests();
        freeze(&processes, || {
            database.lose(loss);
            provider.lose(loss);
        });
        let answer = app.get(REFRESH).await;
        assert_eq!(answer.ok()["status"], "in_progress", "{loss:?}");
        assert!(
            database.requests() + provider.requests() > before,
            "{loss:?}"
        );
        assert_eq!(app.stack.idle_processes("status"), processes, "{loss:?}");
    }
}

/// The secret was replaced while the function was frozen, so that it has to be fetched anew.
#[tokio::test]
async fn a_thawed_function_fetches_a_secret_over_another_connection() {
    for loss in LOSSES {
        let proxy = FaultProxy::start(1).await;
        let environment = [("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), proxy.url())];
        let options = Options {
            function_environment: environment.into(),
            ..Options::default()
        };
        let (app, vault) = App::start_with_vault(options).await;
        proxy.set_target(app.stack.secrets_url());
        assert_eq!(app.deliver(&green()).await.ok()["outcome"], "applied");
        let processes = app.stack.idle_processes("webhook");
        let before = proxy.requests();
        freeze(&processes, || proxy.lose(loss));
        vault.set("WebhookSecret", Some(json!({ "secrets": ["rotated"] })));
        let answer = app.deliver(&green()).await;
        assert_eq!(answer.ok()["outcome"], "duplicate", "{loss:?}");
        assert!(proxy.requests() > before, "{loss:?}");
        assert_eq!(app.stack.idle_processes("webhook"), processes, "{loss:?}");
    }
}

/// The issuer replaced its key while the function was frozen.
#[tokio::test]
async fn a_thawed_function_fetches_keys_over_another_connection() {
    for loss in LOSSES {
        let [old, new] = ["old", "new"].map(Issuer::ed25519);
        let published = Arc::new(Mutex::new(key_set([&old])));
        let keys = Arc::clone(&published);
        let answer = move || async move { Json::<Value>(keys.lock().unwrap().clone()) };
        let proxy = FaultProxy::start(1).await;
        proxy.set_target(&serve(Router::new().route("/jwks.json", get(answer))).await);
        let url = format!("{}/jwks.json", proxy.url());
        let app = App::start_with(Options {
            parameters: [("JwksUrl".to_owned(), url)].into(),
            ..Options::default()
        })
        .await;
        let ask = async |issuer: &Issuer| {
            let request = app.request(Method::GET, STATUS);
            send(request.header("x-juno-jwt", issuer.token(&claims()))).await
        };
        ask(&old).await.ok();
        let processes = app.stack.idle_processes("status");
        let before = proxy.requests();
        *published.lock().unwrap() = key_set([&new]);
        freeze(&processes, || proxy.lose(loss));
        let answer = ask(&new).await;
        assert_eq!(answer.ok()["status"], "pending", "{loss:?}");
        assert!(proxy.requests() > before, "{loss:?}");
        assert_eq!(app.stack.idle_processes("status"), processes, "{loss:?}");
    }
}
