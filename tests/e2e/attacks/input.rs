//! Requests of one user that name another.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use tests::app::{ACCESS_TOKEN, App, DETAILS, FOR_USERS, STATUS, USER, send};

#[tokio::test]
async fn only_the_token_identifies_the_user() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    assert_eq!(app.status().await, "approved");
    let victim = app.stored(USER).await;

    let queries = [
        format!("user_id={USER}"),
        format!("userId={USER}&sub={USER}&id={USER}&externalUserId={USER}"),
        format!("user_id=usr_other&user_id={USER}"),
        format!("x-juno-jwt=x&x-user-id={USER}"),
    ];
    let headers = [
        "x-user-id",
        "x-juno-user",
        "x-juno-user-id",
        "x-authenticated-userid",
        "x-forwarded-user",
        "x-remote-user",
        "x-amzn-oidc-identity",
        "x-apigateway-context",
        "sub",
        "authorization",
        "cookie",
        "from",
    ];
    let body = json!({ "user_id": USER, "userId": USER, "externalUserId": USER }).to_string();
    for (method, path) in FOR_USERS {
        for query in &queries {
            let path_and_query = format!("{path}?{query}");
            let token = app.stack.token("usr_other", Duration::from_mins(1));
            // In any case of letters.
            let request = app
                .request(method.clone(), &path_and_query)
                .header("X-JUNO-JWT", token);
            let request = headers
                .iter()
                .fold(request, |request, name| request.header(*name, USER));
            let answer = send(request.body(body.clone())).await;
            assert!(
                !answer.text.contains(USER) && !answer.text.contains("Jane"),
                "{path}: {answer:?}"
            );
            match path {
                ACCESS_TOKEN => assert_eq!(answer.ok()["user_id"], "usr_other"),
                STATUS | DETAILS => assert_eq!(answer.ok()["status"], "pending"),
                "/v0/user/me" => assert_eq!(answer.ok()["user"]["id"], "usr_other"),
                _ => answer.assert_problem(403, "KYC-403-001", path),
            }
        }
    }
    assert_eq!(app.stored(USER).await, victim);
    assert_eq!(
        send(app.as_user(Method::GET, STATUS, USER)).await.ok()["status"],
        "approved"
    );
}
