//! Time as the provider shows it.

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

/// Milliseconds since the epoch, the finest step the provider shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) fn now() -> Self {
        let millis = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        Self(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    #[cfg(test)]
    pub(crate) const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub(crate) const fn millis(self) -> i64 {
        self.0
    }

    pub(crate) const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The moment so many milliseconds later.
    pub(crate) const fn after(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// `2024-01-01 10:00:00`
    pub(crate) fn plain(self) -> String {
        self.format(PLAIN)
    }

    /// `2024-01-01 10:00:00+0000`
    pub(crate) fn zoned(self) -> String {
        self.format(ZONED)
    }

    /// `2024-01-01 10:00:00.123`
    pub(crate) fn with_millis(self) -> String {
        self.format(WITH_MILLIS)
    }

    /// Only a moment outside the calendar's range has no form; the clock gives none.
    fn format(self, form: &[BorrowedFormatItem<'_>]) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|time| time.format(form).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn forms_are_the_providers() {
        let moment = Moment::from_millis(1_704_103_200_007);

        assert_eq!(moment.plain(), "2024-01-01 10:00:00");
        assert_eq!(moment.zoned(), "2024-01-01 10:00:00+0000");
        assert_eq!(moment.with_millis(), "2024-01-01 10:00:00.007");
    }
}
