//! `cargo prove`: the long versions of the proofs.
//!
//! Tells its progress on stderr and ends with one line of counts. Fails unless nothing was lost and nothing doubled.

use std::process::ExitCode;

use tests::proof::{Counts, CrashOptions, RaceOptions, crash, race, seed};

/// The functions are built like this program: with optimisations, as they are deployed, by `cargo prove`.
const RELEASE: bool = !cfg!(debug_assertions);

#[tokio::main]
async fn main() -> ExitCode {
    let seed = seed();
    let mut counts = Counts::default();

    counts += told(
        "crash",
        crash(CrashOptions {
            users: 400,
            at_once: 16,
            seed,
            release: RELEASE,
        })
        .await,
    );
    counts += told(
        "race",
        race(RaceOptions {
            rounds: 100,
            seed,
            release: RELEASE,
        })
        .await,
    );

    println!("{counts}");
    ExitCode::from(u8::from(counts.lost > 0 || counts.doubled > 0))
}

fn told(proof: &str, counts: Counts) -> Counts {
    eprintln!("{proof}: {counts}");
    for (answer, count) in &counts.answers {
        eprintln!("  {answer}: {count}");
    }
    counts
}
