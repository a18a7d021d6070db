//! Rate limits of a user.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use local::Options;
use reqwest::Method;
use serde_json::json;

use tests::app::{ACCESS_TOKEN, Answer, App, DETAILS, REFRESH, STATUS, USER, send};

async fn limited(sessions: u32, refreshes: u32) -> App {
    let parameters = [("SessionLimit", sessions), ("RefreshLimit", refreshes)]
        .map(|(name, limit)| (name.to_owned(), limit.to_string()));
    App::start_with(Options {
        parameters: BTreeMap::from(parameters),
        ..Options::default()
    })
    .await
}

/// Repeats `attempt` with a new user until it began and ended in the same window of `seconds`, and returns its result.
async fn in_one_window<T>(seconds: u64, mut attempt: impl AsyncFnMut(&str) -> T) -> T {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for number in 0.. {
        let window = now().as_secs() / seconds;
        let result = attempt(&format!("usr_{number}")).await;
        if now().as_secs() / seconds == window {
            return result;
        }
    }
    unreachable!()
}

fn assert_exhausted(answer: &Answer, path: &str, window: u64) {
    answer.assert_problem(429, "KYC-429-001", path);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=window).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn tokens_are_limited_for_each_user_across_instances() {
    let app = limited(2, 100).await;
    let post = async |user: &str| send(app.as_user(Method::POST, ACCESS_TOKEN, user)).await;
    in_one_window(600, async |user| {
        for _ in 0..2 {
            post(user).await.ok();
            // The next one is counted by an instance that knows nothing of the others.
            assert!(app.stack.kill_instance("access-token"));
        }
        let minted = app.provider_requests("accessTokens").await;
        for _ in 0..3 {
            assert_exhausted(&post(user).await, ACCESS_TOKEN, 600);
        }
        assert_eq!(app.provider_requests("accessTokens").await, minted);
        post(&format!("{user}_else")).await.ok();
        send(app.as_user(Method::GET, STATUS, user)).await.ok();
    })
    .await;
}

#[tokio::test]
async fn reads_of_the_provider_are_limited_and_plain_reads_are_not() {
    let app = limited(100, 3).await;
    in_one_window(60, async |user| {
        let get = async |path: &str| send(app.as_user(Method::GET, path, user)).await;
        for path in [REFRESH, REFRESH, "/v0/kyc/details?refresh=true"] {
            get(path)
                .await
                .assert_problem(404, "KYC-404-001", path.split('?').next().unwrap());
        }
        let asked = app.provider_requests("applicants").await;
        assert_exhausted(&get(REFRESH).await, STATUS, 60);
        assert_exhausted(&get(DETAILS).await, DETAILS, 60);
        assert_eq!(app.provider_requests("applicants").await, asked);
        for _ in 0..5 {
            get(STATUS).await.ok();
        }
    })
    .await;
}

#[tokio::test]
async fn concurrent_requests_do_not_exceed_the_limit() {
    let app = limited(3, 100).await;
    let allowed = in_one_window(600, async |user| {
        let answers = (0..12).map(|_| app.as_user(Method::POST, ACCESS_TOKEN, user));
        let answers = answers.map(|request| tokio::spawn(send(request)));
        let mut allowed = 0;
        for answer in answers.collect::<Vec<_>>() {
            match answer.await.unwrap().status {
                200 => allowed += 1,
                status => assert_eq!(status, 429),
            }
        }
        allowed
    })
    .await;
    assert_eq!(allowed, 3);
}

/// The frontend polls every 3 seconds and gets a token every few minutes; with the limits of the template there is room for
/// a second tab, reloads and retries.
#[tokio::test]
async fn normal_use_is_never_limited() {
    let app = App::start().await;
    for _ in 0..10 {
        app.post(ACCESS_TOKEN).await.ok();
    }
    app.simulate(Method::POST, &format!("applicants/{USER}/start"), json!({}))
        .await;
    for _ in 0..40 {
        app.get(REFRESH).await.ok();
    }
}
