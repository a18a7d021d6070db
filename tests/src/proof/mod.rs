//! Proofs that no verdict is lost, applied twice or overwritten by an older one, whatever fails on the way.
//!
//! `cargo prove` runs them at length, `proof/` in a few seconds each. The environment variable `PROOF_SEED` repeats a run as
//! far as it is in our hands: histories, copies and faults are the same, while the processes race as they like.

pub mod check;
mod crash;
pub mod model;
pub mod provider;
mod race;
mod system;

pub use crash::{CrashOptions, crash};
pub use race::{RaceOptions, race};
pub use system::System;

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::ops::AddAssign;

/// What a proof has done, and what it has found.
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
    /// What had no effect and should have had one.
    pub lost: u64,
    /// What had its effect more than once.
    pub doubled: u64,
    /// How the functions have answered, by kind of request and status.
    pub answers: BTreeMap<String, u64>,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.deliveries += other.deliveries;
        self.kills += other.kills;
        self.faults += other.faults;
        self.lost += other.lost;
        self.doubled += other.doubled;
        for (answer, count) in other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
    }
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

/// The seed of a proof: the environment variable `PROOF_SEED`, otherwise any. It is printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    let given = std::env::var("PROOF_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("PROOF_SEED={seed}");
    seed
}
