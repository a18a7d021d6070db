//! Malformed requests: each gets problem details, and none a 5xx.

use reqwest::Method;

use tests::app::{ACCESS_TOKEN, App, DETAILS, STATUS, USER, WEBHOOK, send};

#[tokio::test]
async fn refresh_is_true_or_false() {
    let app = App::start().await;
    for value in [
        "",
        "2",
        "yes",
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
        "?refresh=FALSE",
        "?refresh=0",
        "?",
        "?other=1",
        "?Refresh=1",
        "?refreshed",
    ] {
        app.get(&format!("{STATUS}{query}")).await.ok();
    }
    // The user has no applicant, which only a refresh finds out.
    for yes in ["true", "True", "1"] {
        let answer = app.get(&format!("{STATUS}?refresh={yes}")).await;
        answer.assert_problem(404, "KYC-404-001", STATUS);
    }
    let odd = app
        .get("/v0/user/me?expand=%FF%00&expand=&expand=onboarding%2C%2C")
        .await
        .ok();
    assert!(odd["onboarding"].is_object());
}

#[tokio::test]
async fn routes_without_a_body_ignore_bodies() {
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
