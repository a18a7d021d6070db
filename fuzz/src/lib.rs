//! What must hold for whatever comes from outside, in functions that a fuzzer calls.
//!
//! Each module is one target: a way in, and what is promised about it. `fuzz/run` searches for inputs that break a promise;
//! `cargo test` replays those in `corpus/`.

pub mod delivery;
pub mod event;
pub mod provider;
pub mod token;

use shared::kyc::{Onboarding, Status, Step, Timestamp, Transition, User, UserId};

/// When all of this takes place: an hour or so after the examples in the corpora.
const NOW: Timestamp = Timestamp::from_millis(1_704_110_000_000);

/// The first line, and what follows it.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// A user of whom nothing is known yet.
fn nobody() -> User {
    let id = UserId::parse("usr_abc123").expect("an identifier");
    User::new(id, Step::kyc_verification())
}

fn onboarding() -> Onboarding {
    Onboarding::parse("personal_details,kyc_verification,open_banking").expect("a list of steps")
}

/// Whatever news there was of a user.
fn it_holds_together(before: &User, after: &User) {
    let (from, to) = (before.review.status(), after.review.status());
    assert_eq!(before.id, after.id);
    assert!(after.name().is_none() || to == Status::Approved);
    assert!(
        after
            .due_at()
            .is_none_or(|due| Some(due) > after.observed_at)
    );
    let changed = from != to || before.step != after.step;
    assert_eq!(Transition::between(before, after).is_some(), changed);
}
