//! An import on the real binaries, whose processes are killed all the time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::app::App;
use tests::crash::seed;
use tests::operator::call;
use tokio::time::sleep;

const USERS: usize = 500;

/// Imports all users, a batch at a time, each until it is taken.
async fn import(app: &App) {
    let users: Vec<Value> = (0..USERS)
        .map(|number| json!({ "user_id": format!("usr_{number}"), "step": "kyc_verification" }))
        .collect();
    for batch in users.chunks(100) {
        let body = json!({ "reason": "Moved", "users": batch }).to_string();
        for attempt in 0.. {
            assert!(attempt < 100, "an import is never taken");
            let (status, answer) = call(app, "compliance", "POST", "/import", &body).await;
            if status == 200 {
                break;
            }
            assert!(status >= 500, "{answer}");
        }
    }
}

/// Decides about a user at the provider.
async fn decide(app: &App, user: &str, rng: &mut fastrand::Rng) -> &'static str {
    let (answer, status) = [("GREEN", "approved"), ("RED", "rejected")][rng.usize(..2)];
    let review = json!({ "reviewAnswer": answer, "reviewRejectType": "FINAL" });
    let path = format!("applicants/{user}/review");
    app.simulate(Method::POST, &path, review).await;
    status
}

/// Kills processes until it is dropped, and counts them.
async fn kill(app: &App, kills: &AtomicUsize, mut rng: fastrand::Rng) {
    loop {
        sleep(Duration::from_millis(rng.u64(500..3000))).await;
        for binary in ["operations", "reconcile", "webhook"] {
            let is_killed = app.stack.kill_instance(binary);
            kills.fetch_add(usize::from(is_killed), Ordering::Relaxed);
        }
    }
}

/// Returns the status of each user, and how many of them were not read yet.
async fn stored(app: &App) -> (BTreeMap<String, String>, usize) {
    let items = app.items("UsersTable").await;
    let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
    let unread = items
        .iter()
        .filter(|item| item.get("unread_since").is_some());
    let unread = unread.count();
    let statuses = items.iter().map(|item| {
        let status = text(item, "status").unwrap_or_else(|| "pending".to_owned());
        (text(item, "user_id").unwrap(), status)
    });
    (statuses.collect(), unread)
}

/// Returns the largest number of requests to the provider that came in one second.
async fn busiest_second(app: &App) -> usize {
    let log = app.simulate(Method::GET, "requests", json!({})).await;
    let mut seconds: BTreeMap<String, usize> = BTreeMap::new();
    for request in log["requests"].as_array().unwrap() {
        let at = request["at"].as_str().unwrap();
        let second = at.split('.').next().unwrap();
        *seconds.entry(second.to_owned()).or_default() += 1;
    }
    seconds.into_values().max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_ends_in_the_state_of_the_provider() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let app = App::start().await;
    app.webhooks("withheld").await;
    let mut expected = BTreeMap::from([("usr_abc123".to_owned(), "pending".to_owned())]);
    for number in 0..USERS {
        let user = format!("usr_{number}");
        let mut status = "pending";
        if number % 10 > 0 {
            let path = format!("applicants/{user}/submit");
            app.simulate(Method::POST, &path, json!({})).await;
            status = decide(&app, &user, &mut rng).await;
        }
        expected.insert(user, status.to_owned());
    }
    // They told the former backend.
    app.simulate(Method::POST, "webhooks/drop", json!({})).await;
    app.webhooks("normal").await;
    app.simulate(Method::DELETE, "requests", json!({})).await;

    let mut told = fastrand::Rng::with_seed(rng.u64(..));
    let work = async {
        import(&app).await;
        // Webhooks of verdicts that are made meanwhile.
        for _ in 0..20 {
            let user = format!("usr_{}", 1 + 10 * told.usize(..USERS / 10));
            let status = decide(&app, &user, &mut told).await;
            expected.insert(user, status.to_owned());
        }
        loop {
            // A run that is killed ends with an error; the next one goes on.
            app.stack.invoke("reconcile", &json!({})).await.ok();
            if stored(&app).await.1 == 0 {
                break;
            }
        }
    };
    let kills = AtomicUsize::new(0);
    tokio::select! {
        () = work => {}
        () = kill(&app, &kills, rng.fork()) => {}
    }
    assert!(kills.into_inner() > 3);
    // Those whose webhook was killed amid its read are read by the schedule a minute later, or when somebody asks.
    for user in expected.keys() {
        let path = format!("/users/{user}/check");
        let is_doubted = app.stored(user).await.doubt.is_some();
        if is_doubted {
            assert_eq!(call(&app, "support", "POST", &path, "").await.0, 200);
        }
    }
    let (stored, _) = stored(&app).await;
    let differs = |user: &&String| stored.get(*user) != expected.get(*user);
    let wrong: Vec<_> = expected.keys().filter(differs).collect();
    assert!(
        stored.len() == expected.len() && wrong.is_empty(),
        "{wrong:?}"
    );
    // 20 in a second, beside at most as many of webhooks, and of the checks above. Without a rate all would come in two or three seconds.
    let most = busiest_second(&app).await;
    assert!(most <= 60, "{most} reads in a second");
}
