//! The gate as authorizer of other APIs, asked with the events that AWS documents.

use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::app::{App, REFRESH, USER, send};

use crate::attacks::issuer::{Issuer, claims, seconds_from_now};

const METHOD: &str = "arn:aws:execute-api:eu-west-1:123456789012:abcdef123/live/GET/accounts";

/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html>
fn of_header(token: &str) -> Value {
    json!({ "type": "TOKEN", "methodArn": METHOD, "authorizationToken": token })
}

/// The same page, "Input to a Lambda REQUEST authorizer".
fn of_request(token: &str) -> Value {
    json!({ "type": "REQUEST", "methodArn": METHOD, "resource": "/accounts", "path": "/accounts", "httpMethod": "GET",
        "headers": { "Accept": "*/*", "X-Juno-Jwt": token }, "multiValueHeaders": { "Accept": ["*/*"], "X-Juno-Jwt": [token] },
        "queryStringParameters": {}, "pathParameters": {}, "stageVariables": {},
        "requestContext": { "path": "/accounts", "accountId": "123456789012", "resourceId": "05c7jb", "stage": "live", "requestId": "…",
            "identity": { "sourceIp": "192.0.2.1" }, "resourcePath": "/accounts", "httpMethod": "GET", "apiId": "abcdef123" } })
}

/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>
fn of_http_api(token: &str) -> Value {
    json!({ "version": "2.0", "type": "REQUEST", "routeArn": METHOD, "identitySource": [token], "routeKey": "GET /accounts",
        "rawPath": "/accounts", "rawQueryString": "", "headers": { "x-juno-jwt": token },
        "requestContext": { "accountId": "123456789012", "apiId": "abcdef123", "domainName": "id.execute-api.eu-west-1.amazonaws.com",
            "http": { "method": "GET", "path": "/accounts", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "agent" },
            "requestId": "id", "routeKey": "GET /accounts", "stage": "$default", "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 0 } })
}

async fn ask(app: &App, event: &Value) -> Value {
    let answer = app.stack.invoke("gate", event).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

fn policy(effect: &str, principal: &str, context: &Value) -> Value {
    json!({ "principalId": principal, "context": context, "policyDocument": { "Version": "2012-10-17", "Statement": [{
        "Action": "execute-api:Invoke", "Effect": effect,
        "Resource": "arn:aws:execute-api:eu-west-1:123456789012:abcdef123/live/*" }] } })
}

async fn assert_denied(app: &App, token: &str, code: &str) {
    let context = json!({ "error_code": code });
    let denied = policy("Deny", "nobody", &context);
    assert_eq!(ask(app, &of_header(token)).await, denied, "{code}");
    assert_eq!(ask(app, &of_request(token)).await, denied, "{code}");
    let denied = json!({ "isAuthorized": false, "context": context });
    assert_eq!(ask(app, &of_http_api(token)).await, denied, "{code}");
}

#[tokio::test]
async fn the_gate_admits_approved_users_only() {
    let app = App::start().await;
    let token = app.stack.token(USER, Duration::from_mins(1));
    let unknown = app.stack.token("usr_unknown", Duration::from_mins(1));
    assert_denied(&app, &unknown, "KYC-403-001").await;
    assert_denied(&app, &token, "KYC-403-001").await;
    app.submit().await;
    assert_denied(&app, &token, "KYC-403-001").await;
    app.review(json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY" }))
        .await;
    assert_denied(&app, &token, "KYC-403-001").await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;

    let verified_at = app.get(REFRESH).await.ok()["verified_at"].to_string();
    let context = json!({ "user_id": USER, "verified_at": verified_at });
    let allowed = policy("Allow", USER, &context);
    assert_eq!(ask(&app, &of_header(&token)).await, allowed);
    assert_eq!(ask(&app, &of_request(&token)).await, allowed);
    let allowed = json!({ "isAuthorized": true, "context": context });
    assert_eq!(ask(&app, &of_http_api(&token)).await, allowed);

    // Tokens that are not what they should be are refused whoever they are for, and no invocation fails.
    let stranger = Issuer::ed25519("stranger").token(&claims());
    let expired = app
        .stack
        .sign(&json!({ "sub": USER, "exp": seconds_from_now(-90) }));
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    let long = "a".repeat(9000);
    for bad in [
        "", "Bearer x", "\u{0}\n", &stranger, &expired, unsigned, &long,
    ] {
        assert_denied(&app, bad, "USR-401-001").await;
    }
    let mut twice = of_request(&token);
    twice["multiValueHeaders"]["x-juno-jwt"] = json!([token]);
    let context = json!({ "error_code": "USR-401-001" });
    assert_eq!(ask(&app, &twice).await, policy("Deny", "nobody", &context));

    app.review(json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL" }))
        .await;
    assert_denied(&app, &token, "KYC-403-001").await;
    // Beside all that, the function serves its route, and pings.
    let answer = send(app.as_user(Method::GET, "/v0/kyc/gate", USER)).await;
    answer.assert_problem(403, "KYC-403-001", "/v0/kyc/gate");
    assert_eq!(ask(&app, &json!({ "warmer": true })).await, Value::Null);
}

#[tokio::test]
async fn the_authorizer_lets_nobody_in_when_it_cannot_decide() {
    let environment = [(
        "AWS_ENDPOINT_URL_DYNAMODB".to_owned(),
        "http://127.0.0.1:9".to_owned(),
    )];
    let app = App::start_with(local::Options {
        function_environment: environment.into(),
        ..local::Options::default()
    })
    .await;
    let token = app.stack.token(USER, Duration::from_mins(1));
    let failed = app
        .stack
        .invoke("gate", &of_header(&token))
        .await
        .unwrap_err();
    let said = failed.to_string();
    assert!(said.contains("could not be decided"), "{said}");
    assert!(!said.contains("127.0.0.1"), "{said}");
}

#[tokio::test]
async fn a_block_that_cannot_be_read_keeps_the_user_out() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.get(REFRESH).await.ok();
    assert_eq!(app.get("/v0/kyc/gate").await.status, 204);
    let update = json!({ "TableName": app.stack.table("UsersTable"), "Key": { "user_id": { "S": USER } },
        "UpdateExpression": "SET blocked_since = :time",
        "ExpressionAttributeValues": { ":time": { "S": "yesterday" } } });
    app.dynamodb("UpdateItem", update).await;

    let answer = app.get("/v0/kyc/gate").await;
    answer.assert_problem(500, "KYC-500-001", "/v0/kyc/gate");
    let token = app.stack.token(USER, Duration::from_mins(1));
    let failed = app.stack.invoke("gate", &of_header(&token)).await;
    let said = failed.unwrap_err().to_string();
    assert!(said.contains("could not be decided"), "{said}");
}
