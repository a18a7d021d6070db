//! How the system behaves when it is busy: users arrive at a rate, whether or not those before them are done.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bench::{figure, millis, percentile, render};
use local::gateway::Answered;
use tests::app::WEBHOOK;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinSet;

use crate::database::Usage;
use crate::system::{Step, System};

/// How long a user waits before they ask again where the verification stands.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) users: usize,
    /// Users per second.
    pub(super) rate: f64,
    /// How often each of them asks for the status before the reviewer decides.
    pub(super) polls: u32,
}

/// What the requests of one route took.
#[derive(Debug, Default)]
struct Route {
    times: Vec<Duration>,
    errors: usize,
}

/// What happened.
pub(super) struct Outcome {
    pub(super) plan: Plan,
    routes: BTreeMap<&'static str, Route>,
    elapsed: Duration,
    at_once: usize,
    verified: usize,
    usage: Usage,
}

type Routes = Arc<Mutex<BTreeMap<&'static str, Route>>>;

/// Runs the plan.
pub(super) async fn run(system: Arc<System>, plan: Plan) -> Outcome {
    let user = |number: usize| format!("usr_load_{number}");
    for number in 0..plan.users {
        system.app.stack.seed(&user(number)).await.unwrap();
    }
    let before = system.database.usage();
    let routes = Routes::default();
    let webhooks = tokio::spawn(follow(
        system.app.stack.follow_requests(),
        Arc::clone(&routes),
    ));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let mut users = JoinSet::new();
    let started = tokio::time::Instant::now();
    for number in 0..plan.users {
        #[allow(clippy::cast_precision_loss)]
        let arrival = Duration::from_secs_f64(number as f64 / plan.rate);
        tokio::time::sleep_until(started + arrival).await;
        most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        let (system, routes, now) = (Arc::clone(&system), Arc::clone(&routes), Arc::clone(&now));
        users.spawn(async move {
            let verified = verify(&system, &routes, &user(number), plan.polls).await;
            now.fetch_sub(1, Ordering::Relaxed);
            verified
        });
    }
    let verified = users.join_all().await.into_iter().filter(|done| *done);
    let verified = verified.count();
    let elapsed = started.elapsed();
    webhooks.abort();
    Outcome {
        plan,
        routes: std::mem::take(&mut *routes.lock().unwrap()),
        elapsed,
        at_once: most.into_inner(),
        verified,
        usage: system.database.usage().since(&before),
    }
}

/// One user from the first token to the verdict. Says whether every step was answered as it should be.
async fn verify(system: &System, routes: &Routes, user: &str, polls: u32) -> bool {
    let mut well = true;
    for step in Step::BEFORE_POLLS {
        well &= take(system, routes, step, user).await;
    }
    for _ in 0..polls {
        tokio::time::sleep(POLL_INTERVAL).await;
        well &= take(system, routes, Step::Poll, user).await;
    }
    for step in Step::AFTER_POLLS {
        well &= take(system, routes, step, user).await;
    }
    well
}

async fn take(system: &System, routes: &Routes, step: Step, user: &str) -> bool {
    let request = system.request(step, user);
    let started = Instant::now();
    let answer = async {
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        answer.bytes().await.map(|_| status)
    };
    let well = answer.await.is_ok_and(|status| status == step.expected());
    // What the simulator does is not the API's time; the webhook is counted where it arrives.
    if !step.is_providers() {
        note(routes, step.name(), started.elapsed(), well);
    }
    well
}

fn note(routes: &Routes, name: &'static str, time: Duration, well: bool) {
    let mut routes = routes.lock().unwrap();
    let route = routes.entry(name).or_default();
    route.times.push(time);
    route.errors += usize::from(!well);
}

/// Notes the webhooks.
async fn follow(mut answered: Receiver<Answered>, routes: Routes) {
    loop {
        match answered.recv().await {
            Ok(request) if request.path == WEBHOOK => {
                note(&routes, "webhook", request.duration, request.status == 200);
            }
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => panic!("{missed} requests were not counted"),
            Err(RecvError::Closed) => return,
        }
    }
}

impl Outcome {
    /// Whether everything was answered as it should be.
    pub(super) fn is_well(&self) -> bool {
        self.verified == self.plan.users && self.routes.values().all(|route| route.errors == 0)
    }

    /// The tables.
    #[must_use]
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
        let each = |sum: f64| figure(sum / self.plan.users as f64);
        let usage = self.usage.sum();
        format!(
            "{table}\n{} of {} users verified in {seconds:.1} s, {:.1} per second, {} at once at most; {:.0} requests per second\n\
             DynamoDB, per verification: {} requests, {} RCU, {} WCU\n",
            self.verified,
            self.plan.users,
            self.plan.users as f64 / seconds,
            self.at_once,
            requests as f64 / seconds,
            each(usage.requests),
            each(usage.read),
            each(usage.write),
        )
    }
}
