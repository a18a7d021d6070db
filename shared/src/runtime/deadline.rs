//! Until when something has to be done.

use std::time::Duration;

use tokio::time::Instant;

/// The moment by which a call must have ended, however many parts it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline that much time from now.
    #[must_use]
    pub fn within(duration: Duration) -> Self {
        Self(Instant::now() + duration)
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
