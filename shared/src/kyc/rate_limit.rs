//! Limits on what one user may cost.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Timestamp;

/// A number of uses in each window of time. The windows follow each other without a gap, the same for all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The name of the limited use, in the table.
    pub purpose: &'static str,
    /// Uses in a window.
    pub times: NonZeroU32,
    /// Length of a window.
    pub window: Duration,
}

impl RateLimit {
    /// Limits the tokens for the provider's SDK in 10 minutes, the lifetime of a token.
    #[must_use]
    pub const fn sessions(times: NonZeroU32) -> Self {
        Self {
            purpose: "session",
            times,
            window: Duration::from_mins(10),
        }
    }

    /// Limits the reads of the provider in a minute.
    #[must_use]
    pub const fn reads(times: NonZeroU32) -> Self {
        Self {
            purpose: "read",
            times,
            window: Duration::from_mins(1),
        }
    }

    /// Returns the end of the window that `now` is in, where the next one begins.
    #[must_use]
    pub(crate) fn window_end(&self, now: Timestamp) -> Timestamp {
        now.plus(Duration::from_millis(1))
            .rounded_up_to(self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_when_the_next_begins() {
        let reads = RateLimit::reads(NonZeroU32::MIN);
        for (now, end) in [
            (0, 60_000),
            (1, 60_000),
            (59_999, 60_000),
            (60_000, 120_000),
        ] {
            assert_eq!(
                reads.window_end(Timestamp::from_millis(now)),
                Timestamp::from_millis(end)
            );
        }
    }
}
