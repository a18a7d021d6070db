//! The steps of a simulation.

use std::time::Duration;

use crate::world::World;

/// The number of users in a simulation.
pub const USERS: usize = 3;

/// Something that happens. Dice decide among everything that is possible at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Time passes, and the schedule runs.
    Wait(Duration),
    /// Something happens at the provider to an applicant of a user.
    Happen(usize, u32),
    /// A user opens a session.
    Session(usize),
    /// A user's client polls.
    Poll(usize),
    /// A user's client asks for details, with or without `refresh`.
    Details(usize, bool),
    /// One of the events that were not acknowledged is delivered.
    Deliver(u32),
    /// One of all events is delivered, maybe again.
    Repeat(u32),
    /// The schedule runs once more.
    Reconcile,
    /// One of the waiting calls is made.
    Go(u32),
    /// The provider goes away, or comes back.
    Away(bool),
    /// The next write fails: before its effect, or with `true` after it.
    FailWrite(bool),
}

/// Draws the steps of a simulation.
pub(crate) fn draw(world: &World, rng: &mut fastrand::Rng) -> Vec<Step> {
    let mut steps = vec![];
    if !world.strangers {
        steps.extend((0..USERS).map(Step::Session));
    }
    for _ in 0..rng.usize(5..60) {
        let user = rng.usize(..USERS);
        let dice = rng.u32(..);
        let step = match rng.u8(..100) {
            0..14 => Step::Wait(wait(world, rng)),
            14..50 => Step::Happen(user, dice),
            50..55 => Step::Session(user),
            65..69 => Step::Details(user, rng.bool()),
            69..71 => Step::Reconcile,
            71..85 if world.unordered => Step::Deliver(dice),
            85..89 if world.unordered => Step::Repeat(dice),
            89..92 if world.outages => Step::Away(rng.bool()),
            92..96 if world.faults => Step::FailWrite(rng.bool()),
            _ => Step::Poll(user),
        };
        steps.push(step);
        // A client that waits for the verdict polls every few seconds.
        if matches!(step, Step::Happen(..)) && rng.u8(..4) == 0 {
            for _ in 0..rng.usize(1..4) {
                let pause = Duration::from_millis(rng.u64(1..15_000));
                steps.extend([Step::Wait(pause), Step::Poll(user)]);
            }
        }
        if world.concurrent {
            steps.extend((0..rng.usize(..5)).map(|_| Step::Go(rng.u32(..))));
        }
    }
    steps
}

/// Draws a delay: milliseconds as often as days.
fn wait(world: &World, rng: &mut fastrand::Rng) -> Duration {
    let mut longest = u64::try_from(world.longest_wait.as_millis()).unwrap();
    let bits = u64::BITS - longest.leading_zeros();
    longest = longest.min(1 << rng.u32(6..=bits));
    Duration::from_millis(rng.u64(1..=longest))
}
