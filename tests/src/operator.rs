//! Calls of operators, signed by curl.

use std::process::Command;

use local::region;
use serde_json::Value;

use crate::app::App;

/// A request as curl sends it.
pub struct Signed<'a> {
    pub region: &'a str,
    pub secret: &'a str,
    pub headers: &'a [&'a str],
}

/// Sends a signed request. Returns status and body.
pub async fn send_signed(
    app: &App,
    role: &str,
    method: &str,
    path: &str,
    body: &str,
    signed: Signed<'_>,
) -> (u16, Value) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*"])
        .args(["--write-out", "\n%{http_code}", "--request", method])
        .args(["--user", &format!("{role}:{}", signed.secret)])
        .args([
            "--aws-sigv4",
            &format!("aws:amz:{}:execute-api", signed.region),
        ])
        .arg(format!("{}{path}", app.stack.operations_url()));
    if !body.is_empty() {
        curl.args(["--header", "content-type: application/json", "--data", body]);
    }
    for header in signed.headers {
        curl.args(["--header", header]);
    }
    let output = tokio::task::spawn_blocking(move || curl.output());
    let output = output.await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// Sends a signed request of a role. Returns status and body.
pub async fn call(app: &App, role: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let region = region();
    let signed = Signed {
        region: &region,
        secret: "local",
        headers: &[],
    };
    send_signed(app, role, method, path, body, signed).await
}

/// Returns the body of a 200.
pub async fn done(app: &App, role: &str, method: &str, path: &str, body: &str) -> Value {
    let (status, answer) = call(app, role, method, path, body).await;
    assert_eq!(status, 200, "{method} {path}: {answer}");
    answer
}
