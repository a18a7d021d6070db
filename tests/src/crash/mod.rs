//! The crash proof: webhooks and polls against the real binaries, while processes are killed and database and provider misbehave.
//!
//! No verdict is lost, applied twice or overwritten by an older one. `PROOF_SEED` repeats a run as far as it is in our hands:
//! histories, copies and faults are the same, while the processes race as they like. The worlds of package `proof` are wholly
//! deterministic.

pub mod check;
mod provider;
mod system;

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::proxy::Faults;
use system::System;

/// The work of a proof, and its findings.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Histories of users that were checked to their end.
    pub histories: u64,
    /// Deliveries of webhooks.
    pub deliveries: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Requests of the functions that suffered something.
    pub faults: u64,
    /// Effects that are missing.
    pub lost: u64,
    /// Effects that occurred more than once.
    pub doubled: u64,
    /// Responses of the functions, by kind of request and status.
    pub answers: BTreeMap<String, u64>,
}

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self {
            histories,
            deliveries,
            kills,
            faults,
            lost,
            doubled,
            ..
        } = self;
        write!(
            f,
            "histories {histories}, deliveries {deliveries}, kills {kills}, faults {faults}, {lost} lost, {doubled} doubled"
        )
    }
}

/// Returns the seed of a proof: `PROOF_SEED`, or a random one. Prints it, so that a failure can be repeated.
pub fn seed() -> u64 {
    let given = std::env::var("PROOF_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("PROOF_SEED={seed}");
    seed
}

/// The faults of database and provider, which take turns: none, a third of the requests, and most of
/// them. In the last, a function can often still read, but not write, however often it tries.
const WEATHER: [Faults; 3] = [
    Faults::NONE,
    Faults {
        refused: 60,
        delayed: 80,
        unavailable: 60,
        answer_lost: 60,
        answer_cut: 40,
        garbage: 40,
        hung: 5,
    },
    Faults {
        refused: 300,
        delayed: 50,
        unavailable: 300,
        answer_lost: 60,
        answer_cut: 30,
        garbage: 30,
        hung: 10,
    },
];

/// The extent of a proof.
#[derive(Debug, Clone, Copy)]
pub struct CrashOptions {
    /// Number of users who verify themselves.
    pub users: usize,
    /// Maximum number of users, and of deliveries, at the same time.
    pub at_once: usize,
    /// The seed of the histories, of the copies of deliveries and of the faults.
    pub seed: u64,
    /// True if the functions are built with optimisations.
    pub release: bool,
}

/// Plays random histories of users while instances of the functions are killed and the proxies do their worst. Each event is
/// delivered late, several times and out of order, each time until it is kept. Then the faults end, what is outstanding is
/// delivered, and every user is checked.
pub async fn crash(options: CrashOptions) -> Counts {
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let system = Arc::new(System::start(options.seed, options.release, options.at_once).await);
    let mut troubles = JoinSet::new();
    troubles.spawn(kill(Arc::clone(&system), rng.fork()));
    troubles.spawn(change_weather(Arc::clone(&system), rng.fork()));

    let users: Vec<String> = (0..options.users)
        .map(|number| format!("usr_crash{number}"))
        .collect();
    let slots = Arc::new(Semaphore::new(options.at_once));
    let mut histories = JoinSet::new();
    for user in users.clone() {
        let (system, slots, rng) = (Arc::clone(&system), Arc::clone(&slots), rng.fork());
        histories.spawn(async move {
            let _slot = slots.acquire().await;
            play(&system, &user, rng).await
        });
    }
    let outstanding = histories.join_all().await;

    troubles.shutdown().await;
    system.set_faults([Faults::NONE; 2]);
    for requests in outstanding {
        requests.join_all().await;
    }
    for user in &users {
        system.check(user).await;
    }
    system.counts()
}

/// Plays the history of a user. Gives the deliveries and polls that are still under way.
async fn play(system: &Arc<System>, user: &str, mut rng: fastrand::Rng) -> JoinSet<()> {
    system.app.stack.seed(user).await.unwrap();
    let mut requests = JoinSet::new();
    for _ in 0..rng.usize(3..=10) {
        let Some(bodies) = system.provider.play(user, &mut rng) else {
            break;
        };
        for body in bodies {
            // Most come once, so that none makes up for the loss of another.
            for _ in 0..[1, 1, 1, 2, 3][rng.usize(..5)] {
                let (system, body, mut rng) = (Arc::clone(system), body.clone(), rng.fork());
                requests.spawn(async move {
                    sleep(Duration::from_millis(rng.u64(..500))).await;
                    system.deliver(&body, &mut rng).await;
                });
            }
        }
        if rng.bool() {
            let (system, user) = (Arc::clone(system), user.to_owned());
            requests.spawn(async move {
                system.poll(&user).await;
            });
        }
        sleep(Duration::from_millis(rng.u64(..200))).await;
    }
    // The others are for when the faults have ended.
    while requests.len() > 2 {
        requests.join_next().await.unwrap().unwrap();
    }
    requests
}

/// Kills instances at random moments, for ever.
async fn kill(system: Arc<System>, mut rng: fastrand::Rng) {
    loop {
        sleep(Duration::from_millis(rng.u64(10..100))).await;
        system.kill(["webhook", "webhook", "status"][rng.usize(..3)]);
    }
}

/// Changes what database and provider are like, for ever.
async fn change_weather(system: Arc<System>, mut rng: fastrand::Rng) {
    loop {
        system.set_faults([(); 2].map(|()| WEATHER[rng.usize(..WEATHER.len())]));
        sleep(Duration::from_millis(rng.u64(100..1500))).await;
    }
}
