//! A short version of the crash proof.

mod import;
mod proxy;

use tests::crash::{CrashOptions, crash, seed};

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
    eprintln!("{counts}; {:?}", counts.answers);
    assert!(counts.kills > 0 && counts.faults > 0, "{counts}");
    assert_eq!(
        (counts.lost, counts.doubled),
        (0, 0),
        "PROOF_SEED={seed}: {counts}"
    );
}
