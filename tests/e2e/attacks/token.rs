//! Tokens that must not be believed.

mod claims;
mod form;
mod signature;

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};

use super::issuer::{Issuer, key_set, seconds_from_now};
use super::key_server::KeyServer;
use super::{ask, set, unharmed};
use crate::other_api::{self, APIS, assert_refused, call_with};
use tests::app::{App, FOR_USERS, STATUS, USER, send};

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "kyc";

/// A description of a token's fault, and the token.
type Attack = (String, String);

/// The issuers that the system trusts.
struct Trusted {
    rsa: Issuer,
    ec: Issuer,
    ed: Issuer,
    hmac: Issuer,
}

impl Trusted {
    fn new() -> Self {
        Self {
            rsa: Issuer::rsa("rsa"),
            ec: Issuer::p256("ec"),
            ed: Issuer::ed25519("ed"),
            hmac: Issuer::hmac("hmac", b"a shared secret of some length.."),
        }
    }

    fn all(&self) -> [&Issuer; 4] {
        [&self.rsa, &self.ec, &self.ed, &self.hmac]
    }

    fn options(&self) -> Options {
        Options {
            parameters: set([
                ("JwtAlgorithms", "RS256,ES256,EdDSA,HS256"),
                ("JwtIssuer", ISSUER),
                ("JwtAudience", AUDIENCE),
            ]),
            secrets: [("JwksSecret".to_owned(), key_set(self.all()))].into(),
            ..Options::default()
        }
    }

    /// Returns all attacks. Some would have keys fetched from `lure`.
    fn attacks(&self, lure: &str) -> Vec<Attack> {
        [
            signature::attacks(self, lure),
            claims::attacks(&self.ed),
            form::attacks(&self.ed),
        ]
        .concat()
    }
}

/// Claims that are all right.
fn right() -> Value {
    json!({ "sub": USER, "iss": ISSUER, "aud": AUDIENCE, "exp": seconds_from_now(600) })
}

#[tokio::test]
async fn every_route_refuses_every_invalid_token() {
    let trusted = Trusted::new();
    let app = App::start_with(trusted.options()).await;
    // The address from which tokens would have keys fetched: nobody comes.
    let lure = KeyServer::start(&key_set([&signature::attacker()])).await;
    for issuer in trusted.all() {
        let answer = ask(&app, &Method::GET, STATUS, &issuer.token(&right())).await;
        assert_eq!(answer.ok()["status"], "pending", "{}", issuer.algorithm);
    }

    let attacks = trusted.attacks(lure.url());
    let mut believed = Vec::new();
    unharmed(&app, async {
        for (method, path) in FOR_USERS {
            // All routes check alike: what is tried on one in full is tried on the others in part.
            let step = if path == STATUS { 1 } else { 7 };
            for (what, token) in attacks.iter().step_by(step) {
                let answer = ask(&app, &method, path, token).await;
                if answer.status == 401 {
                    answer.assert_problem(401, "USR-401-001", path);
                } else {
                    believed.push(format!("{what}: {} of {path}", answer.status));
                }
            }
        }
    })
    .await;
    assert!(believed.is_empty(), "{believed:#?}");
    assert_eq!(lure.requests(), 0);
    // The right ones are still good.
    for issuer in trusted.all() {
        ask(&app, &Method::GET, STATUS, &issuer.token(&right()))
            .await
            .ok();
    }
}

/// The same attacks, by way of the gate as authorizer, on somebody who is approved.
#[tokio::test]
async fn an_api_behind_the_gate_refuses_every_invalid_token() {
    let trusted = Trusted::new();
    let app = other_api::start(trusted.options(), [60, 60, 60]).await;
    let lure = KeyServer::start(&key_set([&signature::attacker()])).await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    unharmed(&app, async {
        for (api, step) in APIS.into_iter().zip([1, 7, 7]) {
            for (what, token) in trusted.attacks(lure.url()).iter().step_by(step) {
                let answer = call_with(&app, api, token).await;
                let status = if token.is_empty() { 401 } else { 403 };
                assert_refused(&answer, api, status, what);
            }
        }
    })
    .await;
    assert_eq!(lure.requests(), 0);
    assert!(app.stack.idle_processes("accounts").is_empty());
    for issuer in trusted.all() {
        for api in APIS {
            let answer = call_with(&app, api, &issuer.token(&right())).await;
            assert_eq!(answer.status, 200, "{api}, {}", issuer.algorithm);
        }
    }
}

#[tokio::test]
async fn there_is_one_token_in_one_header() {
    let app = App::start().await;
    let valid = app.stack.token(USER, std::time::Duration::from_mins(1));
    let headers: [&[(&str, &str)]; 9] = [
        &[],
        &[("x-juno-jwt", "")],
        &[("x-juno-jwt", &valid), ("x-juno-jwt", &valid)],
        &[("x-juno-jwt", &valid), ("x-juno-jwt", "x")],
        &[("x-juno-jwt", "x"), ("x-juno-jwt", &valid)],
        &[("x-juno-jwt", ""), ("X-Juno-JWT", &valid)],
        &[("authorization", &format!("Bearer {valid}"))],
        &[("cookie", &format!("x-juno-jwt={valid}"))],
        &[("x_juno_jwt", &valid)],
    ];
    unharmed(&app, async {
        for (method, path) in FOR_USERS {
            for headers in headers {
                let request = app.request(method.clone(), path);
                let request = headers.iter().fold(request, |request, (name, value)| {
                    request.header(*name, *value)
                });
                send(request).await.assert_problem(401, "USR-401-001", path);
            }
            let query = format!("{path}?x-juno-jwt={valid}");
            let answer = send(app.request(method.clone(), &query)).await;
            answer.assert_problem(401, "USR-401-001", path);
            // More than the gateway takes.
            let answer = ask(&app, &method, path, &"x".repeat(10_240)).await;
            answer.assert_problem(413, "GEN-413-001", path);
        }
    })
    .await;
}

#[tokio::test]
async fn user_ids_with_special_characters_stay_apart() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    let before = app.stored(USER).await;
    for id in [
        "#",
        "USER",
        "HISTORY#1",
        "usr_abc123#USER",
        "../usr_abc123",
        "usr_abc123/",
        "usr_abc123;x=y",
        "USR_ABC123",
        "%75sr_abc123",
        "usr_abc123%00",
        "'--",
        "*",
        "${USER}",
        &"x".repeat(128),
    ] {
        for (method, path) in FOR_USERS.into_iter().skip(1) {
            let answer = send(app.as_user(method, path, id)).await;
            assert!(!answer.text.contains("Jane"), "{id}: {answer:?}");
            match path {
                "/v0/user/me" => assert_eq!(answer.ok()["user"]["id"], id),
                "/v0/kyc/gate" => answer.assert_problem(403, "KYC-403-001", path),
                _ => assert_eq!(answer.ok()["status"], "pending", "{id}"),
            }
        }
    }
    assert_eq!(app.stored(USER).await, before);
}
