//! The delivery of webhooks: twice, late, out of order, again.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Receiver, Simulator, WEBHOOK_SECRET, hmac, listen, soon};

const USER: &str = "/applicants/usr_abc123";

#[tokio::test]
async fn duplicates_are_the_same_bytes() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    simulator
        .put("/webhooks", json!({ "mode": "duplicated" }))
        .await;

    let started = simulator.post(&format!("{USER}/start"), Value::Null).await;

    assert_eq!(started["deliveries"].as_array().unwrap().len(), 2);
    let (first, second) = (receiver.next().await, receiver.next().await);
    assert_eq!(first.body, second.body);
    assert_eq!(
        first.headers["x-payload-digest"],
        second.headers["x-payload-digest"]
    );
}

#[tokio::test]
async fn held_webhooks_wait_for_their_release() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    for (mode, order) in [
        ("reordered", ["applicantReviewed", "applicantPending"]),
        ("withheld", ["applicantPending", "applicantReviewed"]),
    ] {
        simulator.post(&format!("{USER}/start"), Value::Null).await;
        receiver.kinds();
        simulator.put("/webhooks", json!({ "mode": mode })).await;

        let submitted = simulator.post(&format!("{USER}/submit"), Value::Null).await;
        assert_eq!(submitted["deliveries"], json!([]));
        simulator
            .post(
                &format!("{USER}/review"),
                json!({ "reviewAnswer": "GREEN" }),
            )
            .await;
        assert_eq!(
            simulator.get("/webhooks").await,
            json!({ "mode": mode, "held": 2 })
        );
        assert_eq!(receiver.kinds().len(), 0);

        let released = simulator.post("/webhooks/release", Value::Null).await;
        assert_eq!(released["deliveries"].as_array().unwrap().len(), 2);
        assert_eq!(receiver.kinds(), order, "{mode}");
        assert_eq!(simulator.get("/webhooks").await["held"], 0);
    }

    simulator.post(&format!("{USER}/reset"), Value::Null).await;
    let dropped = simulator.post("/webhooks/drop", Value::Null).await;
    assert_eq!(dropped, json!({ "dropped": 1 }));
    let released = simulator.post("/webhooks/release", Value::Null).await;
    assert_eq!(released, json!({ "deliveries": [] }));
}

#[tokio::test]
async fn a_refused_webhook_comes_again() {
    let mut receiver = Receiver::start().await;
    let delays = vec![Duration::from_millis(1); 4];
    let simulator = Simulator::with_retries(&receiver.url, None, delays).await;
    receiver.answer_with([500, 302]);

    let started = simulator.post(&format!("{USER}/start"), Value::Null).await;

    assert_eq!(started["deliveries"][0]["status"], 500);
    let first = receiver.next().await;
    for _ in 0..2 {
        let again = receiver.next().await;
        assert_eq!(again.body, first.body);
        assert_eq!(
            again.headers["x-payload-digest"],
            first.headers["x-payload-digest"]
        );
    }
    let deliveries = soon(async {
        loop {
            let answer = simulator.get("/deliveries").await;
            let deliveries = answer["deliveries"].as_array().unwrap().clone();
            if deliveries.len() == 3 {
                return deliveries;
            }
        }
    })
    .await;
    for (delivery, (attempt, status)) in deliveries.iter().zip([(1, 500), (2, 302), (3, 200)]) {
        assert_eq!(delivery["attempt"], attempt);
        assert_eq!(delivery["status"], status);
        assert_eq!(delivery["type"], "applicantCreated");
        assert_eq!(delivery["externalUserId"], "usr_abc123");
        assert_eq!(delivery["body"].as_str().unwrap().as_bytes(), first.body);
    }
    assert_eq!(receiver.kinds().len(), 0);

    // What is known is not told again.
    for (after, told) in [(1, 2), (3, 0), (99, 3)] {
        let answer = simulator.get(&format!("/deliveries?after={after}")).await;
        assert_eq!(answer["deliveries"].as_array().unwrap().len(), told);
        assert_eq!(answer["last"], 3);
    }

    simulator
        .control(Method::DELETE, "/deliveries", Value::Null)
        .await;
    assert_eq!(
        simulator.get("/deliveries").await,
        json!({ "deliveries": [], "last": 3 })
    );
}

#[tokio::test]
async fn retries_end_with_the_simulator() {
    let mut receiver = Receiver::start().await;
    let delays = vec![Duration::from_hours(1)];
    let simulator = Simulator::with_retries(&receiver.url, None, delays).await;
    receiver.answer_with([500]);
    simulator.post(&format!("{USER}/start"), Value::Null).await;

    simulator.stop().await;

    assert_eq!(receiver.kinds(), ["applicantCreated"]);
}

#[tokio::test]
async fn an_absent_receiver_is_noted() {
    let (listener, address) = listen().await;
    drop(listener);
    let simulator = Simulator::start(&format!("http://{address}/"), None).await;

    let started = simulator.post(&format!("{USER}/start"), Value::Null).await;

    assert_eq!(started["deliveries"][0]["status"], Value::Null);
    assert_eq!(started["deliveries"][0]["error"], "No connection.");
}

#[tokio::test]
async fn any_payload_can_be_sent() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    simulator
        .put("/webhooks", json!({ "mode": "withheld" }))
        .await;
    let payload =
        json!({ "type": "kycCaseUpdated", "externalUserId": "nobody", "labels": ["a", "b"] });

    let sent = simulator.post("/webhooks/send", payload.clone()).await;

    assert_eq!(sent["deliveries"][0]["type"], "kycCaseUpdated");
    assert_eq!(sent["deliveries"][0]["status"], 200);
    let webhook = receiver.next().await;
    assert_eq!(webhook.json(), payload);
    assert_eq!(
        webhook.headers["x-payload-digest"],
        hmac(WEBHOOK_SECRET, &webhook.body)
    );
}
