//! Points in time.

use std::time::Duration;

/// A point in time in milliseconds since the Unix epoch: the unit of every time in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The millisecond before.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The same time without its milliseconds.
    #[must_use]
    pub const fn truncated_to_seconds(self) -> Self {
        Self(self.seconds().saturating_mul(1000))
    }

    /// The next time that is a multiple of `grain` since the epoch, or this one if it is; itself for no grain.
    #[must_use]
    pub fn rounded_up_to(self, grain: Duration) -> Self {
        let grain = i64::try_from(grain.as_millis()).unwrap_or(i64::MAX);
        let over = self.0.checked_rem_euclid(grain).unwrap_or_default();
        if over == 0 {
            self
        } else {
            Self(self.0.saturating_add(grain - over))
        }
    }

    /// How much later than `earlier` this is; nothing if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }

    /// The time that lies `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncates_towards_the_past() {
        assert_eq!(
            Timestamp::from_millis(1_999).truncated_to_seconds(),
            Timestamp::from_millis(1_000)
        );
        assert_eq!(
            Timestamp::from_millis(-1).truncated_to_seconds(),
            Timestamp::from_millis(-1_000)
        );
        assert_eq!(
            Timestamp::from_millis(i64::MIN).truncated_to_seconds(),
            Timestamp::from_millis(i64::MIN)
        );
    }
}
