//! Our clock in a simulation: it stands still until it is told to move.

use std::cell::Cell;
use std::time::Duration;

use shared::kyc::Timestamp;

/// The beginning of each simulation: 2024-01-01 00:00:00 UTC, in milliseconds since the Unix epoch.
pub(crate) const START: i64 = 1_704_067_200_000;

thread_local! {
    /// Milliseconds since the Unix epoch. Each simulation has its thread for itself.
    static NOW: Cell<i64> = const { Cell::new(START) };
}

/// Returns the present time, as the use cases see it.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(NOW.get())
}

/// Lets time pass.
pub(crate) fn pass(duration: Duration) {
    NOW.set(now().plus(duration).millis());
}

/// Moves the clock to `time`, never back.
pub(crate) fn move_to(time: Timestamp) {
    NOW.set(now().max(time).millis());
}

/// Begins a new simulation.
pub(crate) fn restart() {
    NOW.set(START);
}
