//! An API of somebody else's, which lets only verified users in: the stack of `examples/authorizer`, beside the system.

use std::time::{Duration, Instant};

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use tests::app::{Answer, App, GATE, REFRESH, USER, exchange, send};
use tests::operator::done;

use crate::attacks::issuer::{Issuer, seconds_from_now};

const EXAMPLE: &str = include_str!("../../examples/authorizer/template.yaml");

/// The APIs of the stack: those of the example, and its REST API once more with an authorizer of the form `TOKEN`.
pub(crate) const APIS: [&str; 3] = ["AccountsApi", "AccountsHttpApi", "AccountsTokenApi"];

/// Starts a system and the other stack, whose APIs use an answer for so many seconds, in the order of [`APIS`].
pub(crate) async fn start(options: Options, seconds: [u32; 3]) -> App {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), template(seconds)).unwrap();
    App::start_with(Options {
        other_template: Some(file.path().to_owned()),
        ..options
    })
    .await
}

fn template([rest, http, token]: [u32; 3]) -> String {
    let every = |part: &str, seconds| {
        let (before, after) = (
            "ReauthorizeEvery: 60",
            format!("ReauthorizeEvery: {seconds}"),
        );
        assert_eq!(part.matches(before).count(), 1);
        part.replace(before, &after)
    };
    let (before, rest_of_it) = EXAMPLE.split_once("  AccountsApi:\n").unwrap();
    let (rest_api, rest_of_it) = rest_of_it.split_once("  AccountsHttpApi:\n").unwrap();
    let token_api = rest_api
        .replace("REQUEST", "TOKEN")
        .replace("Headers: [x-juno-jwt]", "Header: x-juno-jwt");
    assert_eq!(token_api.matches("Header: x-juno-jwt").count(), 1);
    let with_event = rest_of_it.replace(
        "        Http:\n",
        "        Token:\n          Type: Api\n          Properties: { RestApiId: !Ref AccountsTokenApi, Method: GET, Path: /accounts }\n        Http:\n",
    );
    format!(
        "{before}  AccountsApi:\n{}  AccountsTokenApi:\n{}  AccountsHttpApi:\n{}",
        every(rest_api, rest),
        every(&token_api, token),
        every(&with_event, http),
    )
}

/// Calls an API of the other stack with these headers.
pub(crate) async fn call(app: &App, api: &str, headers: &[(&str, &str)]) -> Answer {
    let request = app
        .http
        .get(format!("{}/accounts", app.stack.other_urls()[api]));
    let headers = headers.iter();
    exchange(headers.fold(request, |request, (name, value)| {
        request.header(*name, *value)
    }))
    .await
}

pub(crate) async fn call_with(app: &App, api: &str, token: &str) -> Answer {
    call(app, api, &[("x-juno-jwt", token)]).await
}

/// Asserts that an API refused a request by itself, as API Gateway does.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, api: &str, status: u16, what: &str) {
    let message = match (status, api) {
        (401, _) => "Unauthorized",
        (403, "AccountsHttpApi") => "Forbidden",
        (403, _) => "User is not authorized to access this resource with an explicit deny",
        (500, "AccountsHttpApi") => "Internal Server Error",
        (_, _) => "Internal server error",
    };
    assert_eq!(answer.status, status, "{api}, {what}: {answer:?}");
    assert_eq!(
        answer.json(),
        json!({ "message": message }),
        "{api}, {what}"
    );
}

/// Asserts that the function behind an API got a request of a user whom the gate let in.
fn assert_admitted(answer: &Answer, api: &str, user: &str, verified_at: &Value) {
    let mut seen = json!({ "user_id": user, "verified_at": verified_at.to_string() });
    if api != "AccountsHttpApi" {
        seen["principalId"] = json!(user);
    }
    assert_eq!(answer.status, 200, "{api}, {user}: {answer:?}");
    assert_eq!(answer.json(), seen, "{api}");
}

async fn simulate(app: &App, user: &str, step: &str, body: Value) {
    app.simulate(Method::POST, &format!("applicants/{user}/{step}"), body)
        .await;
}

/// Tokens of a user, by name, and whether they are good.
fn tokens(app: &App, user: &str) -> Vec<(&'static str, String, bool)> {
    let expiring = |seconds| {
        app.stack
            .sign(&json!({ "sub": user, "exp": seconds_from_now(seconds) }))
    };
    let early = json!({ "sub": user, "exp": seconds_from_now(600), "nbf": seconds_from_now(300) });
    let good = expiring(600);
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let claims = json!({ "sub": user, "exp": seconds_from_now(600) });
    vec![
        ("forged", Issuer::ed25519("stranger").token(&claims), false),
        ("unsigned", format!("{unsigned}."), false),
        ("cut off", unsigned.to_owned(), false),
        ("expired", expiring(-90), false),
        ("early", app.stack.sign(&early), false),
        ("of another scheme", format!("Bearer {good}"), false),
        ("just expired, within the leeway", expiring(-5), true),
        ("good", good, true),
    ]
}

#[tokio::test]
async fn only_good_tokens_of_approved_users_pass() {
    const RETRY: &str = r#"{"reviewAnswer":"RED","reviewRejectType":"RETRY"}"#;
    const FINAL: &str = r#"{"reviewAnswer":"RED","reviewRejectType":"FINAL"}"#;
    const GREEN: &str = r#"{"reviewAnswer":"GREEN"}"#;
    let app = start(Options::default(), [60, 60, 60]).await;
    let users = [
        ("usr_unknown", None),
        ("usr_in_progress", Some(None)),
        ("usr_retry", Some(Some(RETRY))),
        ("usr_rejected", Some(Some(FINAL))),
        ("usr_blocked", Some(Some(GREEN))),
        ("usr_approved", Some(Some(GREEN))),
    ];
    for (user, submitted) in users {
        let Some(review) = submitted else { continue };
        app.stack.seed(user).await.unwrap();
        simulate(&app, user, "submit", json!({})).await;
        if let Some(review) = review {
            simulate(&app, user, "review", serde_json::from_str(review).unwrap()).await;
        }
    }
    let reason = r#"{"reason": "reported"}"#;
    done(
        &app,
        "compliance",
        "PUT",
        "/users/usr_blocked/block",
        reason,
    )
    .await;

    // Without a token in its header, the gate is not even asked.
    let token = app.stack.token("usr_approved", Duration::from_mins(1));
    let bearer = format!("Bearer {token}");
    let cookie = format!("x-juno-jwt={token}");
    for api in APIS {
        for headers in [
            &[][..],
            &[("x-juno-jwt", "")],
            &[("authorization", bearer.as_str())],
            &[("cookie", cookie.as_str())],
        ] {
            assert_refused(&call(&app, api, headers).await, api, 401, "no token");
        }
    }
    assert!(app.stack.idle_processes("gate").is_empty());

    for (user, _) in users {
        for (what, token, is_good) in tokens(&app, user) {
            let answer = send(app.as_user(Method::GET, REFRESH, user)).await;
            let verified_at = answer.json()["verified_at"].clone();
            for api in APIS {
                let answer = call_with(&app, api, &token).await;
                if is_good && user == "usr_approved" {
                    assert_admitted(&answer, api, user, &verified_at);
                } else {
                    assert_refused(&answer, api, 403, &format!("{user}, {what}"));
                    assert!(
                        user == "usr_approved" || app.stack.idle_processes("accounts").is_empty()
                    );
                }
            }
        }
    }
    // What is no route is refused before anybody is asked.
    for (api, status) in APIS.into_iter().zip([403, 404, 403]) {
        let url = format!("{}/nothing", app.stack.other_urls()[api]);
        assert_eq!(exchange(app.http.get(url)).await.status, status, "{api}");
    }
}

#[tokio::test]
async fn a_token_that_is_sent_twice_is_refused() {
    let app = start(Options::default(), [60, 60, 60]).await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    let token = app.stack.token(USER, Duration::from_mins(1));
    // The form TOKEN shows the gate one value only.
    for api in ["AccountsApi", "AccountsHttpApi"] {
        let twice = [
            ("x-juno-jwt", token.as_str()),
            ("X-Juno-Jwt", token.as_str()),
        ];
        assert_refused(&call(&app, api, &twice).await, api, 403, "twice");
    }
}

#[tokio::test]
async fn a_revoked_user_is_out_after_the_time_of_the_cache_at_most() {
    let app = start(Options::default(), [60, 1, 0]).await;
    let [cached, short, uncached] = APIS;
    let mut number = 0;
    let mut fresh = || {
        number += 1;
        app.stack
            .sign(&json!({ "sub": USER, "exp": seconds_from_now(600), "jti": number }))
    };
    let (early, token) = (fresh(), fresh());
    assert_refused(
        &call_with(&app, cached, &early).await,
        cached,
        403,
        "pending",
    );
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    // A refusal is kept as well.
    assert_refused(&call_with(&app, cached, &early).await, cached, 403, "kept");
    for api in APIS {
        assert_eq!(call_with(&app, api, &token).await.status, 200, "{api}");
    }

    let final_ = json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL" });
    app.review(final_).await;
    app.get(GATE).await.assert_problem(403, "KYC-403-001", GATE);
    let revoked = Instant::now();
    assert_refused(
        &call_with(&app, uncached, &token).await,
        uncached,
        403,
        "no cache",
    );
    assert_eq!(
        call_with(&app, cached, &token).await.status,
        200,
        "still kept"
    );
    assert_refused(
        &call_with(&app, cached, &fresh()).await,
        cached,
        403,
        "fresh",
    );
    loop {
        let asked = revoked.elapsed();
        let answer = call_with(&app, short, &token).await;
        if answer.status == 403 {
            break;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(asked < Duration::from_secs(1), "let in after {asked:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nobody_is_let_in_while_the_gate_cannot_decide() {
    let environment = [(
        "AWS_ENDPOINT_URL_DYNAMODB".to_owned(),
        "http://127.0.0.1:9".to_owned(),
    )];
    let options = Options {
        function_environment: environment.into(),
        ..Options::default()
    };
    let app = start(options, [60, 60, 60]).await;
    let token = app.stack.token(USER, Duration::from_mins(1));
    for api in APIS {
        let answer = call_with(&app, api, &token).await;
        assert_refused(&answer, api, 500, "no table");
    }
    assert!(app.stack.idle_processes("accounts").is_empty());
}

#[tokio::test]
async fn a_stack_that_asks_nobody_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let other = EXAMPLE
        .replace("KycGate:", "Gate:")
        .replace("Ref KycGate", "Ref Gate");
    let unknown = EXAMPLE.replace("!Ref KycGate", "!Sub '${KycGate}-of-nobody'");
    for (text, error) in [
        (
            other,
            "template.yaml: there is no parameter or resource KycGate",
        ),
        (
            unknown,
            "template.yaml: AccountsApi: the authorizer's function gate-of-nobody is in neither stack",
        ),
    ] {
        std::fs::write(file.path(), text).unwrap();
        let stack = local::Stack::start(Options {
            other_template: Some(file.path().to_owned()),
            ..Options::default()
        });
        assert_eq!(stack.await.err().unwrap().to_string(), error);
    }
}
