//! `cargo prove`: the long versions of the proofs.
//!
//! Tells its progress on stderr and ends with one line of counts. Fails unless nothing was lost and nothing doubled.

use std::process::ExitCode;

use clap::Parser;
use local::{Options, Stack};
use shared::repository::UserStore;
use tests::proof::model::{Memory, play};
use tests::proof::{Counts, CrashOptions, RaceOptions, crash, race, seed};

/// The functions are built like this program: with optimisations, as they are deployed, by `cargo prove`.
const RELEASE: bool = !cfg!(debug_assertions);

/// Plays histories of users against the functions while everything fails that can, and counts what is lost or doubled.
#[derive(Parser)]
struct Arguments {
    /// How much of it is done
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    percent: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let percent = Arguments::parse().percent;
    let share = |all: u32| (all * u32::from(percent)).div_ceil(100);
    let seed = seed();
    let mut counts = Counts::default();

    // The order is that of the time they take: what is likely to fail fails early.
    counts += told(
        "histories in memory",
        histories(share(100_000), seed, true, Memory::default).await,
    );
    let stack = Stack::start(Options::default()).await.unwrap();
    let users = stack.users();
    counts += told(
        "histories on an engine",
        histories(share(500), seed, false, move || users.clone()).await,
    );
    stack.stop().await;
    counts += told(
        "crash",
        crash(CrashOptions {
            users: share(400) as usize,
            at_once: 16,
            seed,
            release: RELEASE,
        })
        .await,
    );
    counts += told(
        "race",
        race(RaceOptions {
            rounds: share(100) as usize,
            seed,
            release: RELEASE,
        })
        .await,
    );

    println!("{counts}");
    ExitCode::from(u8::from(counts.lost > 0 || counts.doubled > 0))
}

/// Panics at the first history that ends wrongly: there, nothing was lost or doubled by chance.
async fn histories<S: UserStore + Clone + Send + 'static>(
    cases: u32,
    seed: u64,
    paused: bool,
    store: impl Fn() -> S + Send + 'static,
) -> Counts {
    let played = tokio::task::spawn_blocking(move || play(cases, seed, paused, store))
        .await
        .unwrap();
    Counts {
        histories: played.histories,
        deliveries: played.deliveries,
        ..Counts::default()
    }
}

fn told(proof: &str, counts: Counts) -> Counts {
    eprintln!("{proof}: {counts}");
    for (answer, count) in &counts.answers {
        eprintln!("  {answer}: {count}");
    }
    counts
}
