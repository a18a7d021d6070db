//! Keys that are fetched from the issuer: who can make us fetch, and what happens while the issuer is out of order.

use local::Options;
use reqwest::Method;
use serde_json::json;

use super::issuer::{Issuer, claims, key_set};
use super::key_server::{Behaviour, KeyServer};
use super::{ask, set, unharmed};
use tests::app::{App, DETAILS, FOR_USERS, STATUS};

async fn app(server: &KeyServer) -> App {
    App::start_with(Options {
        parameters: set([("JwksUrl", server.url())]),
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn keys_are_fetched_again_for_an_unknown_key_id_but_not_again_and_again() {
    let (old, new) = (Issuer::ed25519("old"), Issuer::p256("new"));
    let server = KeyServer::start(&key_set([&old])).await;
    let app = app(&server).await;
    let status =
        async |issuer: &Issuer| ask(&app, &Method::GET, STATUS, &issuer.token(&claims())).await;
    status(&old).await.ok();
    status(&old).await.ok();
    assert_eq!(server.requests(), 1);

    // A key that was rotated in counts at once, and one that was rotated out no longer.
    server.behave(Behaviour::keys(&key_set([&new])));
    status(&new).await.ok();
    assert_eq!(server.requests(), 2);
    status(&old)
        .await
        .assert_problem(401, "USR-401-001", STATUS);

    // Another function, with keys of its own.
    let valid = new.token(&claims());
    ask(&app, &Method::GET, DETAILS, &valid).await.ok();
    let before = server.requests();
    unharmed(&app, async {
        for n in 0..20 {
            let unknown = Issuer::ed25519(&format!("unknown-{n}")).token(&claims());
            for (path, token) in [(DETAILS, &unknown), (STATUS, &unknown)] {
                ask(&app, &Method::GET, path, token)
                    .await
                    .assert_problem(401, "USR-401-001", path);
            }
        }
    })
    .await;
    assert_eq!(server.requests(), before + 1);
    ask(&app, &Method::GET, DETAILS, &valid).await.ok();
}

#[tokio::test]
async fn known_keys_stay_in_use_while_the_issuer_is_down() {
    let (known, unknown) = (Issuer::ed25519("known"), Issuer::ed25519("unknown"));
    let set = key_set([&known]);
    let attackers = key_set([&unknown]).to_string();
    let large = format!(
        r#"{{"keys":[{}],"x":"{}"}}"#,
        unknown.jwk,
        "x".repeat(1024 * 1024)
    );
    let elsewhere = KeyServer::start(&key_set([&unknown])).await;
    let redirect = format!("302 Found\r\nlocation: {}", elsewhere.url());
    let behaviours = [
        ("down", Behaviour::Down),
        ("hanging", Behaviour::Hang),
        (
            "failing",
            Behaviour::answer("500 Internal Server Error", attackers.clone()),
        ),
        (
            "gone",
            Behaviour::answer("404 Not Found", attackers.clone()),
        ),
        (
            "redirecting",
            Behaviour::answer(&redirect, attackers.clone()),
        ),
        ("cut", Behaviour::Cut(attackers.clone().into_bytes())),
        ("large", Behaviour::answer("200 OK", large)),
        ("empty", Behaviour::answer("200 OK", "")),
        ("garbage", Behaviour::answer("200 OK", "<html>\u{0}")),
        (
            "without keys",
            Behaviour::answer("200 OK", r#"{"keys":[]}"#),
        ),
        (
            "with keys of other kinds",
            Behaviour::answer("200 OK", r#"{"keys":[{"kty":"AKP"},7]}"#),
        ),
        (
            "nested",
            Behaviour::answer("200 OK", format!(r#"{{"keys":{}"#, "[".repeat(60_000))),
        ),
    ];
    // Each function renews its keys once a minute at most, so each is for one behaviour.
    for behaviours in behaviours.chunks(FOR_USERS.len()) {
        let server = KeyServer::start(&set).await;
        let app = app(&server).await;
        for ((what, behaviour), (method, path)) in behaviours.iter().zip(FOR_USERS) {
            let accepts = async |issuer: &Issuer| {
                let answer = ask(&app, &method, path, &issuer.token(&claims())).await;
                if answer.status == 401 {
                    answer.assert_problem(401, "USR-401-001", path);
                }
                assert!(answer.status < 500, "{what}: {answer:?}");
                answer.status != 401
            };
            server.behave(Behaviour::keys(&set));
            assert!(accepts(&known).await, "{what}");
            let before = server.requests();
            server.behave(behaviour.clone());
            assert!(!accepts(&unknown).await, "{what}");
            assert!(accepts(&known).await, "{what}");
            assert!(!accepts(&unknown).await, "{what}");
            assert_eq!(server.requests(), before + 1, "{what}");
        }
    }
    assert_eq!(elsewhere.requests(), 0, "a redirect is not followed");
}

/// At the first request, too: no keys are no reason to believe anybody.
#[tokio::test]
async fn without_keys_every_token_is_refused() {
    let issuer = Issuer::ed25519("ed");
    let server = KeyServer::start(&key_set([&issuer])).await;
    server.behave(Behaviour::Down);
    let app = app(&server).await;
    for (method, path) in FOR_USERS {
        ask(&app, &method, path, &issuer.token(&claims()))
            .await
            .assert_problem(500, "KYC-500-001", path);
    }
    server.behave(Behaviour::keys(&key_set([&issuer])));
    // The failure is remembered for a second. How long that took is of no interest here.
    while ask(&app, &Method::GET, STATUS, &issuer.token(&claims()))
        .await
        .status
        == 500
    {}
    ask(&app, &Method::GET, STATUS, &issuer.token(&claims()))
        .await
        .ok();
}

#[tokio::test]
async fn a_published_secret_is_no_key() {
    let (ed, hmac) = (Issuer::ed25519("ed"), Issuer::hmac("hmac", &[7; 32]));
    let server = KeyServer::start(&key_set([&ed, &hmac])).await;
    let app = app(&server).await;
    ask(&app, &Method::GET, STATUS, &ed.token(&claims()))
        .await
        .ok();
    for algorithm in ["HS256", "EdDSA"] {
        let header = json!({ "alg": algorithm, "kid": "hmac" }).to_string();
        let token = hmac.sign(header, claims().to_string());
        ask(&app, &Method::GET, STATUS, &token)
            .await
            .assert_problem(401, "USR-401-001", STATUS);
    }
}
