//! The life of an applicant, and its events.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Receiver, Simulator, WEBHOOK_SECRET, hmac};

const USER: &str = "/applicants/usr_abc123";

#[tokio::test]
async fn each_step_of_a_life_has_its_event() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let green = json!({ "reviewAnswer": "GREEN", "rejectLabels": [] });
    let red = json!({
        "reviewAnswer": "RED",
        "reviewRejectType": "RETRY",
        "rejectLabels": ["SCREENSHOTS"],
        "moderationComment": "We do not accept screenshots.",
        "clientComment": "Screenshot.",
    });
    let steps = [
        ("start", Value::Null, "applicantCreated", "init"),
        ("submit", Value::Null, "applicantPending", "pending"),
        (
            "status/prechecked",
            Value::Null,
            "applicantPrechecked",
            "prechecked",
        ),
        ("status/onHold", Value::Null, "applicantOnHold", "onHold"),
        (
            "status/awaitingUser",
            Value::Null,
            "applicantAwaitingUser",
            "awaitingUser",
        ),
        (
            "status/awaitingService",
            Value::Null,
            "applicantAwaitingService",
            "awaitingService",
        ),
        ("review", red, "applicantReviewed", "completed"),
        ("submit", Value::Null, "applicantPending", "pending"),
        ("review", green, "applicantReviewed", "completed"),
        (
            "personal-info",
            json!({ "lastName": "Jones" }),
            "applicantPersonalInfoChanged",
            "completed",
        ),
        (
            "level",
            json!({ "levelName": "enhanced-kyc-level" }),
            "applicantLevelChanged",
            "init",
        ),
        ("reset", Value::Null, "applicantReset", "init"),
    ];

    let mut last_time = String::new();
    for (path, body, kind, status) in steps {
        let answer = simulator.post(&format!("{USER}/{path}"), body).await;
        assert_eq!(
            answer["applicant"]["review"]["reviewStatus"], status,
            "{path}"
        );
        assert_eq!(answer["deliveries"][0]["status"], 200, "{path}");
        assert_eq!(answer["deliveries"][0]["responseBody"], "noted", "{path}");

        let webhook = receiver.next().await;
        let digest = hmac(WEBHOOK_SECRET, &webhook.body);
        assert_eq!(webhook.headers["x-payload-digest"], digest);
        assert_eq!(webhook.headers["x-payload-digest-alg"], "HMAC_SHA256_HEX");
        assert_eq!(webhook.headers["content-type"], "application/json");
        assert!(webhook.headers.contains_key("user-agent"));
        assert_eq!(answer["deliveries"][0]["digest"], digest);
        assert!(webhook.body.starts_with(b"{\n  \"applicantId\" : \""));

        let event = webhook.json();
        assert_eq!(event["type"], kind);
        assert_eq!(event["reviewStatus"], status, "{kind}");
        assert_eq!(event["applicantId"], answer["applicant"]["id"]);
        assert_eq!(event["externalUserId"], "usr_abc123");
        assert_eq!(event["sandboxMode"], true);
        let time = event["createdAtMs"].as_str().unwrap().to_owned();
        assert!(time > last_time, "{time} is not after {last_time}");
        last_time = time;
        assert_eq!(
            event.get("reviewResult"),
            answer["applicant"]["review"].get("reviewResult"),
            "{kind}",
        );
        if kind == "applicantLevelChanged" {
            assert_eq!(event["levelName"], "enhanced-kyc-level");
            assert_eq!(event["previousLevelName"], "basic-kyc-level");
        }
        if kind == "applicantReset" {
            assert_eq!(event["reviewResult"], json!({ "reviewAnswer": "GREEN" }));
            assert_eq!(answer["applicant"].get("info"), None);
        }
    }
}

#[tokio::test]
async fn submitting_creates_an_applicant() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;

    let submitted = simulator.post(&format!("{USER}/submit"), Value::Null).await;
    assert_eq!(submitted["deliveries"].as_array().unwrap().len(), 2);
    let created = receiver.next().await.json();
    let pending = receiver.next().await.json();
    assert_eq!(created["reviewStatus"], "init");
    assert_eq!(pending["reviewStatus"], "pending");
    assert!(created["createdAtMs"].as_str() < pending["createdAtMs"].as_str());

    // Neither an existing applicant nor the queue causes an event.
    let started = simulator.post(&format!("{USER}/start"), Value::Null).await;
    assert_eq!(
        started,
        json!({ "applicant": submitted["applicant"], "deliveries": [] })
    );
    let queued = simulator
        .post(&format!("{USER}/status/queued"), Value::Null)
        .await;
    assert_eq!(queued["deliveries"], json!([]));
    assert_eq!(queued["applicant"]["review"]["reviewStatus"], "queued");
}

#[tokio::test]
async fn a_deleted_applicant_is_gone() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let submitted = simulator.post(&format!("{USER}/submit"), Value::Null).await;

    let (_, deleted) = simulator.control(Method::DELETE, USER, Value::Null).await;
    assert_eq!(deleted["applicant"]["deleted"], true);
    assert_eq!(deleted["applicant"].get("info"), None);
    assert_eq!(
        receiver.kinds(),
        ["applicantCreated", "applicantPending", "applicantDeleted"],
    );
    let id = submitted["applicant"]["id"].as_str().unwrap();
    for target in [
        format!("/resources/applicants/{id}/one"),
        "/resources/applicants/-;externalUserId=usr_abc123/one".to_owned(),
    ] {
        let (status, _) = simulator.call(Method::GET, &target, "").await;
        assert_eq!(status, 404);
    }

    let again = simulator.post(&format!("{USER}/start"), Value::Null).await;
    assert_ne!(again["applicant"]["id"], submitted["applicant"]["id"]);
}

#[tokio::test]
async fn a_deactivated_applicant_makes_room_for_another() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let company = json!({ "applicantType": "company" });
    let started = simulator.post(&format!("{USER}/start"), company).await;
    assert_eq!(started["applicant"]["type"], "company");
    let id = started["applicant"]["id"].as_str().unwrap();
    let presence = |state: &str| format!("/resources/applicants/{id}/presence/{state}");
    let by_user = "/resources/applicants/-;externalUserId=usr_abc123/one";

    let done = simulator
        .call(Method::PATCH, &presence("deactivated"), "")
        .await;
    assert_eq!(done, (200, json!({ "ok": 1 })));
    assert_eq!(simulator.call(Method::GET, by_user, "").await.0, 404);
    let by_id = simulator
        .read(&format!("/resources/applicants/{id}/one"))
        .await;
    assert_eq!(by_id["deleted"], true);

    let other = simulator.post(&format!("{USER}/start"), Value::Null).await;
    assert_ne!(other["applicant"]["id"], id);
    let activate = format!("{USER}/activate");
    let (status, _) = simulator
        .control(Method::POST, &activate, Value::Null)
        .await;
    assert_eq!(status, 400, "the other one is active");
    simulator
        .post(&format!("{USER}/deactivate"), Value::Null)
        .await;
    let done = simulator
        .call(Method::PATCH, &presence("activated"), "")
        .await;
    assert_eq!(done.0, 200);
    assert_eq!(simulator.read(by_user).await["id"], id);
    receiver.next().await;
    let kinds = ["Deactivated", "Created", "Deactivated", "Activated"];
    for kind in kinds {
        let event = receiver.next().await.json();
        assert_eq!(event["type"], format!("applicant{kind}"));
    }
}

#[tokio::test]
async fn calls_of_the_api_cause_events_too() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let submitted = simulator.post(&format!("{USER}/submit"), Value::Null).await;
    assert_eq!(receiver.kinds().len(), 2);
    let id = submitted["applicant"]["id"].as_str().unwrap();
    let completed = format!("/resources/applicants/{id}/status/testCompleted");

    let verdict = json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL", "rejectLabels": [] });
    let answer = simulator
        .call(Method::POST, &completed, &verdict.to_string())
        .await;
    assert_eq!(answer, (200, json!({ "ok": 1 })));
    let event = receiver.next().await.json();
    assert_eq!(
        event["reviewResult"],
        json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL", "rejectLabels": [], "buttonIds": [] }),
    );

    let reset = format!("/resources/applicants/{id}/reset");
    assert_eq!(
        simulator.call(Method::POST, &reset, "").await,
        (200, json!({ "ok": 1 }))
    );
    let event = receiver.next().await.json();
    assert_eq!(event["type"], "applicantReset");
    assert_eq!(event.get("reviewResult"), None);

    let (status, _) = simulator
        .call(Method::POST, &completed, r#"{"reviewAnswer":"BLUE"}"#)
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn applicants_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("applicants.json");
    let receiver = Receiver::start().await;

    let simulator = Simulator::start(&receiver.url, Some(file.clone())).await;
    let submitted = simulator.post(&format!("{USER}/submit"), Value::Null).await;
    simulator.stop().await;
    let simulator = Simulator::start(&receiver.url, Some(file.clone())).await;

    assert_eq!(
        simulator.get(USER).await["applicant"],
        submitted["applicant"]
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn users_whose_id_says_so_decide_themselves() {
    let mut receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let mut submit = async |user: &str| {
        let path = format!("/applicants/{user}/submit");
        simulator.post(&path, Value::Null).await;
        let mut event = receiver.next().await.json();
        while event["type"] != "applicantReviewed" {
            event = receiver.next().await.json();
        }
        event["reviewResult"].clone()
    };
    assert_eq!(submit("usr_approved_7").await["reviewAnswer"], "GREEN");
    let rejected = submit("usr_rejected").await;
    assert_eq!(rejected["reviewRejectType"], "FINAL");
    let retry = submit("usr_retry").await;
    assert_eq!(retry["reviewRejectType"], "RETRY");
    assert!(retry["moderationComment"].is_string());
    assert_eq!(submit("usr_retry").await["reviewAnswer"], "GREEN");
}
