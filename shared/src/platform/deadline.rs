//! Until when something has to be done.

use std::time::Duration;

use tokio::time::Instant;

/// Time that is left for the response after the last outward call.
const RESERVE: Duration = Duration::from_millis(500);

/// The time by which a call must have ended, retries included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline that is `duration` from now.
    #[must_use]
    pub fn within(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// Returns the deadline that is `left` from now, minus a reserve for sending the response.
    #[must_use]
    pub(crate) fn leaving_reserve(left: Duration) -> Self {
        Self::within(left.saturating_sub(RESERVE))
    }

    /// Returns whether the deadline has passed.
    #[must_use]
    pub(crate) fn has_passed(self) -> bool {
        self.0 <= Instant::now()
    }

    /// Returns the earlier of this deadline and `duration` from now.
    #[must_use]
    pub fn at_most(self, duration: Duration) -> Self {
        self.min(Self::within(duration))
    }

    /// Returns the time of the deadline.
    #[must_use]
    pub(crate) fn instant(self) -> Instant {
        self.0
    }
}
