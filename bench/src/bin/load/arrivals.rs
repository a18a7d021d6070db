//! The system under load. Users arrive at a fixed rate, also while earlier ones are still there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bench::{figure, millis, percentile, render};
use clap::Args;
use local::gateway::AccessLogEntry;
use tests::app::WEBHOOK;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinSet;

use crate::database::DatabaseUsage;
use crate::system::{Action, MeasuredSystem};

/// Delay between two polls of a user.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The users that arrive.
#[derive(Args, Debug, Clone, Copy)]
pub(super) struct Arrivals {
    /// Number of users that arrive
    #[arg(long, default_value_t = 1_000)]
    pub(super) users: usize,
    /// Users that arrive in a second
    #[arg(long, default_value_t = 20.0)]
    pub(super) rate: f64,
    /// Polls of each user, one second apart, before the reviewer decides
    #[arg(long, default_value_t = 3)]
    pub(super) polls: u32,
}

/// Latencies and errors of the requests of one route.
#[derive(Debug, Default)]
struct Route {
    times: Vec<Duration>,
    errors: usize,
}

/// The result of a run.
pub(super) struct Outcome {
    arrivals: Arrivals,
    routes: BTreeMap<&'static str, Route>,
    elapsed: Duration,
    at_once: usize,
    verified: usize,
    usage: DatabaseUsage,
}

type Routes = Arc<Mutex<BTreeMap<&'static str, Route>>>;

/// Lets the users arrive, and waits until all are done.
pub(super) async fn run(system: Arc<MeasuredSystem>, arrivals: Arrivals) -> Outcome {
    let user = |number: usize| format!("usr_load_{number}");
    for number in 0..arrivals.users {
        system.app.stack.seed(&user(number)).await.unwrap();
    }
    let before = system.database.usage();
    let routes = Routes::default();
    let webhooks = tokio::spawn(record_webhooks(
        system.app.stack.follow_requests(),
        Arc::clone(&routes),
    ));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let mut users = JoinSet::new();
    let started = tokio::time::Instant::now();
    for number in 0..arrivals.users {
        #[allow(clippy::cast_precision_loss)]
        let arrival = Duration::from_secs_f64(number as f64 / arrivals.rate);
        tokio::time::sleep_until(started + arrival).await;
        most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        let (system, routes, now) = (Arc::clone(&system), Arc::clone(&routes), Arc::clone(&now));
        users.spawn(async move {
            let verified = verify(&system, &routes, &user(number), arrivals.polls).await;
            now.fetch_sub(1, Ordering::Relaxed);
            verified
        });
    }
    let verified = users.join_all().await.into_iter().filter(|done| *done);
    let verified = verified.count();
    let elapsed = started.elapsed();
    webhooks.abort();
    Outcome {
        arrivals,
        routes: std::mem::take(&mut *routes.lock().unwrap()),
        elapsed,
        at_once: most.into_inner(),
        verified,
        usage: system.database.usage().since(&before),
    }
}

/// Takes one user from the first token to the verdict. Returns `true` if every response had the expected status.
async fn verify(system: &MeasuredSystem, routes: &Routes, user: &str, polls: u32) -> bool {
    let mut is_success = true;
    for action in Action::BEFORE_POLLS {
        is_success &= perform(system, routes, action, user).await;
    }
    for _ in 0..polls {
        tokio::time::sleep(POLL_INTERVAL).await;
        is_success &= perform(system, routes, Action::Poll, user).await;
    }
    for action in Action::AFTER_POLLS {
        is_success &= perform(system, routes, action, user).await;
    }
    is_success
}

async fn perform(system: &MeasuredSystem, routes: &Routes, action: Action, user: &str) -> bool {
    let request = system.request(action, user);
    let started = Instant::now();
    let answer = async {
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        answer.bytes().await.map(|_| status)
    };
    let is_success = answer.await.is_ok_and(|status| status == action.status());
    // The simulator's time is not the API's; the webhook is recorded where it arrives.
    if !action.is_at_provider() {
        record(routes, action.name(), started.elapsed(), is_success);
    }
    is_success
}

fn record(routes: &Routes, name: &'static str, time: Duration, is_success: bool) {
    let mut routes = routes.lock().unwrap();
    let route = routes.entry(name).or_default();
    route.times.push(time);
    route.errors += usize::from(!is_success);
}

/// Records the webhooks that the API receives, until the system stops.
async fn record_webhooks(mut answered: Receiver<AccessLogEntry>, routes: Routes) {
    loop {
        match answered.recv().await {
            Ok(request) if request.path == WEBHOOK => {
                record(&routes, "webhook", request.duration, request.status == 200);
            }
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => panic!("{missed} requests were not counted"),
            Err(RecvError::Closed) => return,
        }
    }
}

impl Outcome {
    /// Returns `true` if every user was verified and no request failed.
    pub(super) fn is_success(&self) -> bool {
        self.verified == self.arrivals.users && self.routes.values().all(|route| route.errors == 0)
    }

    /// Formats the latencies of each route, and the totals.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn report(&mut self) -> String {
        let seconds = self.elapsed.as_secs_f64();
        let mut rows = Vec::new();
        for (name, route) in &mut self.routes {
            route.times.sort_unstable();
            let time = |share| percentile(&route.times, share).map_or_else(String::new, millis);
            rows.push(vec![
                (*name).to_owned(),
                route.times.len().to_string(),
                route.errors.to_string(),
                figure(route.times.len() as f64 / seconds),
                time(0.5),
                time(0.95),
                time(0.99),
                time(1.0),
            ]);
        }
        let table = render(
            &[
                "route", "requests", "errors", "per s", "p50 ms", "p95", "p99", "max",
            ],
            &rows,
        );
        let requests: usize = self.routes.values().map(|route| route.times.len()).sum();
        let each = |sum: f64| figure(sum / self.arrivals.users as f64);
        let usage = self.usage.sum();
        format!(
            "{table}\n{} of {} users verified in {seconds:.1} s, {:.1} per second, {} at once at most; {:.0} requests per second\n\
             DynamoDB, per verification: {} requests, {} RCU, {} WCU\n",
            self.verified,
            self.arrivals.users,
            self.arrivals.users as f64 / seconds,
            self.at_once,
            requests as f64 / seconds,
            each(usage.requests),
            each(usage.read),
            each(usage.write),
        )
    }
}
