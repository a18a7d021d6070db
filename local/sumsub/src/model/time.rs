//! Times in the forms of the provider.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const PLAIN: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const ZONED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]+0000");
const WITH_MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");

/// A time in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(i64);

impl Moment {
    /// Creates a time from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Returns the time some milliseconds later.
    pub(crate) const fn after(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Returns a text like `2024-01-01 10:00:00`.
    #[must_use]
    pub fn plain(self) -> String {
        self.format(PLAIN)
    }

    /// Returns a text like `2024-01-01 10:00:00+0000`.
    #[must_use]
    pub fn zoned(self) -> String {
        self.format(ZONED)
    }

    /// Returns a text like `2024-01-01 10:00:00.123`.
    #[must_use]
    pub fn with_millis(self) -> String {
        self.format(WITH_MILLIS)
    }

    /// Returns an empty text for a time outside the calendar, which no clock shows.
    fn format(self, form: &[BorrowedFormatItem<'_>]) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|time| time.format(form).ok())
            .unwrap_or_default()
    }
}
