//! What callers should not send. Each gets problem details; none an error of the server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use tests::app::{ACCESS_TOKEN, App, DETAILS, GATE, STATUS, USER, WEBHOOK, send};

const FOR_USERS: [(Method, &str); 5] = [
    (Method::POST, ACCESS_TOKEN),
    (Method::GET, STATUS),
    (Method::GET, DETAILS),
    (Method::GET, GATE),
    (Method::GET, "/v0/user/me"),
];

fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + seconds
}

#[tokio::test]
async fn every_route_wants_a_valid_token() {
    let app = App::start().await;
    let valid = app.stack.token(USER, Duration::from_mins(1));
    let (message, signature) = valid.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let other_claims = app
        .stack
        .token("usr_other", Duration::from_mins(1))
        .split('.')
        .nth(1)
        .unwrap()
        .to_owned();
    let tokens = [
        String::new(),
        "x".to_owned(),
        "..".to_owned(),
        format!("Bearer {valid}"),
        message.to_owned(),
        format!("{message}."),
        format!("{header}.{other_claims}.{signature}"),
        // {"alg":"none"}
        format!("eyJhbGciOiJub25lIn0.{claims}."),
        app.stack
            .sign(&json!({ "sub": USER, "exp": seconds_from_now(-120) })),
        app.stack.sign(&json!({ "sub": USER })),
        app.stack.sign(
            &json!({ "sub": USER, "exp": seconds_from_now(60), "nbf": seconds_from_now(120) }),
        ),
        app.stack.sign(&json!({ "exp": seconds_from_now(60) })),
        app.stack
            .sign(&json!({ "sub": "two words", "exp": seconds_from_now(60) })),
        "x".repeat(9_000),
    ];
    for (method, path) in FOR_USERS {
        send(app.request(method.clone(), path))
            .await
            .assert_problem(401, "USR-401-001", path);
        for token in &tokens {
            let request = app
                .request(method.clone(), path)
                .header("x-juno-jwt", token);
            send(request).await.assert_problem(401, "USR-401-001", path);
        }
        let twice = app
            .request(method, path)
            .header("x-juno-jwt", &valid)
            .header("x-juno-jwt", "x");
        send(twice).await.assert_problem(401, "USR-401-001", path);
    }
}

/// A token as it should be, but for the key.
#[tokio::test]
async fn a_token_of_another_issuer() {
    let app = App::start().await;
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let valid = app.stack.token(USER, Duration::from_mins(1));
    let (message, _) = valid.rsplit_once('.').unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    let request = app
        .request(Method::GET, STATUS)
        .header("x-juno-jwt", format!("{message}.{signature}"));
    send(request)
        .await
        .assert_problem(401, "USR-401-001", STATUS);
}

#[tokio::test]
async fn the_token_header_is_taken_in_any_case_and_alone_decides() {
    let app = App::start().await;
    let token = app.stack.token(USER, Duration::from_mins(1));
    let request = app
        .request(Method::POST, &format!("{ACCESS_TOKEN}?user_id=usr_other"))
        .header("X-JUNO-JWT", token);
    let answer = send(request.body(r#"{"user_id":"usr_other"}"#)).await;
    assert_eq!(answer.ok()["user_id"], USER);
}

#[tokio::test]
async fn refresh_is_true_or_false() {
    let app = App::start().await;
    for value in [
        "",
        "1",
        "yes",
        "TRUE",
        "true%20",
        "%00",
        "true,false",
        "true&refresh=false",
    ] {
        for path in [STATUS, DETAILS] {
            let answer = app.get(&format!("{path}?refresh={value}")).await;
            answer.assert_problem(400, "GEN-400-001", path);
            assert!(
                answer.json()["detail"]
                    .as_str()
                    .unwrap()
                    .contains("refresh")
            );
        }
    }
    for query in [
        "?refresh=false",
        "?",
        "?other=1",
        "?Refresh=1",
        "?refreshed",
    ] {
        app.get(&format!("{STATUS}{query}")).await.ok();
    }
    let odd = app
        .get("/v0/user/me?expand=%FF%00&expand=&expand=onboarding%2C%2C")
        .await
        .ok();
    assert!(odd["onboarding"].is_object());
}

#[tokio::test]
async fn unknown_routes_and_methods() {
    let app = App::start().await;
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/v0/kyc"),
        (Method::GET, "/v0/kyc/status/"),
        (Method::GET, "/v0//kyc/status"),
        (Method::GET, "/V0/KYC/STATUS"),
        (Method::GET, "/v0/kyc/statu%73"),
        (Method::GET, "/v0/kyc/..%2Fkyc%2Fstatus"),
        (Method::POST, STATUS),
        (Method::GET, ACCESS_TOKEN),
        (Method::DELETE, "/v0/user/me"),
        (Method::GET, WEBHOOK),
    ] {
        send(app.request(method, path))
            .await
            .assert_problem(404, "GEN-404-001", path);
    }
}

#[tokio::test]
async fn bodies_of_any_kind_are_no_matter_to_routes_without_one() {
    let app = App::start().await;
    for body in [
        vec![0xff, 0x00, 0xfe],
        b"{".to_vec(),
        b"isBase64Encoded=true".to_vec(),
        vec![b'x'; 1024 * 1024],
    ] {
        send(
            app.as_user(Method::POST, ACCESS_TOKEN, USER)
                .body(body.clone()),
        )
        .await
        .ok();
        send(app.as_user(Method::GET, STATUS, USER).body(body))
            .await
            .ok();
    }
}

#[tokio::test]
async fn a_body_beyond_the_gateways_limit() {
    let app = App::start().await;
    for size in [7 * 1024 * 1024, 11 * 1024 * 1024] {
        let answer = send(app.request(Method::POST, WEBHOOK).body(vec![b'x'; size])).await;
        answer.assert_problem(413, "GEN-413-001", WEBHOOK);
    }
}

#[tokio::test]
async fn a_large_unsigned_delivery() {
    let app = App::start().await;
    let answer = app
        .delivery(vec![b'x'; 1024 * 1024])
        .send(&[("x-payload-digest", &"a".repeat(64))])
        .await;
    answer.assert_problem(401, "KYC-401-001", WEBHOOK);
}

/// Sends bytes that no HTTP client would.
async fn raw(app: &App, request: &str) -> (u16, Value) {
    let address = app.stack.api_url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn headers_that_lie_about_the_request() {
    let app = App::start().await;
    let token = app.stack.token(USER, Duration::from_mins(1));
    for header in [
        "X-Forwarded-Proto: <>",
        "X-Forwarded-Proto: javascript",
        "X-Forwarded-For: \u{fc}",
        "Accept: \u{1f600}",
        "X-Empty:",
    ] {
        let request = format!(
            "GET {STATUS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-juno-jwt: {token}\r\n{header}\r\n\r\n"
        );
        let (status, body) = raw(&app, &request).await;
        assert_eq!(
            (status, &body["status"]),
            (200, &json!("pending")),
            "{header}"
        );
    }
    for host in ["a b", "<>", "[", ""] {
        let request = format!(
            "GET {STATUS} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nx-juno-jwt: {token}\r\n\r\n"
        );
        let (status, body) = raw(&app, &request).await;
        assert_eq!(
            (status, &body["error_code"]),
            (400, &json!("GEN-400-001")),
            "{host}"
        );
    }
}
