//! Users who wait for their verdicts, with the loop of the API's description and with the client to copy, side by side: what each verification
//! costs, and how soon its user knows.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bench::{figure, percentile, render};
use local::project;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::broadcast::error::TryRecvError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::system::{Action, MeasuredSystem};

/// Users of a run. The simulator remembers its last 1,000 requests, which are no more than theirs.
const USERS: u32 = 20;

/// The time between two users, at their submissions.
const APART: Duration = Duration::from_millis(500);

/// A way to wait, and what becomes of the webhook of the verdict.
struct Run {
    pattern: &'static str,
    webhook: &'static str,
}

const RUNS: [Run; 3] = [
    Run {
        pattern: "contract",
        webhook: "normal",
    },
    Run {
        pattern: "client",
        webhook: "normal",
    },
    Run {
        pattern: "client",
        webhook: "withheld",
    },
];

/// The program in which users wait.
struct Waiting {
    _child: Child,
    begin: ChildStdin,
    known: Lines<BufReader<ChildStdout>>,
}

impl Waiting {
    fn start(pattern: &str, url: &str) -> Self {
        let mut child = Command::new("node")
            .arg(project().join("bench/src/bin/load/waiting.mjs"))
            .args([pattern, url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node, which the client to copy runs in");
        Self {
            begin: child.stdin.take().unwrap(),
            known: BufReader::new(child.stdout.take().unwrap()).lines(),
            _child: child,
        }
    }
}

/// Plays all runs, in which verdicts come so long after the submission, and up to 10 s later. Returns the table.
pub(super) async fn play(system: MeasuredSystem, verdict_after: Duration) -> String {
    let system = Arc::new(system);
    let mut rows = Vec::new();
    for (number, run) in RUNS.iter().enumerate() {
        rows.push(run.play(&system, number, verdict_after).await);
    }
    let heads = [
        "per verification",
        "API requests",
        "RCU",
        "WCU",
        "of it index",
        "provider GET",
        "POST",
        "known after, p50 s",
        "max s",
    ];
    render(&heads, &rows)
}

impl Run {
    async fn play(
        &self,
        system: &Arc<MeasuredSystem>,
        number: usize,
        verdict_after: Duration,
    ) -> Vec<String> {
        let users: Vec<String> = (0..USERS)
            .map(|user| format!("usr_waits_{number}_{user}"))
            .collect();
        for user in &users {
            system.app.stack.seed(user).await.unwrap();
        }
        let simulate = async |method, path, body| system.app.simulate(method, path, body).await;
        simulate(Method::DELETE, "requests", json!({})).await;
        let before = system.database.usage();
        let mut answered = system.app.stack.follow_requests();
        let mut waiting = Waiting::start(self.pattern, system.app.stack.api_url());

        let begun = Instant::now();
        let mut decisions = JoinSet::new();
        for (user, turn) in users.iter().zip(0_u32..) {
            tokio::time::sleep_until(begun + APART * turn).await;
            for action in Action::BEFORE_POLLS {
                act(system, action, user).await;
            }
            let token = system.app.stack.token(user, Duration::from_mins(10));
            let line = format!("{user} {token}\n");
            waiting.begin.write_all(line.as_bytes()).await.unwrap();
            // Spread, so that no poll knows them all.
            let later = APART * (turn * 7 % USERS);
            let (system, user) = (Arc::clone(system), user.clone());
            decisions.spawn(async move {
                sleep(verdict_after + later).await;
                act(&system, Action::Review, &user).await;
                (user, Instant::now())
            });
        }
        simulate(Method::PUT, "webhooks", json!({ "mode": self.webhook })).await;
        let mut known = Vec::new();
        for _ in &users {
            let user = waiting.known.next_line().await.unwrap().unwrap();
            known.push((user.clone(), Instant::now()));
            // The reviewer has acted already.
            let after = Action::AFTER_POLLS.into_iter();
            for action in after.filter(|action| !action.is_at_provider()) {
                act(system, action, &user).await;
            }
        }
        let decided: Vec<(String, Instant)> = decisions.join_all().await;
        let usage = system
            .database
            .usage()
            .since(&before)
            .without("Query")
            .sum();
        simulate(Method::POST, "webhooks/drop", json!({})).await;
        simulate(Method::PUT, "webhooks", json!({ "mode": "normal" })).await;

        let mut times: Vec<Duration> = decided
            .iter()
            .map(|(user, decided)| {
                let (_, known) = known.iter().find(|(name, _)| name == user).unwrap();
                known.duration_since(*decided)
            })
            .collect();
        times.sort_unstable();
        let mut requests = 0;
        loop {
            match answered.try_recv() {
                Ok(_) => requests += 1,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                Err(TryRecvError::Lagged(missed)) => panic!("{missed} requests were not counted"),
            }
        }
        let log = simulate(Method::GET, "requests", json!({})).await;
        let log = log["requests"].as_array().unwrap();
        let gets = log
            .iter()
            .filter(|request| request["method"] == "GET")
            .count();
        let each = |sum: f64| figure(sum / f64::from(USERS));
        let count = |count: usize| each(f64::from(u32::try_from(count).unwrap()));
        let seconds = |share| {
            let time = percentile(&times, share).unwrap();
            format!("{:.1}", time.as_secs_f64())
        };
        let name = match self.webhook {
            "normal" => self.pattern.to_owned(),
            _ => format!("{}, the webhook is lost", self.pattern),
        };
        vec![
            name,
            count(requests),
            each(usage.read),
            each(usage.write),
            each(usage.index),
            count(gets),
            count(log.len() - gets),
            seconds(0.5),
            seconds(1.0),
        ]
    }
}

async fn act(system: &MeasuredSystem, action: Action, user: &str) {
    let answer = system.request(action, user).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), action.status(), "{action:?}");
}
