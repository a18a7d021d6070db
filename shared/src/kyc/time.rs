//! Points in time, by the clock that told them.
//!
//! [`Timestamp`] and [`ProviderTime`] cannot be compared with each other: the provider's clock is not ours, and nothing bounds how
//! far apart they are.

use std::time::Duration;

/// A point in time by our own clocks, in milliseconds since the Unix epoch. Lambda keeps those within milliseconds of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A time after all others.
    pub const MAX: Self = Self(i64::MAX);

    /// Makes a time from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Rounds up to a multiple of `grain` since the epoch. A grain of zero changes nothing.
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

    /// Returns the time between `earlier` and this; zero if `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }

    /// Returns the time that lies `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

/// A point in time by the provider's clock, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderTime(i64);

impl ProviderTime {
    /// Makes a time from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the same time without its milliseconds, rounded down.
    #[must_use]
    pub(crate) const fn truncated_to_seconds(self) -> Self {
        Self(self.0.div_euclid(1000).saturating_mul(1000))
    }
}

/// The creation time of an event: exact to the millisecond, or somewhere within a whole second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    earliest: ProviderTime,
    latest: ProviderTime,
}

impl EventTime {
    /// Makes the time of an event that says its millisecond.
    #[must_use]
    pub const fn exact(at: ProviderTime) -> Self {
        Self {
            earliest: at,
            latest: at,
        }
    }

    /// Makes the time of an event that says its second only.
    #[must_use]
    pub(crate) const fn within_second(at: ProviderTime) -> Self {
        let earliest = at.truncated_to_seconds();
        Self {
            earliest,
            latest: ProviderTime(earliest.0.saturating_add(999)),
        }
    }

    /// Returns the earliest moment at which the event can have happened.
    #[must_use]
    pub const fn earliest(self) -> ProviderTime {
        self.earliest
    }

    /// Returns whether the event certainly happened before `time`.
    #[must_use]
    pub fn is_before(self, time: ProviderTime) -> bool {
        self.latest < time
    }

    /// Returns whether the event certainly happened after `time`. Without milliseconds, `time` may be anywhere in its second.
    #[must_use]
    pub(crate) fn is_after(self, time: ProviderTime) -> bool {
        let is_whole = time == time.truncated_to_seconds();
        let told = if is_whole {
            Self::within_second(time)
        } else {
            Self::exact(time)
        };
        told.latest < self.earliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncates_towards_the_past() {
        for (time, truncated) in [(1_999, 1_000), (-1, -1_000), (i64::MIN, i64::MIN)] {
            assert_eq!(
                ProviderTime::from_millis(time).truncated_to_seconds(),
                ProviderTime::from_millis(truncated)
            );
        }
    }

    #[test]
    fn a_whole_second_is_before_the_next_second_only() {
        let event = EventTime::within_second(ProviderTime::from_millis(5_400));
        assert_eq!(event.earliest(), ProviderTime::from_millis(5_000));
        assert!(!event.is_before(ProviderTime::from_millis(5_999)));
        assert!(event.is_before(ProviderTime::from_millis(6_000)));
        for (time, is_after) in [(4_000, true), (4_999, true), (5_000, false), (5_001, false)] {
            assert_eq!(
                event.is_after(ProviderTime::from_millis(time)),
                is_after,
                "{time}"
            );
        }
    }

    #[test]
    fn an_exact_time_is_not_after_a_whole_second_that_may_be_later() {
        let event = EventTime::exact(ProviderTime::from_millis(5_400));
        for (time, is_before, is_after) in [
            (5_000, false, false),
            (5_399, false, true),
            (5_400, false, false),
            (5_401, true, false),
            (4_000, false, true),
        ] {
            let time = ProviderTime::from_millis(time);
            assert_eq!(
                (event.is_before(time), event.is_after(time)),
                (is_before, is_after)
            );
        }
    }
}
