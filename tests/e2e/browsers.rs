//! Headers for browsers: the origins that may call, and rules for caching and display.

use local::Options;
use reqwest::Method;
use serde_json::json;

use tests::app::{Answer, App, FOR_USERS, GATE, STATUS, USER, WEBHOOK, send};

const ALLOWED: [&str; 2] = ["https://app.example.com", "http://localhost:5173"];
const FOREIGN: [&str; 8] = [
    "null",
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evil.example/https://app.example.com",
    "http://app.example.com",
    "https://app.example.com:444",
    "https://APP.example.com",
    "*",
];

async fn app() -> App {
    let origins = ("CorsOrigins".to_owned(), ALLOWED.join(", "));
    App::start_with(Options {
        parameters: [origins].into(),
        ..Options::default()
    })
    .await
}

/// Asserts that pages of this origin, and of no other, may read the answer.
fn assert_readable_by(answer: &Answer, origin: Option<&str>) {
    assert_eq!(
        answer.header("access-control-allow-origin"),
        origin.unwrap_or_default(),
        "{answer:?}"
    );
    assert!(
        !answer
            .headers
            .contains_key("access-control-allow-credentials"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn pages_of_configured_origins_can_read_answers_and_errors() {
    let app = app().await;
    for (method, path) in FOR_USERS {
        let ask = async |origin: Option<&str>, user: Option<&str>| {
            let request = match user {
                Some(user) => app.as_user(method.clone(), path, user),
                None => app.request(method.clone(), path),
            };
            let request = match origin {
                Some(origin) => request.header("origin", origin),
                None => request,
            };
            let answer = send(request).await;
            assert_eq!(answer.status == 401, user.is_none(), "{answer:?}");
            assert_eq!(answer.header("vary"), "Origin", "{answer:?}");
            answer.assert_headers();
            answer
        };
        for user in [None, Some(USER)] {
            for origin in ALLOWED {
                let answer = ask(Some(origin), user).await;
                assert_readable_by(&answer, Some(origin));
                assert_eq!(
                    answer.header("access-control-expose-headers"),
                    "Retry-After, X-Amzn-RequestId"
                );
            }
            for origin in FOREIGN.map(Some).into_iter().chain([None]) {
                assert_readable_by(&ask(origin, user).await, None);
            }
        }
        let twice = app
            .as_user(method, path, USER)
            .header("origin", ALLOWED[0])
            .header("origin", "https://evil.example");
        assert_readable_by(&send(twice).await, None);
    }
    // Deliveries come from no page.
    let answer = app.delivery("{}").send(&[("origin", ALLOWED[0])]).await;
    answer.assert_problem(401, "KYC-401-001", WEBHOOK);
    assert_readable_by(&answer, None);
}

#[tokio::test]
async fn without_configured_origins_no_page_can_read_anything() {
    let app = App::start().await;
    for origin in ALLOWED.into_iter().chain(FOREIGN) {
        let answer = send(
            app.as_user(Method::GET, STATUS, USER)
                .header("origin", origin),
        )
        .await;
        answer.ok();
        assert_readable_by(&answer, None);
    }
}

#[tokio::test]
async fn a_preflight_request_is_answered() {
    let app = app().await;
    let ask = async |path: &str, origin: &str| {
        let request = app
            .request(Method::OPTIONS, path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-juno-jwt");
        send(request).await
    };
    for (_, path) in FOR_USERS {
        for origin in ALLOWED {
            let answer = ask(path, origin).await;
            assert_eq!(
                (answer.status, answer.text.as_str()),
                (204, ""),
                "{path}: {answer:?}"
            );
            answer.assert_headers();
            assert_readable_by(&answer, Some(origin));
            for (name, value) in [
                ("access-control-allow-methods", "GET, POST"),
                (
                    "access-control-allow-headers",
                    "x-juno-jwt, content-type, x-timestamp-format",
                ),
                ("access-control-max-age", "7200"),
                ("vary", "Origin"),
            ] {
                assert_eq!(answer.header(name), value, "{name}");
            }
        }
        for origin in FOREIGN {
            let answer = ask(path, origin).await;
            assert_eq!(answer.status, 204, "{answer:?}");
            answer.assert_headers();
            assert_readable_by(&answer, None);
            assert_eq!(answer.header("access-control-allow-headers"), "");
        }
    }
    let answer = ask(WEBHOOK, ALLOWED[0]).await;
    answer.assert_problem(404, "GEN-404-001", WEBHOOK);
    assert_readable_by(&answer, Some("*"));
}

/// Answers with a body are looked at wherever they are asserted.
#[tokio::test]
async fn an_answer_without_a_body_has_the_same_headers() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    let answer = app.get(GATE).await;
    assert_eq!(answer.status, 204);
    answer.assert_headers();
}
