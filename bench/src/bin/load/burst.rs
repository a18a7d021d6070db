//! A burst: all users at once, in front of cold functions, a table that throttles, and a provider that refuses everybody at first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bench::{percentile, render};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::system::{Action, MeasuredSystem};

/// Of so many requests to the tables one is throttled.
const ONE_THROTTLED_IN: u32 = 4;

/// The time for which the provider answers 429.
const PROVIDER_REFUSES: Duration = Duration::from_secs(5);

/// Wait of a user whom no `Retry-After` tells one.
const WAIT: Duration = Duration::from_secs(1);

/// A user gives up after so many requests of one kind: then something is lost.
const TRIES: u32 = 200;

/// Number of answers by action and status; 0: none.
type Answers = Arc<Mutex<BTreeMap<(&'static str, u16), u32>>>;

/// Plays a burst of this many users. Returns the report, and whether each of them was verified.
pub(super) async fn play(system: MeasuredSystem, users: usize) -> (String, bool) {
    let ids = (0..users).map(|number| format!("usr_burst_{number}"));
    let ids: Vec<String> = ids.collect();
    for user in &ids {
        system.app.stack.seed(user).await.unwrap();
    }
    system
        .app
        .provider(json!({ "mode": "throttled", "retry_after": 2 }))
        .await;
    system.database.throttle(ONE_THROTTLED_IN);
    let (system, answers) = (Arc::new(system), Answers::default());
    let begun = Instant::now();
    let mut verifications = JoinSet::new();
    for user in ids {
        let (system, answers) = (Arc::clone(&system), Arc::clone(&answers));
        verifications.spawn(async move {
            let is_verified = verify(&system, &answers, &user).await;
            is_verified.then(|| begun.elapsed())
        });
    }
    sleep(PROVIDER_REFUSES).await;
    system.app.provider(json!({ "mode": "normal" })).await;
    let done = verifications.join_all().await;
    let mut times: Vec<Duration> = done.into_iter().flatten().collect();
    times.sort_unstable();

    let rows: Vec<_> = answers
        .lock()
        .unwrap()
        .iter()
        .map(|((action, status), count)| {
            vec![(*action).to_owned(), status.to_string(), count.to_string()]
        })
        .collect();
    let deliveries = system
        .app
        .simulate(Method::GET, "deliveries", json!({}))
        .await;
    let refused = deliveries["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|delivery| delivery["status"] != 200)
        .count();
    let last = percentile(&times, 1.0).unwrap_or_default();
    let table = render(&["request", "status", "answers"], &rows);
    let report = format!(
        "{table}\n{} of {users} users verified, the last after {:.1} s; {} lost\n\
         {} requests to the tables were throttled; {refused} deliveries of webhooks were not accepted at once\n",
        times.len(),
        last.as_secs_f64(),
        users - times.len(),
        system.database.throttled(),
    );
    (report, times.len() == users)
}

/// Takes one user to the verdict, repeating what is refused. Returns whether the user ended as verified.
async fn verify(system: &MeasuredSystem, answers: &Answers, user: &str) -> bool {
    let is_any = |_: &Value| true;
    if !repeat(system, answers, Action::Token, user, is_any).await {
        return false;
    }
    for action in [Action::Start, Action::Submit, Action::Review] {
        if !repeat(system, answers, action, user, is_any).await {
            return false;
        }
    }
    let is_approved = |status: &Value| status["status"] == "approved";
    repeat(system, answers, Action::Poll, user, is_approved).await
        && repeat(system, answers, Action::Gate, user, is_any).await
}

/// Makes a request again and again until its answer is the wanted one.
async fn repeat(
    system: &MeasuredSystem,
    answers: &Answers,
    action: Action,
    user: &str,
    is_wanted: impl Fn(&Value) -> bool,
) -> bool {
    for _ in 0..TRIES {
        let answer = system.request(action, user).send().await;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        if !action.is_at_provider() {
            let key = (action.name(), status);
            *answers.lock().unwrap().entry(key).or_default() += 1;
        }
        let mut wait = WAIT;
        if let Ok(answer) = answer {
            let after = answer.headers().get("retry-after");
            let after = after.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
            wait = after.map_or(WAIT, Duration::from_secs);
            let body = answer.json().await.unwrap_or_default();
            if status == action.status() && is_wanted(&body) {
                return true;
            }
        }
        sleep(wait).await;
    }
    false
}
