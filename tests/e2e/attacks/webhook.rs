//! Deliveries that the provider has not sent, or not now.

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::unharmed;
use crate::webhook::{green, with};
use tests::app::{App, STATUS, USER, WEBHOOK, digest, send};

const SECRET: &str = "a secret of the webhook";

async fn app() -> App {
    App::start_with(Options {
        secrets: [("WebhookSecret".to_owned(), json!({ "secrets": [SECRET] }))].into(),
        ..Options::default()
    })
    .await
}

fn hmac(algorithm: ring::hmac::Algorithm, body: &str) -> String {
    let key = ring::hmac::Key::new(algorithm, SECRET.as_bytes());
    hex::encode(ring::hmac::sign(&key, body.as_bytes()))
}

/// Which digests, under which names of their algorithm.
fn headers(app: &App, body: &str) -> Vec<Vec<(&'static str, String)>> {
    let right = digest(SECRET, body.as_bytes());
    let sha1 = hmac(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, body);
    let sha512 = hmac(ring::hmac::HMAC_SHA512, body);
    let one = |digest: &str| vec![("x-payload-digest", digest.to_owned())];
    let named = |digest: &str, algorithm: &str| {
        vec![
            ("x-payload-digest", digest.to_owned()),
            ("x-payload-digest-alg", algorithm.to_owned()),
        ]
    };
    let mut cases = vec![
        vec![],
        vec![("x-payload-digest-alg", "HMAC_SHA256_HEX".to_owned())],
    ];
    let token = app.stack.token(USER, std::time::Duration::from_mins(1));
    cases.push(vec![("x-juno-jwt", token.clone())]);
    let jwk = app.stack.secrets().unwrap()["JwksSecret"]["keys"][0]["x"].clone();
    for wrong in [
        "",
        "zz",
        "0",
        "null",
        &token,
        &right[..62],
        &right[..1],
        &right[1..],
        &right.to_uppercase(),
        &format!("0x{right}"),
        &format!("sha256={right}"),
        &format!("{right} {right}"),
        &format!("{right}, {right}"),
        &format!("{} {}", &right[..32], &right[32..]),
        &format!("{right}{right}"),
        &format!("{right}00"),
        &"0".repeat(64),
        &"f".repeat(64),
        &"a".repeat(8_000),
        // Secrets that are none of ours, or public.
        &digest("another secret", body.as_bytes()),
        &digest("", body.as_bytes()),
        &digest(&SECRET.to_uppercase(), body.as_bytes()),
        &digest("WebhookSecret", body.as_bytes()),
        &digest(jwk.as_str().unwrap(), body.as_bytes()),
        &hex::encode(Sha256::digest(body)),
        &hex::encode(Sha256::digest(format!("{SECRET}{body}"))),
        // Of another delivery, of nothing, and of the same in other words.
        &digest(
            SECRET,
            with("externalUserId", json!("usr_other"))
                .to_string()
                .as_bytes(),
        ),
        &digest(SECRET, b""),
        &digest(SECRET, format!("{:#}", green()).as_bytes()),
        &sha1,
        &sha512,
    ] {
        cases.push(one(wrong));
        cases.push(named(wrong, "HMAC_SHA256_HEX"));
    }
    for algorithm in [
        "",
        "none",
        "NONE",
        "md5",
        "HMAC_MD5_HEX",
        "HMAC_SHA1_HEX",
        "hmac_sha256_hex",
        "HMAC_SHA256",
        "SHA256",
        "HMAC_SHA512_HEX",
        "HMAC_SHA256_HEX,none",
        "HMAC_SHA256_HEX;x",
        "HS256",
    ] {
        cases.push(named(&right, algorithm));
    }
    cases.push(named(&sha1, "HMAC_SHA1_HEX"));
    cases.push(named(&sha512, "HMAC_SHA384_HEX"));
    let twice = |first: &str, second: &str| [one(first), one(second)].concat();
    cases.push(twice(&right, "00"));
    cases.push(twice("00", &right));
    cases.push(twice(&right, &right));
    cases.push(twice(&right, ""));
    for algorithms in [
        ["HMAC_SHA256_HEX", "none"],
        ["none", "HMAC_SHA256_HEX"],
        ["HMAC_SHA256_HEX"; 2],
    ] {
        let second = vec![("x-payload-digest-alg", algorithms[1].to_owned())];
        cases.push([named(&right, algorithms[0]), second].concat());
    }
    cases
}

/// The body with a right digest, but not the one that was signed.
fn altered(body: &str) -> Vec<Vec<u8>> {
    let mut turned: Vec<(String, Value)> =
        green().as_object().unwrap().clone().into_iter().collect();
    turned.reverse();
    let turned: Vec<String> = turned
        .iter()
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    [
        String::new(),
        format!("{body} "),
        format!("{body}\n"),
        format!("{body}\0"),
        format!(" {body}"),
        format!("\u{feff}{body}"),
        body[..body.len() - 1].to_owned(),
        body.replace("GREEN", "RED"),
        body.replace(USER, "usr_other"),
        body.replace('/', r"\/").replace('G', r"\u0047"),
        format!("{{{}}}", turned.join(",")),
        format!("{:#}", green()),
    ]
    .map(String::into_bytes)
    .into_iter()
    .chain([[body.as_bytes(), b"\xff"].concat()])
    .collect()
}

#[tokio::test]
async fn a_wrongly_signed_delivery_is_refused_and_changes_nothing() {
    let app = app().await;
    let body = green().to_string();
    let right = digest(SECRET, body.as_bytes());
    unharmed(&app, async {
        for headers in headers(&app, &body) {
            let borrowed: Vec<(&str, &str)> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let answer = app.delivery(body.clone()).send(&borrowed).await;
            assert_eq!(answer.status, 401, "{headers:?}");
            answer.assert_problem(401, "KYC-401-001", WEBHOOK);
            assert_eq!(
                answer.json()["detail"],
                "Webhook signature validation failed"
            );
        }
        for altered in altered(&body) {
            let what = String::from_utf8_lossy(&altered).into_owned();
            let answer = app
                .delivery(altered)
                .send(&[("x-payload-digest", &right)])
                .await;
            assert_eq!(answer.status, 401, "{what}");
            answer.assert_problem(401, "KYC-401-001", WEBHOOK);
        }
        // The digest is looked for in its header only.
        let query = format!("{WEBHOOK}?x-payload-digest={right}");
        let mut event = green();
        event["x-payload-digest"] = json!(right);
        for (path, body) in [(query.as_str(), body.clone()), (WEBHOOK, event.to_string())] {
            let answer = send(app.request(Method::POST, path).body(body)).await;
            answer.assert_problem(401, "KYC-401-001", WEBHOOK);
        }
        let large = app.delivery(vec![b'x'; 1024 * 1024]);
        let answer = large.send(&[("x-payload-digest", &"a".repeat(64))]).await;
        answer.assert_problem(401, "KYC-401-001", WEBHOOK);
    })
    .await;

    // It was not for any other reason.
    let sha512 = hmac(ring::hmac::HMAC_SHA512, &body);
    let accepted = [
        ("x-payload-digest", sha512.as_str()),
        ("x-payload-digest-alg", "HMAC_SHA512_HEX"),
    ];
    let answer = app.delivery(body).send(&accepted).await;
    assert_eq!(answer.ok(), json!({ "outcome": "applied" }));
}

#[tokio::test]
async fn a_delivery_that_is_played_again_changes_nothing() {
    let app = app().await;
    let again = async |event: &Value| {
        let answer = unharmed(&app, app.deliver(event)).await;
        assert_eq!(answer.ok(), json!({ "outcome": "duplicate" }));
    };
    assert_eq!(app.deliver(&green()).await.ok()["outcome"], "applied");
    again(&green()).await;

    // After a later verdict the earlier one stays what it was: the past.
    let mut later = with(
        "reviewResult",
        json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL" }),
    );
    later["createdAtMs"] = json!("2024-01-01 10:03:00.123");
    assert_eq!(app.deliver(&later).await.ok()["outcome"], "applied");
    let rejected = app.get(STATUS).await.ok();
    assert_eq!(rejected["status"], "rejected");
    again(&green()).await;
    again(&later).await;
    assert_eq!(app.get(STATUS).await.ok(), rejected);

    // Nor does it help to hand it in as another event of the same time.
    for (name, value) in [
        ("correlationId", json!("another")),
        ("clientId", json!("another")),
    ] {
        let other = with(name, value);
        again(&other).await;
    }
    let mut renamed = green();
    renamed["type"] = json!("applicantWorkflowCompleted");
    app.deliver(&renamed).await.ok();
    assert_eq!(app.get(STATUS).await.ok(), rejected);
}
