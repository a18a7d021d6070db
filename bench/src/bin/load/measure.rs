//! The cost of each request, measured one user and one action at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bench::{figure, millis, percentile, render};
use dynoxide::types::{Item, item_size};
use reqwest::Method;
use serde_json::json;
use shared::kyc::{Timestamp, User};
use shared::platform::system_clock;
use tests::app::{WEBHOOK, exchange};

use crate::database::DatabaseUsage;
use crate::system::{Action, MeasuredSystem};

/// The actions of a measured user, in their order.
const ACTIONS: [Action; 10] = [
    Action::Token,
    Action::Start,
    Action::Submit,
    Action::Poll,
    Action::Review,
    Action::Status,
    Action::Me,
    Action::Details,
    Action::DetailsAgain,
    Action::Gate,
];

/// Number of overdue users that a measured reconciliation checks.
const DUE: usize = 20;

/// The tables whose items of a user never expire.
const LASTING: [&str; 2] = ["HistoryTable", "UsersTable"];

/// The costs of all kinds of requests.
pub(super) struct Costs(Vec<Cost>);

/// The costs of one kind of request: one entry of each list for each request.
#[derive(Debug, Default)]
struct Cost {
    name: String,
    usages: Vec<Usage>,
    times: Vec<Duration>,
}

/// The requests to database and provider that one request of the API causes.
#[derive(Debug, Clone, Default, PartialEq)]
struct Usage {
    database: DatabaseUsage,
    provider_gets: u32,
    provider_posts: u32,
}

impl MeasuredSystem {
    /// Measures each action of this many new users, and then the reconciliation.
    pub(super) async fn measure(&self, name: &str, users: usize) -> Costs {
        let mut costs = ACTIONS.map(|action| Cost::of(action.name()));
        for number in 0..users {
            let user = user_id(name, number);
            self.app.stack.seed(&user).await.unwrap();
            for (action, cost) in ACTIONS.into_iter().zip(&mut costs) {
                self.perform(action, &user, cost).await;
            }
        }
        let mut costs = Vec::from(costs);
        costs.push(self.reconcile("reconcile, a run, nobody due").await);
        for number in 0..DUE {
            self.make_overdue(&format!("usr_{name}_due_{number}")).await;
        }
        let name = format!("reconcile, a run, {DUE} due");
        costs.push(self.reconcile(&name).await);
        Costs(costs)
    }

    async fn perform(&self, action: Action, user: &str, cost: &mut Cost) {
        let mut answered = self.app.stack.follow_requests();
        let before = self.begin().await;
        let request = self.request(action, user);
        let started = Instant::now();
        let answer = exchange(request).await;
        let mut elapsed = started.elapsed();
        assert_eq!(answer.status, action.status(), "{action:?}: {answer:?}");
        if action.is_at_provider() {
            let webhook = answered.try_recv().unwrap();
            assert_eq!((webhook.path.as_str(), webhook.status), (WEBHOOK, 200));
            elapsed = webhook.duration;
        }
        // Only the reconciliation queries, and the schedule may run it at any time.
        let usage = self.database.usage().since(&before).without("Query");
        self.record(cost, usage, elapsed).await;
    }

    async fn reconcile(&self, name: &str) -> Cost {
        let mut cost = Cost::of(name);
        let before = self.begin().await;
        let started = Instant::now();
        let run = self.app.stack.invoke("reconcile", &json!({})).await;
        let elapsed = started.elapsed();
        run.unwrap();
        let usage = self.database.usage().since(&before);
        self.record(&mut cost, usage, elapsed).await;
        cost
    }

    /// Creates a user whose review is overdue.
    async fn make_overdue(&self, user: &str) {
        self.app.stack.seed(user).await.unwrap();
        for action in [Action::Token, Action::Submit] {
            let answer = exchange(self.request(action, user)).await;
            assert_eq!(answer.status, action.status(), "{action:?}: {answer:?}");
        }
        let earlier = |time: Option<Timestamp>| {
            let earlier = system_clock().millis() - 20 * 60_000;
            time.map(|_| Timestamp::from_millis(earlier))
        };
        let stored = self.app.stored(user).await;
        let waiting = User {
            session_at: earlier(stored.session_at),
            waiting_since: earlier(stored.waiting_since),
            ..stored
        };
        self.app.store(&waiting).await;
    }

    /// Clears the simulator's log of requests, and returns the usage of the database until now.
    async fn begin(&self) -> DatabaseUsage {
        self.app
            .simulate(Method::DELETE, "requests", json!({}))
            .await;
        self.database.usage()
    }

    async fn record(&self, cost: &mut Cost, database: DatabaseUsage, elapsed: Duration) {
        let log = self.app.simulate(Method::GET, "requests", json!({})).await;
        let (mut gets, mut posts) = (0, 0);
        for request in log["requests"].as_array().unwrap() {
            match request["method"].as_str().unwrap() {
                "GET" => gets += 1,
                _ => posts += 1,
            }
        }
        cost.times.push(elapsed);
        cost.usages.push(Usage {
            database,
            provider_gets: gets,
            provider_posts: posts,
        });
    }

    /// Reads the lasting items of the first user of a measurement, who is verified, by table.
    pub(super) fn items(&self, name: &str) -> BTreeMap<&'static str, Vec<Item>> {
        let user = user_id(name, 0);
        let items = |table| {
            (
                table,
                self.database.items(self.app.stack.table(table), &user),
            )
        };
        LASTING.map(items).into()
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

    /// Returns the most frequent usage. A few differ, because they depend on the time of day.
    fn typical(&self) -> &Usage {
        let alike = |one: &&Usage| self.usages.iter().filter(|other| other == one).count();
        self.usages.iter().max_by_key(alike).unwrap()
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

impl Costs {
    /// Formats the costs, with a verification of this many polls in the last row.
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

    /// Adds up a whole verification, as if it were one request.
    fn verification(&self, polls: u32) -> Cost {
        let mut sum = Usage::default();
        let actions = Action::BEFORE_POLLS
            .into_iter()
            .chain([Action::Poll])
            .chain(Action::AFTER_POLLS);
        for action in actions {
            let cost = self.0.iter().find(|cost| cost.name == action.name());
            let typical = cost.unwrap().typical();
            let times = if action == Action::Poll { polls } else { 1 };
            sum.database.add(&typical.database, f64::from(times));
            sum.provider_gets += typical.provider_gets * times;
            sum.provider_posts += typical.provider_posts * times;
        }
        Cost {
            usages: vec![sum],
            ..Cost::of(&format!("a verification with {polls} polls"))
        }
    }

    /// Asserts that each kind of request costs the same in both measurements.
    pub(super) fn assert_same(&self, other: &Self) {
        for (cost, other) in self.0.iter().zip(&other.0) {
            assert_eq!(cost.typical(), other.typical(), "{}", cost.name);
        }
    }
}

/// Formats number and mean size of a user's items by table. Sizes are counted by the rules of `DynamoDB`.
pub(super) fn sizes(items: &BTreeMap<&str, Vec<Item>>) -> String {
    let row = |(table, items): (&&str, &Vec<Item>)| {
        let mean = items.iter().map(item_size).sum::<usize>() / items.len().max(1);
        vec![
            (*table).to_owned(),
            items.len().to_string(),
            mean.to_string(),
        ]
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    render(&["table", "items per user", "bytes each"], &rows)
}
