//! Until when something has to be done.

use std::time::Duration;

use tokio::time::Instant;

/// What is kept of a function's time for its answer, after the last outward call.
const RESERVE: Duration = Duration::from_millis(500);

/// The moment by which a call must have ended, however many parts it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline that much time from now.
    #[must_use]
    pub fn within(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// The deadline of everything that a function does which has so much time left: a little of it is kept for the answer.
    #[must_use]
    pub fn leaving_reserve(left: Duration) -> Self {
        Self::within(left.saturating_sub(RESERVE))
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.0 <= Instant::now()
    }

    /// The same deadline, or that much time from now if this is earlier.
    #[must_use]
    pub fn at_most(self, duration: Duration) -> Self {
        self.min(Self::within(duration))
    }

    /// The moment itself.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }
}
