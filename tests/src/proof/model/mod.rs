//! Random histories of a provider, delivered in every way that a network knows, against the real use cases.
//!
//! A [`Step`] is something that happens: the user, the reviewer, the network, the clock, or a fault. After the steps of a history
//! the faults stop, what was neither lost nor acknowledged is delivered, and the reconciliation runs. Then the stored user is
//! compared with the provider.

mod clock;
mod faulty;
mod memory;
mod provider;
mod world;

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use shared::repository::UserStore;

pub use memory::Memory;
pub use provider::Verdict;
pub use world::World;

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Time passes, in seconds.
    Wait(u16),
    /// The user asks for a token.
    OpenSession,
    /// The user submits documents, in the first session or again.
    Submit,
    /// The reviewer decides, or decides otherwise.
    Decide(Verdict),
    /// The reviewer pauses the review.
    Hold,
    /// The reviewer takes everything back.
    Reset,
    /// The reviewer corrects the name.
    Rename,
    /// The provider erases the person.
    Delete,
    /// One of the webhooks that were sent arrives, for the first time or again.
    Deliver(u8),
    /// One of the webhooks arrives, and while the provider is asked for the name, the name changes and the webhook about
    /// that arrives.
    DeliverWhileRenamed(u8),
    /// One of the webhooks is lost for good.
    Lose(u8),
    /// The client polls.
    Poll,
    /// The client polls, and while the provider answers, the reviewer decides and the webhook arrives.
    PollWhile(Verdict),
    /// The client asks for details.
    Details,
    /// The schedule comes round.
    Reconcile,
    /// The provider goes away, or comes back.
    Provider(bool),
    /// The next write of the table fails, before or after it had its effect.
    FailWrite {
        /// Whether it has its effect all the same.
        with_effect: bool,
    },
}

/// Histories that once broke something. They are played before any random one.
const REGRESSIONS: &[&[Step]] = &[
    // The approval was stored with the name that had been read just before it changed.
    &[
        Step::OpenSession,
        Step::Submit,
        Step::Decide(Verdict::Green),
        Step::DeliverWhileRenamed(2),
    ],
];

fn any_step() -> impl Strategy<Value = Step> {
    let verdict = || prop_oneof![4 => Just(Verdict::Green), 2 => Just(Verdict::Retry), 1 => Just(Verdict::Final)];
    prop_oneof![
        2 => (1..600_u16).prop_map(Step::Wait),
        3 => Just(Step::OpenSession),
        4 => Just(Step::Submit),
        4 => verdict().prop_map(Step::Decide),
        1 => Just(Step::Hold),
        1 => Just(Step::Reset),
        1 => Just(Step::Rename),
        1 => Just(Step::Delete),
        8 => any::<u8>().prop_map(Step::Deliver),
        2 => any::<u8>().prop_map(Step::DeliverWhileRenamed),
        2 => any::<u8>().prop_map(Step::Lose),
        3 => Just(Step::Poll),
        2 => verdict().prop_map(Step::PollWhile),
        2 => Just(Step::Details),
        2 => Just(Step::Reconcile),
        1 => any::<bool>().prop_map(Step::Provider),
        1 => any::<bool>().prop_map(|with_effect| Step::FailWrite { with_effect }),
    ]
}

/// What was played.
#[derive(Debug, Clone, Copy, Default)]
pub struct Played {
    /// Histories.
    pub histories: u64,
    /// Webhooks that were delivered in them.
    pub deliveries: u64,
}

/// Plays histories. `store` makes the store of each, which may be the same for all; each has a user of its own. Where no real
/// store takes time, `paused` lets waiting take none.
///
/// # Panics
/// When a history ends in a wrong state, with the shortest that does.
pub fn play<S: UserStore + Clone>(
    cases: u32,
    seed: u64,
    paused: bool,
    store: impl Fn() -> S,
) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build()
        .unwrap();
    let played = std::cell::Cell::new(Played::default());
    let run = |steps: &[Step]| {
        let mut sum = played.get();
        sum.histories += 1;
        let user = format!("usr_{}", sum.histories);
        let result = runtime.block_on(World::new(&user, store()).play(steps));
        sum.deliveries += result.as_ref().copied().unwrap_or_default();
        played.set(sum);
        result.map(|_| ())
    };
    for steps in REGRESSIONS {
        run(steps).unwrap_or_else(|wrong| panic!("{wrong}: {steps:?}"));
    }
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    for (byte, seed) in bytes.iter_mut().zip(seed.to_le_bytes()) {
        *byte = seed;
    }
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let histories = proptest::collection::vec(any_step(), 1..40);
    match runner.run(&histories, |steps| run(&steps).map_err(TestCaseError::fail)) {
        Ok(()) => played.get(),
        Err(TestError::Fail(wrong, steps)) => panic!("seed {seed}: {wrong}: {steps:?}"),
        Err(error) => panic!("seed {seed}: {error}"),
    }
}
