//! The calls of operators, signed by curl with the keys of the roles that docs/operations.md names.

use std::time::Duration;

use local::region;
use serde_json::{Value, json};
use shared::kyc::{Timestamp, User};
use tests::app::{App, DETAILS, GATE, ME, STATUS, USER, exchange, new_user, schedule};
use tests::operator::{Signed, call, done, send_signed};

#[track_caller]
fn assert_refused((status, body): &(u16, Value), expected: u16, code: &str, path: &str) {
    assert_eq!(*status, expected, "{body}");
    assert_eq!(body["status"], expected);
    assert_eq!(body["error_code"], code);
    assert_eq!(body["instance"], path);
}

#[tokio::test]
async fn a_block_beats_the_provider_until_it_is_lifted() {
    const BLOCK: &str = "/users/usr_abc123/block";
    let app = App::start().await;
    let reason = r#"{"reason": "Canary: reported by the police"}"#;
    let user = done(&app, "compliance", "PUT", BLOCK, reason).await;
    assert!(user["blocked_since"].is_i64());
    app.get(GATE).await.assert_problem(403, "KYC-403-002", GATE);

    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    assert_eq!(app.refreshed().await["status"], "approved");
    app.get(GATE).await.assert_problem(403, "KYC-403-002", GATE);
    let token = app.stack.token(USER, Duration::from_mins(1));
    let question = json!({ "type": "REQUEST", "routeArn": "arn:aws:execute-api:eu-west-1:123456789012:a/live/GET/b",
        "version": "2.0", "headers": { "x-juno-jwt": token } });
    let answer = app.stack.invoke("gate", &question).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let denied = json!({ "isAuthorized": false, "context": { "error_code": "KYC-403-002" } });
    assert_eq!(answer, denied);
    assert_eq!(app.get(STATUS).await.ok()["status"], "approved");

    // Repeated, it changes nothing.
    let again = done(&app, "compliance", "PUT", BLOCK, reason).await;
    assert_eq!(again["blocked_since"], user["blocked_since"]);
    let user = done(
        &app,
        "compliance",
        "DELETE",
        BLOCK,
        r#"{"reason": "cleared"}"#,
    )
    .await;
    assert_eq!(user["blocked_since"], Value::Null);
    assert_eq!(app.get(GATE).await.status, 204);

    let history = done(&app, "support", "GET", "/users/usr_abc123/history", "").await;
    let items = history["items"].as_array().unwrap();
    let (first, last) = (items.first().unwrap(), items.last().unwrap());
    assert_eq!(first["event"], "UserBlocked");
    assert_eq!(first["reason"], "Canary: reported by the police");
    assert_eq!(
        first["caller"],
        "arn:aws:sts::123456789012:assumed-role/compliance/local"
    );
    assert_eq!(last["event"], "UserUnblocked");
    assert_eq!(last["reason"], "cleared");
    let logged = app.stack.logs();
    assert!(logged.iter().all(|line| !line.line.contains("Canary")));
}

#[tokio::test]
async fn the_service_of_the_step_before_puts_a_new_user_on_verification() {
    const STEP: &str = "/users/usr_new/onboarding";
    let app = App::start().await;
    let path = "/users/usr_new";
    assert_refused(
        &call(&app, "support", "GET", path, "").await,
        404,
        "KYC-404-002",
        path,
    );
    let wish = r#"{"step": "kyc_verification", "if_step": "phone_verification"}"#;
    for _ in 0..2 {
        let user = done(&app, "onboarding-service", "PUT", STEP, wish).await;
        assert_eq!(user["onboarding_step"], "kyc_verification");
        assert_eq!(user["history_items"], 1);
    }
    let back = call(
        &app,
        "onboarding-service",
        "PUT",
        STEP,
        r#"{"step": "phone_verification"}"#,
    )
    .await;
    assert_refused(&back, 409, "KYC-409-002", STEP);
    assert_eq!(back.1["current_step"], "kyc_verification");
    let forced = r#"{"step": "phone_verification", "force": true, "reason": "wrong number"}"#;
    let user = done(&app, "compliance", "PUT", STEP, forced).await;
    assert_eq!(user["onboarding_step"], "phone_verification");

    // Approved meanwhile: moves on at once.
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.refreshed().await;
    let path = "/users/usr_abc123/onboarding";
    let user = done(
        &app,
        "onboarding-service",
        "PUT",
        path,
        r#"{"step": "kyc_verification"}"#,
    );
    assert_eq!(user.await["onboarding_step"], "open_banking");
}

#[tokio::test]
async fn a_check_finds_what_no_webhook_told() {
    let app = App::start().await;
    app.webhooks("withheld").await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    assert_eq!(app.get(STATUS).await.ok()["status"], "pending");
    let user = done(&app, "support", "POST", "/users/usr_abc123/check", "").await;
    assert_eq!(user["status"], "approved");
    let history = done(&app, "support", "GET", "/users/usr_abc123/history", "").await;
    let last = history["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["cause"], "check");
    assert_eq!(
        last["caller"],
        "arn:aws:sts::123456789012:assumed-role/support/local"
    );
    let name = done(&app, "compliance", "GET", "/users/usr_abc123/name", "").await;
    assert!(name["first_name"].is_string());
}

#[tokio::test]
async fn a_step_that_is_set_while_an_approval_lands_advances_the_user_once() {
    const STEP: &str = "/users/usr_abc123/onboarding";
    let app = App::start().await;
    let back = r#"{"step": "phone_verification", "force": true, "reason": "test"}"#;
    done(&app, "compliance", "PUT", STEP, back).await;
    app.submit().await;
    let wish = r#"{"step": "kyc_verification"}"#;
    let set = || done(&app, "onboarding-service", "PUT", STEP, wish);
    tokio::join!(
        set(),
        app.review(json!({ "reviewAnswer": "GREEN" })),
        set(),
        set(),
        set()
    );
    app.refreshed().await;
    assert_eq!(app.step().await, "open_banking");
    let history = done(&app, "support", "GET", "/users/usr_abc123/history", "").await;
    let items = history["items"].as_array().unwrap().iter();
    let mut steps: Vec<_> = items
        .map(|item| item["onboarding_step"].as_str().unwrap())
        .collect();
    steps.dedup();
    let reached = steps.iter().filter(|step| **step == "open_banking").count();
    assert_eq!(reached, 1, "{history}");
}

#[tokio::test]
async fn who_waits_longest_is_listed_first() {
    let app = App::start().await;
    app.webhooks("withheld").await;
    let first = Timestamp::from_millis(1_704_067_200_000);
    for (id, minutes) in [("usr_second", 10), ("usr_first", 0)] {
        let user = User {
            session_at: Some(first.plus(Duration::from_mins(minutes))),
            waiting_since: Some(first.plus(Duration::from_mins(minutes))),
            ..new_user(id)
        };
        app.users.create(&user, &schedule()).await.unwrap();
    }
    let overdue = done(&app, "support", "GET", "/overdue", "").await;
    let queue = |name: &str| {
        let queues = overdue["queues"].as_array().unwrap();
        queues
            .iter()
            .find(|queue| queue["queue"] == name)
            .unwrap()
            .clone()
    };
    let in_flight = queue("in_flight");
    assert_eq!(in_flight["count"], 2);
    assert_eq!(in_flight["is_capped"], false);
    let users = in_flight["users"].as_array().unwrap().iter();
    let users: Vec<_> = users
        .map(|user| user["user_id"].as_str().unwrap())
        .collect();
    assert_eq!(users, ["usr_first", "usr_second"]);
    assert_eq!(queue("decided")["count"], 0);
    // Registered only: nothing of theirs is at the provider.
    let decided = done(&app, "support", "GET", "/users?awaiting=decided", "").await;
    assert_eq!(decided["users"], json!([]));
    let unknown = call(&app, "support", "GET", "/users?awaiting=godot", "").await;
    assert_refused(&unknown, 400, "GEN-400-001", "/users");
    assert_eq!(
        unknown.1["detail"],
        "awaiting is none of unsettled, in_flight, decided"
    );
}

#[tokio::test]
async fn an_export_holds_what_is_stored() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.refreshed().await;
    app.get(DETAILS).await.ok();
    let export = done(&app, "compliance", "GET", "/users/usr_abc123/export", "").await;
    let me = app.get(ME).await.ok();
    assert_eq!(export["name"]["first_name"], me["user"]["first_name"]);
    assert!(export["documents"][0]["document_type"].is_string());
    let items = export["history"]["items"].as_array().unwrap().len();
    assert_eq!(export["user"]["history_items"], items);
    assert_eq!(export["history"]["next_page"], Value::Null);
}

#[tokio::test]
async fn the_history_comes_in_pages() {
    const STEP: &str = "/users/usr_abc123/onboarding";
    let app = App::start().await;
    for index in 0..51 {
        let step = ["open_banking", "card_setup"][index % 2];
        let wish = format!(r#"{{"step": "{step}", "force": true, "reason": "test"}}"#);
        done(&app, "compliance", "PUT", STEP, &wish).await;
    }
    let path = "/users/usr_abc123/history";
    let first = done(&app, "support", "GET", path, "").await;
    let numbers = |page: &Value| -> Vec<u64> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["sequence"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(&first), (1..=50).collect::<Vec<_>>());
    let next = format!("{path}?page={}", first["next_page"].as_str().unwrap());
    let second = done(&app, "support", "GET", &next, "").await;
    assert_eq!(numbers(&second), [51]);
    assert_eq!(second["next_page"], Value::Null);
}

#[tokio::test]
async fn an_unreadable_call_changes_nothing() {
    let app = App::start().await;
    let long = format!(r#"{{"reason": "{}"}}"#, "x".repeat(64 * 1024));
    let too_long = format!("/users/{}/block", "x".repeat(129));
    let before = app.items("UsersTable").await;
    for (method, path, body, status, code) in [
        (
            "PUT",
            "/users/usr_abc123/onboarding",
            r#"{"step": "nowhere"}"#,
            400,
            "GEN-400-001",
        ),
        (
            "PUT",
            "/users/usr_abc123/onboarding",
            r#"{"step": "complete", "force": true}"#,
            400,
            "GEN-400-001",
        ),
        (
            "PUT",
            "/users/usr_abc123/onboarding",
            r#"{"step": "complete", "step": "card_setup"}"#,
            400,
            "GEN-400-001",
        ),
        (
            "PUT",
            "/users/usr_abc123/onboarding",
            r#"{"step": "complete", "when": 1}"#,
            400,
            "GEN-400-001",
        ),
        ("PUT", "/users/usr_abc123/block", "", 400, "GEN-400-001"),
        (
            "PUT",
            "/users/usr_abc123/block",
            r#"{"reason": " "}"#,
            400,
            "GEN-400-001",
        ),
        ("PUT", "/users/usr_abc123/block", &long, 413, "GEN-413-001"),
        (
            "DELETE",
            "/users/usr_unknown/block",
            r#"{"reason": "x"}"#,
            404,
            "KYC-404-002",
        ),
        ("POST", "/users/usr_unknown/check", "", 404, "KYC-404-002"),
        ("GET", "/users/usr_unknown/history", "", 404, "KYC-404-002"),
        ("PUT", &too_long, r#"{"reason": "x"}"#, 400, "GEN-400-001"),
    ] {
        let answer = call(&app, "local", method, path, body).await;
        assert_refused(&answer, status, code, path);
    }
    let steps = call(
        &app,
        "local",
        "PUT",
        "/users/usr_abc123/onboarding",
        r#"{"step": "nowhere"}"#,
    );
    let (_, steps) = steps.await;
    assert_eq!(
        steps["detail"],
        "step is none of phone_verification, kyc_verification, open_banking, card_setup, feature_selection, complete"
    );
    let page = call(
        &app,
        "local",
        "GET",
        "/users/usr_abc123/history?page=forged",
        "",
    )
    .await;
    assert_refused(&page, 400, "GEN-400-001", "/users/usr_abc123/history");
    assert_eq!(app.items("UsersTable").await, before);
}

#[tokio::test]
async fn each_role_may_call_what_its_policy_says_and_nothing_else() {
    const CALLS: [(&str, &str, &str); 14] = [
        ("GET", "/overdue", ""),
        ("GET", "/users?awaiting=decided", ""),
        ("GET", "/users/usr_abc123", ""),
        ("GET", "/users/usr_abc123/name", ""),
        ("GET", "/users/usr_abc123/history", ""),
        ("GET", "/users/usr_abc123/export", ""),
        ("POST", "/users/usr_abc123/check", ""),
        (
            "PUT",
            "/users/usr_abc123/onboarding",
            r#"{"step": "kyc_verification"}"#,
        ),
        ("PUT", "/users/usr_abc123/block", r#"{"reason": "x"}"#),
        ("DELETE", "/users/usr_abc123/block", r#"{"reason": "x"}"#),
        ("DELETE", "/users/usr_abc123", r#"{"reason": "x"}"#),
        ("POST", "/erasures", r#"{"reason": "x"}"#),
        ("POST", "/import", r#"{"reason": "x", "users": []}"#),
        ("POST", "/replay", r#"{"user_id": "usr_abc123"}"#),
    ];
    let app = App::start().await;
    for (role, allowed) in [
        (
            "support",
            [
                true, true, true, false, true, false, true, false, false, false, false, false,
                false, false,
            ],
        ),
        ("compliance", [true; 14]),
        (
            "onboarding-service",
            [
                false, false, false, false, false, false, false, true, false, false, false, false,
                false, false,
            ],
        ),
        ("local", [true; 14]),
    ] {
        for ((method, path, body), allowed) in CALLS.into_iter().zip(allowed) {
            let answer = call(&app, role, method, path, body).await;
            if allowed {
                assert_eq!(answer.0, 200, "{role} {method} {path}");
            } else {
                let (path, _) = path.split_once('?').unwrap_or((path, ""));
                assert_refused(&answer, 403, "GEN-403-001", path);
            }
        }
    }
}

#[tokio::test]
async fn a_request_counts_only_with_a_fresh_signature_for_this_region() {
    const PATH: &str = "/users/usr_abc123";
    let app = App::start().await;
    let here = region();
    let unsigned = exchange(
        app.http
            .get(format!("{}{PATH}", app.stack.operations_url())),
    )
    .await;
    unsigned.assert_problem(403, "GEN-403-001", PATH);
    let with = |role, region, secret, headers| {
        let signed = Signed {
            region,
            secret,
            headers,
        };
        send_signed(&app, role, "GET", PATH, "", signed)
    };
    assert_eq!(with("support", &here, "local", &[]).await.0, 200);
    for wrong in [
        with("support", &here, "guessed", &[]).await,
        with("nobody", &here, "local", &[]).await,
        with("support", "us-east-2", "local", &[]).await,
        with("support", &here, "local", &["X-Amz-Date: 20200101T000000Z"]).await,
    ] {
        assert_refused(&wrong, 403, "GEN-403-001", PATH);
    }
}

#[tokio::test]
async fn nobody_acts_without_a_caller_whom_iam_knows() {
    let app = App::start().await;
    let event = json!({ "resource": "/users/{id}", "path": "/users/usr_abc123", "httpMethod": "GET", "headers": {},
        "multiValueHeaders": {}, "pathParameters": { "id": "usr_abc123" }, "body": null, "isBase64Encoded": false,
        "requestContext": { "httpMethod": "GET", "identity": {}, "resourcePath": "/users/{id}", "requestId": "r", "stage": "live" } });
    let answer = app.stack.invoke("operations", &event).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["statusCode"], 401);
}
