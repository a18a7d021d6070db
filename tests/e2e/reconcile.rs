//! The schedule finds verdicts whose webhooks were lost.

use reqwest::Method;
use serde_json::{Value, json};
use shared::kyc::{Doubt, Queue, Review, Timestamp, User, UserId};
use shared::platform::system_clock;
use shared::repository::Shard;
use tests::app::{ACCESS_TOKEN, App, USER, new_user, schedule};

fn minutes_ago(minutes: i64) -> Timestamp {
    Timestamp::from_millis(system_clock().millis() - minutes * 60_000)
}

/// Runs the function as the schedule does, and yields what it counted.
async fn reconcile(app: &App) -> Value {
    let event = json!({ "source": "aws.events", "detail-type": "Scheduled Event" });
    app.stack.invoke("reconcile", &event).await.unwrap();
    let counted = |line: &local::logs::LogLine| {
        let line: Value = serde_json::from_str(&line.line).ok()?;
        line.get("ReconcileChecked").is_some().then_some(line)
    };
    app.stack.logs().iter().rev().find_map(counted).unwrap()
}

fn counts(line: &Value) -> [&Value; 3] {
    ["ReconcileChecked", "ReconcileRepaired", "ReconcileFailed"].map(|name| &line[name])
}

/// Makes a user due, as if everything about them had happened 20 minutes ago.
async fn pass_time(app: &App, id: &str) {
    let user = app.stored(id).await;
    let then = minutes_ago(20);
    app.store(&User {
        session_at: Some(then),
        waiting_since: Some(then),
        checked_at: user.checked_at.map(|_| then),
        hinted_at: user.hinted_at.map(|_| then),
        doubt: user.doubt.map(|doubt| Doubt {
            since: then,
            ..doubt
        }),
        ..user
    })
    .await;
}

#[tokio::test]
async fn the_schedule_finds_a_user_all_of_whose_webhooks_were_lost() {
    let app = App::start().await;
    app.post(ACCESS_TOKEN).await.ok();
    app.webhooks("withheld").await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    app.simulate(Method::POST, "webhooks/drop", json!({})).await;
    assert_eq!(
        counts(&reconcile(&app).await),
        [&json!(0), &json!(0), &json!(0)],
        "nobody is due yet"
    );
    assert_eq!(app.status().await, "pending");

    pass_time(&app, USER).await;
    let line = reconcile(&app).await;
    assert_eq!(counts(&line), [&json!(1), &json!(1), &json!(0)]);
    assert_eq!(app.status().await, "approved");
    assert_eq!(app.step().await, "open_banking");
    assert_eq!(
        app.stored(USER)
            .await
            .name()
            .unwrap()
            .first()
            .unwrap()
            .reveal(),
        "Jane"
    );
    assert_eq!(
        counts(&reconcile(&app).await),
        [&json!(0), &json!(0), &json!(0)],
        "nothing is awaited any more"
    );
}

#[tokio::test]
async fn a_missing_name_is_filled_in() {
    let app = App::start().await;
    app.submit().await;
    app.provider(json!({ "mode": "unavailable" })).await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    assert!(app.stored(USER).await.lacks_name());
    app.provider(json!({ "mode": "normal" })).await;
    pass_time(&app, USER).await;
    assert_eq!(
        counts(&reconcile(&app).await),
        [&json!(1), &json!(1), &json!(0)]
    );
    assert!(!app.stored(USER).await.lacks_name());
}

#[tokio::test]
async fn a_user_who_cannot_be_read_is_tried_later_and_delays_nobody() {
    let app = App::start().await;
    app.webhooks("withheld").await;
    app.submit().await;
    pass_time(&app, USER).await;
    for user in ["usr_1", "usr_2"] {
        // The provider does not know these.
        app.store(&User {
            waiting_since: Some(minutes_ago(30)),
            session_at: Some(minutes_ago(30)),
            ..new_user(user)
        })
        .await;
    }
    app.provider(json!({ "mode": "unavailable" })).await;
    assert_eq!(
        counts(&reconcile(&app).await),
        [&json!(0), &json!(0), &json!(3)]
    );
    let put_off = app.stored(USER).await;
    let due = schedule().due(&put_off).unwrap();
    assert!(put_off.checked_at > Some(minutes_ago(1)) && due.at > system_clock());
    assert_eq!(due.queue, Queue::InFlight);

    app.provider(json!({ "mode": "normal" })).await;
    assert_eq!(
        counts(&reconcile(&app).await),
        [&json!(0), &json!(0), &json!(0)],
        "all were put off"
    );
}

/// Changes an attribute of a stored user as only somebody with access to the table can.
async fn tamper(app: &App, id: &str, attribute: &str, value: Value) {
    let key = json!({ "user_id": { "S": id } });
    let table = app.stack.table("UsersTable");
    let updates = json!({ attribute: { "Action": "PUT", "Value": value } });
    let update = json!({ "TableName": table, "Key": key, "AttributeUpdates": updates });
    app.dynamodb("UpdateItem", update).await;
}

/// Returns so many ids of users in the shard of the user of most tests.
fn neighbours(count: usize) -> Vec<String> {
    let shard = Shard::of(&UserId::parse(USER).unwrap());
    let ids = (0..).map(|number| format!("usr_{number}"));
    ids.filter(|id| Shard::of(&UserId::parse(id).unwrap()) == shard)
        .take(count)
        .collect()
}

#[tokio::test]
async fn unreadable_items_delay_nobody() {
    let app = App::start().await;
    app.webhooks("withheld").await;
    app.submit().await;
    pass_time(&app, USER).await;
    for id in neighbours(5) {
        app.store(&User {
            review: Review::InProgress,
            waiting_since: Some(minutes_ago(60)),
            ..new_user(&id)
        })
        .await;
        tamper(&app, &id, "status", json!({ "S": "of a newer version" })).await;
    }
    let line = reconcile(&app).await;
    assert_eq!(counts(&line), [&json!(1), &json!(1), &json!(0)]);
    assert_eq!(line["ReconcileUnusable"], 5);
    assert_eq!(app.status().await, "in_progress");
}

#[tokio::test]
async fn misplaced_entries_of_the_index_delay_nobody() {
    let app = App::start().await;
    app.webhooks("withheld").await;
    app.submit().await;
    pass_time(&app, USER).await;
    let shown = minutes_ago(60).millis().to_string();
    let misplaced = neighbours(45);
    for id in &misplaced {
        app.store(&User {
            review: Review::InProgress,
            waiting_since: Some(minutes_ago(1)),
            ..new_user(id)
        })
        .await;
        tamper(&app, id, "due_at", json!({ "N": shown })).await;
    }
    assert_eq!(
        counts(&reconcile(&app).await),
        [&json!(1), &json!(1), &json!(0)]
    );
    assert_eq!(app.status().await, "in_progress");
    let items = app.items("UsersTable").await;
    assert!(
        items.iter().all(|item| item["due_at"]["N"] != json!(shown)),
        "each is where the present rules put it"
    );
}

/// Approved 40 days ago, checked anew today, and the webhook of that verdict is lost.
#[tokio::test]
async fn a_lost_verdict_of_a_user_approved_long_ago_is_found_within_minutes() {
    let app = App::start().await;
    app.submit().await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    let days_ago = minutes_ago(40 * 24 * 60);
    app.store(&User {
        session_at: Some(days_ago),
        waiting_since: Some(days_ago),
        checked_at: Some(days_ago),
        doubt: None,
        ..app.stored(USER).await
    })
    .await;
    app.submit().await;
    assert_eq!(app.status().await, "in_progress");
    app.webhooks("withheld").await;
    app.review(json!({ "reviewAnswer": "GREEN" })).await;

    let due = schedule().due(&app.stored(USER).await).unwrap();
    assert!(due.at.millis() - system_clock().millis() <= 15 * 60_000);
    pass_time(&app, USER).await;
    reconcile(&app).await;
    assert_eq!(app.status().await, "approved");
}
