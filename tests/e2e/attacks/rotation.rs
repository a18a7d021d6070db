//! Secrets that are replaced while the functions run, and who can make us fetch them.

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};

use super::issuer::{Issuer, claims, key_set};
use super::{ask, set, unharmed};
use crate::webhook::green;
use tests::app::{ACCESS_TOKEN, App, REFRESH, STATUS, USER, Vault, WEBHOOK, digest};
use tests::proxy::FaultProxy;

/// A system whose secrets can be replaced, and a proxy that counts how often they are fetched.
async fn app() -> (App, Vault, FaultProxy) {
    let proxy = FaultProxy::start(0).await;
    let options = Options {
        function_environment: set([("AWS_ENDPOINT_URL_SECRETS_MANAGER", &proxy.url())]),
        ..Options::default()
    };
    let (app, vault) = App::start_with_vault(options).await;
    proxy.set_target(app.stack.secrets_url());
    (app, vault, proxy)
}

#[tokio::test]
async fn a_webhook_secret_is_replaced() {
    let (app, vault, fetches) = app().await;
    assert_eq!(app.deliver(&green()).await.ok()["outcome"], "applied");
    let replayed = app.delivery(format!("{:#}", green()));
    let old_digest = replayed.digest();
    let before = fetches.requests();

    vault.set("WebhookSecret", Some(json!({ "secrets": ["rotated"] })));
    // Signed with what is there now.
    assert_eq!(app.deliver(&green()).await.ok()["outcome"], "duplicate");
    unharmed(&app, async {
        let answer = replayed.send(&[("x-payload-digest", &old_digest)]).await;
        answer.assert_problem(401, "KYC-401-001", WEBHOOK);
    })
    .await;
    assert_eq!(fetches.requests(), before + 1);
}

#[tokio::test]
async fn a_shared_key_set_is_replaced() {
    let (app, vault, _fetches) = app().await;
    let old = app.stack.token(USER, std::time::Duration::from_mins(1));
    let new = Issuer::ed25519("new");
    ask(&app, &Method::GET, STATUS, &old).await.ok();
    vault.set("JwksSecret", Some(key_set([&new])));
    let token = new.token(&claims());
    ask(&app, &Method::GET, STATUS, &token).await.ok();
    ask(&app, &Method::GET, STATUS, &old)
        .await
        .assert_problem(401, "USR-401-001", STATUS);
}

#[tokio::test]
async fn the_providers_credentials_are_replaced() {
    let (app, vault, _fetches) = app().await;
    app.submit().await;
    // The provider takes the credentials that it started with.
    let good = Value::from(app.stack.secrets().unwrap())["ProviderSecret"].clone();
    let bad = json!({ "app_token": "sbx:revoked", "secret_key": "revoked" });
    vault.set("ProviderSecret", Some(bad));
    // These have the functions read it.
    app.get(STATUS).await.ok();
    ask(&app, &Method::POST, ACCESS_TOKEN, "x")
        .await
        .assert_problem(401, "USR-401-001", ACCESS_TOKEN);
    vault.set("ProviderSecret", Some(good));
    assert_eq!(app.get(REFRESH).await.ok()["status"], "in_progress");
    app.post(ACCESS_TOKEN).await.ok();
}

#[tokio::test]
async fn forgeries_cause_one_fetch_a_minute() {
    let (app, _vault, fetches) = app().await;
    app.deliver(&green()).await.ok();
    app.get(STATUS).await.ok();
    let before = fetches.requests();
    unharmed(&app, async {
        for n in 0..20 {
            let body = green().to_string();
            let forged = digest(&format!("guess {n}"), body.as_bytes());
            let delivery = app.delivery(body);
            let answer = delivery.send(&[("x-payload-digest", &forged)]).await;
            answer.assert_problem(401, "KYC-401-001", WEBHOOK);
        }
    })
    .await;
    assert_eq!(fetches.requests(), before + 1, "the webhook's secrets");
    for n in 0..20 {
        let forged = Issuer::ed25519(&format!("guess-{n}")).token(&claims());
        let answer = ask(&app, &Method::GET, STATUS, &forged).await;
        answer.assert_problem(401, "USR-401-001", STATUS);
    }
    assert_eq!(fetches.requests(), before + 2, "and the keys of tokens");
}
