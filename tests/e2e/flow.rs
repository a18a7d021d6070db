//! The flows of the contract, from the first token to the verdict.

use reqwest::Method;
use serde_json::{Value, json};
use shared::kyc::{Step, Timestamp, User};
use shared::platform::system_clock;

use tests::app::{ACCESS_TOKEN, App, DETAILS, GATE, ME, REFRESH, STATUS, USER};

fn green() -> Value {
    json!({ "reviewAnswer": "GREEN", "rejectLabels": [] })
}

fn red(reject_type: &str, comment: &str) -> Value {
    json!({ "reviewAnswer": "RED", "reviewRejectType": reject_type, "rejectLabels": ["FORGERY"],
        "moderationComment": comment, "clientComment": "on a list" })
}

#[tokio::test]
async fn approved_by_webhook_without_polling() {
    let app = App::start().await;
    assert_eq!(app.status().await, "pending");
    assert_eq!(app.step().await, "kyc_verification");
    assert_eq!(app.post(ACCESS_TOKEN).await.ok()["expires_in"], 600);

    app.simulate(Method::POST, &format!("applicants/{USER}/start"), json!({}))
        .await;
    assert_eq!(app.status().await, "pending");
    app.submit().await;
    assert_eq!(app.status().await, "in_progress");
    let reviewed = app.review(green()).await;
    assert_eq!(reviewed["deliveries"][0]["status"], 200, "{reviewed}");

    let status = app.get(STATUS).await.ok();
    assert_eq!(status["status"], "approved");
    assert!(status["verified_at"].is_i64() && status["applicant_id"].is_string());
    let me = app.get(ME).await.ok();
    assert_eq!(me["user"]["first_name"], "Jane");
    assert_eq!(me["user"]["last_names"], "Smith");
    assert_eq!(me["user"]["kyc_verified_at"], status["verified_at"]);
    assert_eq!(me["onboarding"]["current_step"], "open_banking");
    assert_eq!(app.get(GATE).await.status, 204);
}

#[tokio::test]
async fn approved_by_polling_without_webhook() {
    let app = App::start().await;
    app.webhooks("withheld").await;
    app.get(REFRESH)
        .await
        .assert_problem(404, "KYC-404-001", STATUS);
    app.submit().await;
    assert_eq!(app.status().await, "pending", "nobody told us");
    assert_eq!(app.get(REFRESH).await.ok()["status"], "in_progress");
    app.review(green()).await;
    assert_eq!(app.status().await, "in_progress");

    let polled = app.get(REFRESH).await.ok();
    assert_eq!(polled["status"], "approved");
    assert_eq!(app.step().await, "open_banking");
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], "Jane");

    // The webhooks arrive at last. They are older than the poll and change nothing.
    let released = app
        .simulate(Method::POST, "webhooks/release", json!({}))
        .await;
    for delivery in released["deliveries"].as_array().unwrap() {
        assert_eq!(delivery["status"], 200, "{delivery}");
    }
    assert_eq!(app.get(STATUS).await.ok(), polled);
}

/// The details are the first to see a verdict: documents from before it are not shown, and those of after it are.
#[tokio::test]
async fn details_that_see_a_verdict_first_show_its_documents() {
    let app = App::start().await;
    app.submit().await;
    let before = app.get(DETAILS).await.ok();
    assert_eq!(before["documents"][0]["status"], "pending");
    // Right after an event, a read that says otherwise may lag.
    let told_long_ago = User {
        hinted_at: None,
        ..app.stored(USER).await
    };
    app.store(&told_long_ago).await;
    app.webhooks("withheld").await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;

    let after = app.get(DETAILS).await.ok();
    assert_eq!(after["status"], "approved");
    assert_eq!(after["documents"][0]["status"], "verified");
}

#[tokio::test]
async fn retry_then_approved() {
    let app = App::start().await;
    app.submit().await;
    app.review(red(
        "RETRY",
        "Document image is blurry. Please resubmit a clear photo.\n\n",
    ))
    .await;

    for path in [STATUS, REFRESH] {
        let status = app.get(path).await.ok();
        assert_eq!(status["status"], "retry");
        assert_eq!(
            status["reject_reason"],
            "Document image is blurry. Please resubmit a clear photo."
        );
        assert_eq!(status["rejected_at"], Value::Null);
        assert_eq!(status["_links"]["start-verification"]["method"], "POST");
    }
    let details = app.get(DETAILS).await.ok();
    assert_eq!(details["rejection"]["can_retry"], true);
    assert_eq!(details["documents"][0]["status"], "rejected");
    assert_eq!(app.step().await, "kyc_verification");

    app.post(ACCESS_TOKEN).await.ok();
    app.submit().await;
    assert_eq!(app.status().await, "in_progress");
    app.review(green()).await;
    assert_eq!(app.status().await, "approved");
    assert_eq!(app.step().await, "open_banking");
}

#[tokio::test]
async fn rejected() {
    let app = App::start().await;
    app.submit().await;
    app.review(red("FINAL", "We could not verify your profile."))
        .await;

    let status = app.get(REFRESH).await.ok();
    assert_eq!(status["status"], "rejected");
    assert_eq!(status["reject_reason"], "We could not verify your profile.");
    assert!(status["rejected_at"].is_i64());
    assert_eq!(status["_links"].get("start-verification"), None);
    let me = app.get(ME).await.ok();
    assert_eq!(me["user"]["kyc_rejected_at"], status["rejected_at"]);
    assert_eq!(me["user"]["first_name"], Value::Null);
    let details = app.get(DETAILS).await.ok();
    assert_eq!(
        details["rejection"],
        json!({ "can_retry": false, "message": "We could not verify your profile." })
    );
    app.post(ACCESS_TOKEN)
        .await
        .assert_problem(409, "KYC-409-001", ACCESS_TOKEN);
    app.get(GATE).await.assert_problem(403, "KYC-403-001", GATE);
}

#[tokio::test]
async fn a_reset_and_a_later_rejection_take_an_approval_back() {
    let app = App::start().await;
    app.submit().await;
    app.review(green()).await;
    app.simulate(Method::POST, &format!("applicants/{USER}/reset"), json!({}))
        .await;
    assert_eq!(app.status().await, "pending");
    assert_eq!(app.get(REFRESH).await.ok()["status"], "pending");
    assert_eq!(
        app.step().await,
        "open_banking",
        "the onboarding does not go back"
    );
    assert_eq!(app.get(ME).await.ok()["user"]["first_name"], Value::Null);

    app.submit().await;
    app.review(green()).await;
    assert_eq!(app.status().await, "approved");
    app.review(red("FINAL", "Forged.")).await;
    assert_eq!(app.status().await, "rejected");
}

#[tokio::test]
async fn a_repeated_or_reordered_webhook_changes_nothing() {
    let app = App::start().await;
    app.webhooks("duplicated").await;
    app.submit().await;
    let reviewed = app.review(green()).await;
    let outcomes: Vec<&str> = reviewed["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| delivery["responseBody"].as_str().unwrap())
        .collect();
    assert_eq!(
        outcomes,
        [r#"{"outcome":"applied"}"#, r#"{"outcome":"duplicate"}"#]
    );
    assert_eq!(app.status().await, "approved");

    app.webhooks("reordered").await;
    app.simulate(
        Method::POST,
        &format!("applicants/{USER}/status/onHold"),
        json!({}),
    )
    .await;
    app.review(red("RETRY", "Once more.")).await;
    app.simulate(Method::POST, "webhooks/release", json!({}))
        .await;
    assert_eq!(app.status().await, "retry");
}

#[tokio::test]
async fn an_approved_user_who_reaches_the_step_later_is_advanced_by_a_poll() {
    let app = App::start().await;
    app.submit().await;
    app.review(green()).await;
    let approved = app.stored(USER).await;
    app.store(&User {
        step: Step::kyc_verification(),
        ..approved
    })
    .await;
    assert_eq!(app.step().await, "kyc_verification");
    app.get(REFRESH).await.ok();
    assert_eq!(app.step().await, "open_banking");
}

#[tokio::test]
async fn documents_are_read_once_in_five_minutes_and_the_person_each_time() {
    let app = App::start().await;
    app.submit().await;
    app.simulate(Method::DELETE, "requests", json!({})).await;
    let first = app.get(DETAILS).await.ok();
    assert_eq!(first["documents"][0]["country"], "GBR");
    assert_eq!(first["personal_info"]["date_of_birth"], "1990-05-15");
    let second = app.get(DETAILS).await.ok();
    assert_eq!(first, second);
    assert_eq!(app.provider_requests("metadata").await, 1);
    assert_eq!(app.provider_requests("externalUserId").await, 2);
    app.get("/v0/kyc/details?refresh=true").await.ok();
    assert_eq!(app.provider_requests("metadata").await, 2);
}

#[tokio::test]
async fn a_refresh_costs_one_request_of_the_provider() {
    let app = App::start().await;
    app.submit().await;
    app.simulate(Method::DELETE, "requests", json!({})).await;
    app.get(REFRESH).await.ok();
    assert_eq!(app.provider_requests("/resources/").await, 1);
    app.status().await;
    assert_eq!(app.provider_requests("/resources/").await, 1);
}

#[tokio::test]
async fn an_erased_person_leaves_the_verdict() {
    let app = App::start().await;
    app.submit().await;
    app.review(green()).await;
    app.get(DETAILS).await.ok();
    app.simulate(Method::DELETE, &format!("applicants/{USER}"), json!({}))
        .await;

    let status = app.get(STATUS).await.ok();
    assert_eq!(
        (&status["status"], &status["applicant_id"]),
        (&json!("approved"), &Value::Null)
    );
    assert!(status["verified_at"].is_i64());
    let me = app.get(ME).await.ok();
    assert_eq!(
        (&me["user"]["first_name"], &me["user"]["last_names"]),
        (&Value::Null, &Value::Null)
    );
    let details = app.get(DETAILS).await.ok();
    assert_eq!(
        (&details["personal_info"], &details["documents"]),
        (&Value::Null, &json!([]))
    );
    app.get(REFRESH)
        .await
        .assert_problem(404, "KYC-404-001", STATUS);
}

#[tokio::test]
async fn a_changed_name_is_read_again() {
    let app = App::start().await;
    app.submit().await;
    app.review(green()).await;
    app.simulate(
        Method::POST,
        &format!("applicants/{USER}/personal-info"),
        json!({ "lastName": "Miller" }),
    )
    .await;
    assert_eq!(app.get(ME).await.ok()["user"]["last_names"], "Miller");
    assert_eq!(app.status().await, "approved");
}

#[tokio::test]
async fn a_status_in_progress_says_when_to_ask_again() {
    let app = App::start().await;
    assert_eq!(app.get(STATUS).await.header("retry-after"), "");
    app.submit().await;
    // Our clocks differ a little: the first has just begun to wait.
    for (waited, expected) in [(-60_000, "3"), (60_000, "10"), (240_000, "20")] {
        let waiting = User {
            waiting_since: Some(Timestamp::from_millis(system_clock().millis() - waited)),
            ..app.stored(USER).await
        };
        app.store(&waiting).await;
        for path in [STATUS, REFRESH] {
            assert_eq!(app.get(path).await.header("retry-after"), expected);
        }
    }
    app.review(green()).await;
    assert_eq!(app.get(STATUS).await.header("retry-after"), "");
}
