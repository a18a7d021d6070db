//! Requests that pretend to be for another route, another host or another method.

use std::time::Duration;

use reqwest::Method;

use super::{raw, unharmed};
use tests::app::{ACCESS_TOKEN, Answer, App, STATUS, USER, WEBHOOK, send};

/// Asks as a user, in these very bytes.
async fn ask(app: &App, line: &str, headers: &[u8]) -> Answer {
    let token = app.stack.token(USER, Duration::from_mins(1));
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-juno-jwt: {token}\r\n"
    );
    raw(app, [head.as_bytes(), headers, b"\r\n"].concat()).await
}

/// Asserts that nothing of what was sent has become a header of the answer.
fn assert_no_injection(answer: &Answer) {
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).to_lowercase();
        assert!(
            !name.as_str().contains("evil") && !value.contains("evil"),
            "{answer:?}"
        );
        assert!(name != "set-cookie" && name != "location", "{answer:?}");
    }
}

#[tokio::test]
async fn only_the_routes_are_routes() {
    let app = App::start().await;
    let long = format!("/v0/kyc/{}", "x".repeat(8_000));
    unharmed(&app, async {
        for path in [
            "/",
            "/v0/kyc",
            "/v0/kyc/status/",
            "/v0/kyc/status/.",
            "/v0/kyc/status/..",
            "/v0//kyc/status",
            "//v0/kyc/status",
            "//evil.example/v0/kyc/status",
            "/v0/kyc/../kyc/status",
            "/v0/kyc/./status",
            "/../v0/kyc/status",
            "/live/v0/kyc/status",
            "/v0/kyc/%2e%2e/kyc/status",
            "/v0/kyc/..%2Fkyc%2Fstatus",
            "/v0/kyc/..%252Fkyc%252Fstatus",
            "/v0/kyc%2fstatus",
            "/v0/kyc/statu%73",
            "/v0/kyc/status%2f",
            "/v0/kyc/status%00",
            "/v0/kyc/status%20",
            "/v0/kyc/status%3frefresh=true",
            "/v0/kyc/status%0d%0aX-Evil:%201",
            "/v0/kyc/status;x=y",
            "/v0/kyc/status;/../details",
            "/v0/kyc/status.json",
            "/v0/kyc/status:80",
            "/v0/kyc/@evil.example",
            "/V0/KYC/STATUS",
            "/v0/kyc/$context.requestId",
            "/v0/kyc/%%",
            "/v0/kyc/%c0%ae%c0%ae/status",
            "/proc/self/environ",
            "/2018-06-01/runtime/invocation/next",
            "/simulator/applicants",
            &long,
        ] {
            let answer = ask(&app, &format!("GET {path}"), b"").await;
            answer.assert_problem(404, "GEN-404-001", path);
            assert_no_injection(&answer);
        }
        let longer = format!("/v0/kyc/{}", "x".repeat(10_240));
        let answer = ask(&app, &format!("GET {longer}"), b"").await;
        answer.assert_problem(413, "GEN-413-001", &longer);
    })
    .await;
}

#[tokio::test]
async fn only_the_methods_of_a_route_are_its_methods() {
    let app = App::start().await;
    let overrides =
        b"X-HTTP-Method-Override: GET\r\nX-HTTP-Method: GET\r\nX-Method-Override: GET\r\n";
    unharmed(&app, async {
        for (method, path) in [
            ("POST", STATUS),
            ("PUT", STATUS),
            ("DELETE", "/v0/user/me"),
            ("PATCH", STATUS),
            ("TRACE", STATUS),
            ("get", STATUS),
            ("EVIL", STATUS),
            ("GET", ACCESS_TOKEN),
            ("GET", WEBHOOK),
            ("DELETE", WEBHOOK),
        ] {
            for headers in [&b""[..], overrides] {
                let answer = ask(&app, &format!("{method} {path}"), headers).await;
                answer.assert_problem(404, "GEN-404-001", path);
                assert!(!answer.text.contains("eyJ"), "{answer:?}");
            }
        }
        assert_eq!(ask(&app, &format!("HEAD {STATUS}"), b"").await.status, 404);
        // And the other way round.
        let delete = b"X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: POST\r\n";
        ask(&app, &format!("GET {STATUS}?_method=DELETE"), delete)
            .await
            .ok();
    })
    .await;
}

#[tokio::test]
async fn headers_that_lie_about_the_request() {
    let app = App::start().await;
    let expected = app.get(STATUS).await.ok();
    unharmed(&app, async {
        for header in [
            &b"X-Forwarded-Proto: <>"[..],
            b"X-Forwarded-Proto: javascript",
            b"X-Forwarded-For: \xfc",
            b"X-Forwarded-For: 127.0.0.1, 169.254.169.254",
            b"X-Forwarded-Host: evil.example",
            b"X-Forwarded-Prefix: /evil",
            b"Forwarded: host=evil.example;proto=https",
            b"X-Original-URL: /v0/user/me",
            b"X-Rewrite-URL: /v0/user/me",
            b"X-Amzn-RequestId: evil",
            b"X-Amzn-Trace-Id: Root=evil",
            b"Lambda-Runtime-Aws-Request-Id: evil",
            b"Accept: \xf0\x9f\x98\x80",
            b"Content-Type: application/evil\x80",
            b"X-Empty:",
            b"Range: bytes=0-1",
            b"Upgrade: evil",
        ] {
            let answer = ask(&app, &format!("GET {STATUS}"), &[header, b"\r\n"].concat()).await;
            assert_no_injection(&answer);
            assert_eq!(answer.ok(), expected, "{}", String::from_utf8_lossy(header));
        }
        for host in ["evil.example", "evil.example:80", "127.0.0.1", "[::1]"] {
            let answer = with_host(&app, host).await;
            assert_no_injection(&answer);
            assert_eq!(answer.ok(), expected, "{host}");
        }
        for host in [
            "a b",
            "<>",
            "[",
            "",
            "evil.example/x",
            "localhost\r\nHost: evil.example",
        ] {
            with_host(&app, host)
                .await
                .assert_problem(400, "GEN-400-001", STATUS);
        }
    })
    .await;
}

async fn with_host(app: &App, host: &str) -> Answer {
    let token = app.stack.token(USER, Duration::from_mins(1));
    let head = format!(
        "GET {STATUS} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nx-juno-jwt: {token}\r\n\r\n"
    );
    raw(app, head).await
}

#[tokio::test]
async fn a_line_end_ends_nothing_but_its_line() {
    let app = App::start().await;
    unharmed(&app, async {
        for value in [
            "true%0d%0aX-Evil:%201",
            "true%0aSet-Cookie:evil=1",
            "%0d%0a%0d%0a<html>",
            "true%00",
            "%E5%98%8A%E5%98%8DX-Evil:1",
        ] {
            let answer = app.get(&format!("{STATUS}?refresh={value}")).await;
            assert_no_injection(&answer);
            answer.assert_problem(400, "GEN-400-001", STATUS);
            assert_no_injection(
                &app.get(&format!("/v0/user/me?expand=onboarding{value}"))
                    .await,
            );
            assert_no_injection(&app.get(&format!("{STATUS}?{value}")).await);
        }
        // A malformed header is refused before there is a request.
        for header in [
            &b"X-A: a\rX-Evil: 1"[..],
            b"X-A: a\0",
            b"X-A: a\x01",
            b"X A: a",
            b"X-A : a",
            b": a",
            b"X-A",
            b"X-A: a\r\n folded",
            b"\xff: a",
            b"Content-Length: 1\r\nContent-Length: 2",
            b"Content-Length: -1",
            b"Content-Length: 0x1",
            b"Transfer-Encoding: evil",
        ] {
            let answer = ask(&app, &format!("GET {STATUS}"), &[header, b"\r\n"].concat()).await;
            assert_eq!(
                answer.status,
                400,
                "{} {answer:?}",
                String::from_utf8_lossy(header)
            );
            assert!(answer.text.is_empty());
        }
        for line in [
            "GET",
            "GET /v0/kyc/status\0",
            "GET /v0/kyc/status x",
            "GET v0/kyc/status",
            "GET /v0/kyc/\"><script>",
            "\u{1}",
        ] {
            assert_eq!(ask(&app, line, b"").await.status, 400, "{line}");
        }
    })
    .await;
}

/// Two requests in one are two requests, each with a token of its own.
#[tokio::test]
async fn a_request_is_not_smuggled_in_another() {
    let app = App::start().await;
    let smuggled = format!("GET {STATUS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let body = format!("0\r\n\r\n{smuggled}");
    for framing in [
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked",
            body.len()
        ),
        format!(
            "Transfer-Encoding: chunked\r\nContent-Length: {}",
            body.len()
        ),
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: x, chunked",
            body.len()
        ),
    ] {
        let request = app.request(Method::GET, STATUS);
        send(request)
            .await
            .assert_problem(401, "USR-401-001", STATUS);
        let token = app.stack.token(USER, Duration::from_mins(1));
        let request = format!(
            "POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\nx-juno-jwt: {token}\r\n{framing}\r\n\r\n{body}"
        );
        let answer = raw(&app, request).await;
        // The rest is either refused as well, or answered as the request without a token that it is.
        assert!([400, 401].contains(&answer.status), "{answer:?}");
        assert!(!answer.text.contains("pending"), "{answer:?}");
    }
}
