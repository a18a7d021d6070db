//! The clock of a history.

use std::cell::Cell;
use std::time::Duration;

use shared::kyc::Timestamp;

thread_local! {
    /// Milliseconds since the Unix epoch. Each history has its thread for itself.
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// What time it is.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(NOW.get())
}

/// Lets time pass.
pub(super) fn pass(duration: Duration) {
    NOW.set(now().plus(duration).millis());
}

/// Sets the clock, never back.
pub(super) fn set(time: Timestamp) {
    NOW.set(now().max(time).millis());
}

/// Begins a new history.
pub(super) fn restart() {
    NOW.set(1_704_067_200_000);
}
