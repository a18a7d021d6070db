//! The calls of operators about many users: import and replay.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tests::app::{App, ME, USER};
use tests::operator::{call, done};

use crate::subscriber::{Folded, fold, stored};

fn import(users: &Value) -> String {
    json!({ "reason": "Moved from the former backend", "users": users }).to_string()
}

#[tokio::test]
async fn imported_users_get_their_verdicts_from_the_provider() {
    let app = App::start().await;
    app.webhooks("withheld").await;
    for (user, answer) in [("usr_approved", "GREEN"), ("usr_rejected", "RED")] {
        for (action, body) in [
            (
                "submit",
                json!({ "firstName": "Jane", "lastName": "Smith", "documents": [] }),
            ),
            (
                "review",
                json!({ "reviewAnswer": answer, "reviewRejectType": "FINAL" }),
            ),
        ] {
            app.simulate(Method::POST, &format!("applicants/{user}/{action}"), body)
                .await;
        }
    }
    let users = json!([{ "user_id": "usr_approved", "step": "kyc_verification" },
        { "user_id": "usr_rejected", "step": "kyc_verification", "applicant_id": "5f0000000000000000000000" },
        { "user_id": "usr_elsewhere", "step": "card_setup" },
        { "user_id": USER, "step": "phone_verification" }]);
    let answer = done(&app, "compliance", "POST", "/import", &import(&users)).await;
    // One was registered before, but never read.
    assert_eq!(answer, json!({ "imported": 4, "known": 0 }));
    let again = done(&app, "compliance", "POST", "/import", &import(&users)).await;
    assert_eq!(again, json!({ "imported": 0, "known": 4 }));
    let path = "/users/usr_approved";
    assert_eq!(
        done(&app, "support", "GET", path, "").await["awaiting"],
        "first_read"
    );

    // The grain of the schedule: due at once or within 5 minutes.
    let due = json!({ "time": "2100-01-01T00:00:00Z" });
    app.stack.invoke("reconcile", &due).await.unwrap();
    for user in ["usr_approved", "usr_rejected", "usr_elsewhere"] {
        done(&app, "support", "POST", &format!("/users/{user}/check"), "").await;
    }
    let user = done(&app, "support", "GET", path, "").await;
    assert_eq!(user["status"], "approved");
    assert_eq!(user["has_name"], true);
    assert_eq!(user["onboarding_step"], "open_banking");
    assert_eq!(user["awaiting"], "nothing");
    let rejected = done(&app, "support", "GET", "/users/usr_rejected", "").await;
    assert_eq!(rejected["status"], "rejected");
    let history = done(&app, "support", "GET", "/users/usr_approved/history", "").await;
    assert_eq!(history["items"][0]["cause"], "import");
    assert_eq!(
        history["items"][0]["reason"],
        "Moved from the former backend"
    );
    assert_eq!(
        app.get(ME).await.ok()["onboarding"]["current_step"],
        "kyc_verification"
    );
}

#[tokio::test]
async fn an_import_is_taken_as_a_whole_or_not_at_all() {
    let app = App::start().await;
    let before = app.items("UsersTable").await;
    let one = |user: &str, step: &str| json!({ "user_id": user, "step": step });
    let many: Vec<_> = (0..101)
        .map(|n| one(&format!("usr_{n}"), "complete"))
        .collect();
    for (users, detail) in [
        (
            json!([one("usr_1", "complete"), one("a b", "complete")]),
            "users[1].user_id is 1 to 128",
        ),
        (
            json!([one("usr_1", "complete"), one("usr_2", "nowhere")]),
            "users[1].step is none of",
        ),
        (json!(many), "at most 100"),
        (
            json!([{ "user_id": "usr_1", "step": "complete", "applicant_id": ".." }]),
            "users[0].applicant_id",
        ),
        (
            json!([{ "user_id": "usr_1", "step": "complete", "verdict": "approved" }]),
            "no JSON of the form",
        ),
    ] {
        let (status, answer) = call(&app, "local", "POST", "/import", &import(&users)).await;
        assert_eq!(
            (status, &answer["error_code"]),
            (400, &json!("GEN-400-001"))
        );
        assert!(
            answer["detail"].as_str().unwrap().contains(detail),
            "{answer}"
        );
    }
    assert_eq!(app.items("UsersTable").await, before);
}

#[tokio::test]
async fn a_replay_leads_a_new_consumer_to_the_state_of_the_tables() {
    let app = App::start_with(local::Options {
        demo: true,
        ..local::Options::default()
    })
    .await;
    for user in [USER, "usr_1", "usr_2"] {
        app.stack.seed(user).await.unwrap();
        app.simulate(
            Method::POST,
            &format!("applicants/{user}/submit"),
            json!({}),
        )
        .await;
    }
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.refreshed().await;
    let originals = received(&app, 0).await;

    let since_then = r#"{"since": 0}"#;
    let mut body = done(&app, "compliance", "POST", "/replay", since_then).await;
    let mut events = body["events"].as_u64().unwrap();
    while let Some(page) = body["next_page"].as_str() {
        let path = format!("/replay?page={page}");
        body = done(&app, "compliance", "POST", &path, since_then).await;
        events += body["events"].as_u64().unwrap();
    }
    assert_eq!(events, originals.len() as u64);
    let all = received(&app, originals.len() * 2).await;
    let replayed = all.get(originals.len()..).unwrap();
    let (mut state, expected) = (BTreeMap::new(), stored(&app).await);
    for event in replayed {
        let original = originals
            .iter()
            .find(|original| original["detail"] == event["detail"]);
        assert_eq!(original.unwrap()["detail-type"], event["detail-type"]);
        assert_eq!(fold(&mut state, event), Folded::New);
    }
    assert_eq!(state, expected);

    // Of one user, from an item on.
    let last = expected[USER].number;
    let one = json!({ "user_id": USER, "from_sequence": last }).to_string();
    let answer = done(&app, "compliance", "POST", "/replay", &one).await;
    assert_eq!(answer, json!({ "events": 1, "next_page": null }));
    let now = json!({ "since": 4_000_000_000_000_i64 }).to_string();
    let none = done(&app, "compliance", "POST", "/replay", &now).await;
    assert_eq!(none["events"], 0);
}

/// Returns the events that the demo shows, once they are `least` at least.
async fn received(app: &App, least: usize) -> Vec<Value> {
    let url = format!("{}/demo/timeline", app.stack.api_url());
    let mut before = usize::MAX;
    loop {
        let answer = app.http.get(&url).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let entries = answer["entries"].as_array().unwrap();
        let events = entries.iter().filter_map(|entry| entry.get("event"));
        let events: Vec<_> = events.cloned().collect();
        let stored = stored(app).await;
        let numbers: u64 = stored.values().map(|known| known.number).sum();
        if events.len() >= least && events.len() as u64 >= numbers && events.len() == before {
            return events;
        }
        before = events.len();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_replay_that_cannot_be_read_sends_nothing() {
    let app = App::start().await;
    for (path, body) in [
        ("/replay", "{}"),
        ("/replay", r#"{"since": 0, "user_id": "usr_1"}"#),
        ("/replay", r#"{"from_sequence": 1}"#),
        ("/replay", r#"{"since": "yesterday"}"#),
        ("/replay?page=forged", r#"{"since": 0}"#),
        ("/replay?page=0.usr_1", r#"{"since": 0}"#),
        ("/replay?page=1.usr_2", r#"{"user_id": "usr_1"}"#),
        ("/erasures?page=%20", r#"{"reason": "x"}"#),
    ] {
        let (status, answer) = call(&app, "local", "POST", path, body).await;
        assert_eq!(
            (status, &answer["error_code"]),
            (400, &json!("GEN-400-001")),
            "{path} {body}"
        );
    }
}
