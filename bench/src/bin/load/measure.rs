//! What each request costs: one user after the other, one step after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bench::{figure, millis, percentile, render};
use dynoxide::types::{Item, item_size};
use reqwest::Method;
use serde_json::json;
use shared::kyc::{Timestamp, User};
use shared::runtime::system_clock;
use tests::app::{WEBHOOK, exchange};

use crate::database::{Usage, kind};
use crate::system::{Step, System};

/// The steps of a measured user.
const STEPS: [Step; 10] = [
    Step::Token,
    Step::Start,
    Step::Submit,
    Step::Poll,
    Step::Review,
    Step::Status,
    Step::Me,
    Step::Details,
    Step::DetailsAgain,
    Step::Gate,
];

/// Users in review whom a measured reconciliation looks at.
const DUE: usize = 20;

/// What was measured.
pub(super) struct Figures(Vec<Cost>);

/// What the requests of a kind cost: one entry for each request.
#[derive(Debug, Default)]
struct Cost {
    name: String,
    uses: Vec<Use>,
    times: Vec<Duration>,
}

/// What a request asked of others.
#[derive(Debug, Clone, Default, PartialEq)]
struct Use {
    database: Usage,
    provider_gets: u32,
    provider_posts: u32,
}

impl System {
    /// Lets this many new users go through the flow, and then the reconciliation look for users.
    pub(super) async fn measure(&self, name: &str, users: usize) -> Figures {
        let mut costs = STEPS.map(|step| Cost::of(step.name()));
        for number in 0..users {
            let user = user_id(name, number);
            self.app.stack.seed(&user).await.unwrap();
            for (step, cost) in STEPS.into_iter().zip(&mut costs) {
                self.step(step, &user, cost).await;
            }
        }
        let mut costs = Vec::from(costs);
        costs.push(self.reconcile("reconcile, a run, nobody due").await);
        for number in 0..DUE {
            self.let_wait(&format!("usr_{name}_due_{number}")).await;
        }
        let name = format!("reconcile, a run, {DUE} due");
        costs.push(self.reconcile(&name).await);
        Figures(costs)
    }

    async fn step(&self, step: Step, user: &str, cost: &mut Cost) {
        // Nobody does two things in one millisecond, which would be one point in time to the user's item.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut answered = self.app.stack.follow_requests();
        let before = self.begin().await;
        let request = self.request(step, user);
        let started = Instant::now();
        let answer = exchange(request).await;
        let mut elapsed = started.elapsed();
        assert_eq!(answer.status, step.expected(), "{step:?}: {answer:?}");
        if step.is_providers() {
            let webhook = answered.try_recv().unwrap();
            assert_eq!((webhook.path.as_str(), webhook.status), (WEBHOOK, 200));
            elapsed = webhook.duration;
        }
        // Only the reconciliation asks for users that it does not know, and the schedule may run it at any time.
        let usage = self.database.usage().since(&before).without("Query");
        self.note(cost, usage, elapsed).await;
    }

    async fn reconcile(&self, name: &str) -> Cost {
        let mut cost = Cost::of(name);
        let before = self.begin().await;
        let started = Instant::now();
        let run = self.app.stack.invoke("reconcile", &json!({})).await;
        let elapsed = started.elapsed();
        run.unwrap();
        let usage = self.database.usage().since(&before);
        self.note(&mut cost, usage, elapsed).await;
        cost
    }

    /// Makes a user whose documents are reviewed, and have been for long.
    async fn let_wait(&self, user: &str) {
        self.app.stack.seed(user).await.unwrap();
        for step in [Step::Token, Step::Submit] {
            let answer = exchange(self.request(step, user)).await;
            assert_eq!(answer.status, step.expected(), "{step:?}: {answer:?}");
        }
        let earlier = |time: Option<Timestamp>| {
            let earlier = system_clock().millis() - 20 * 60_000;
            time.map(|_| Timestamp::from_millis(earlier))
        };
        let stored = self.app.stored(user).await;
        let waiting = User {
            session_at: earlier(stored.session_at),
            observed_at: earlier(stored.observed_at),
            ..stored
        };
        self.app.store(&waiting).await;
    }

    /// Forgets what was asked of the provider, and says what was asked of the database.
    async fn begin(&self) -> Usage {
        self.app
            .simulate(Method::DELETE, "requests", json!({}))
            .await;
        self.database.usage()
    }

    async fn note(&self, cost: &mut Cost, database: Usage, elapsed: Duration) {
        let log = self.app.simulate(Method::GET, "requests", json!({})).await;
        let (mut gets, mut posts) = (0, 0);
        for request in log["requests"].as_array().unwrap() {
            match request["method"].as_str().unwrap() {
                "GET" => gets += 1,
                _ => posts += 1,
            }
        }
        cost.times.push(elapsed);
        cost.uses.push(Use {
            database,
            provider_gets: gets,
            provider_posts: posts,
        });
    }

    /// The items of the first user of a measurement, who is verified.
    pub(super) fn items(&self, name: &str) -> Vec<Item> {
        self.database
            .items(self.app.stack.table(), &user_id(name, 0))
    }
}

fn user_id(name: &str, number: usize) -> String {
    format!("usr_{name}_{number}")
}

impl Cost {
    fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// What most requests of the kind asked of others. A few differ, because what they do depends on the time of day.
    fn typical(&self) -> &Use {
        let alike = |one: &&Use| self.uses.iter().filter(|other| other == one).count();
        self.uses.iter().max_by_key(alike).unwrap()
    }

    fn row(&self) -> Vec<String> {
        let typical = self.typical();
        let sum = typical.database.sum();
        let mut times = self.times.clone();
        times.sort_unstable();
        vec![
            self.name.clone(),
            typical.database.operations().join(", "),
            figure(sum.requests),
            figure(sum.read),
            figure(sum.write),
            figure(sum.index),
            figure(typical.provider_gets.into()),
            figure(typical.provider_posts.into()),
            percentile(&times, 0.5).map_or_else(String::new, millis),
        ]
    }
}

impl Figures {
    /// The table, and below it a verification with so many polls.
    pub(super) fn table(&self, polls: u32) -> String {
        let heads = [
            "per request",
            "DynamoDB operations",
            "requests",
            "RCU",
            "WCU",
            "of it index",
            "provider GET",
            "POST",
            "p50 ms",
        ];
        let mut rows: Vec<_> = self.0.iter().map(Cost::row).collect();
        rows.push(self.verification(polls).row());
        render(&heads, &rows)
    }

    /// A whole verification, as if it were one request.
    fn verification(&self, polls: u32) -> Cost {
        let mut sum = Use::default();
        let steps = Step::BEFORE_POLLS
            .into_iter()
            .chain([Step::Poll])
            .chain(Step::AFTER_POLLS);
        for step in steps {
            let cost = self.0.iter().find(|cost| cost.name == step.name());
            let typical = cost.unwrap().typical();
            let times = if step == Step::Poll { polls } else { 1 };
            sum.database.add(&typical.database, f64::from(times));
            sum.provider_gets += typical.provider_gets * times;
            sum.provider_posts += typical.provider_posts * times;
        }
        Cost {
            uses: vec![sum],
            ..Cost::of(&format!("a verification with {polls} polls"))
        }
    }

    /// Asserts that each request costs the same in both measurements.
    pub(super) fn assert_same(&self, other: &Self) {
        for (cost, other) in self.0.iter().zip(&other.0) {
            assert_eq!(cost.typical(), other.typical(), "{}", cost.name);
        }
    }
}

/// The items of a user with their sizes as `DynamoDB` counts them, by kind.
pub(super) fn sizes(items: &[Item]) -> String {
    let mut kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for item in items {
        kinds.entry(kind(item)).or_default().push(item_size(item));
    }
    let row = |(kind, sizes): (&str, Vec<usize>)| {
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        vec![kind.to_owned(), sizes.len().to_string(), mean.to_string()]
    };
    let rows: Vec<_> = kinds.into_iter().map(row).collect();
    render(&["item", "per user", "bytes each"], &rows)
}
