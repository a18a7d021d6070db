//! Short versions of what `cargo prove` runs at length.

mod model;
mod proxy;

use tests::proof::{Counts, CrashOptions, RaceOptions, crash, race, seed};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_everything_fails() {
    let seed = seed();
    let options = CrashOptions {
        users: 40,
        at_once: 16,
        seed,
        release: false,
    };
    let counts = crash(options).await;
    assert!(counts.kills > 0 && counts.faults > 0, "{counts}");
    assert_proven(&counts, seed);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_make_one_transition_and_one_advance() {
    let seed = seed();
    let options = RaceOptions {
        rounds: 5,
        seed,
        release: false,
    };
    assert_proven(&race(options).await, seed);
}

fn assert_proven(counts: &Counts, seed: u64) {
    eprintln!("{counts}; {:?}", counts.answers);
    assert_eq!(
        (counts.lost, counts.doubled),
        (0, 0),
        "PROOF_SEED={seed}: {counts}"
    );
}
