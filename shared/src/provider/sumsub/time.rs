//! The forms in which Sumsub writes a time.

use serde::Deserialize;
use serde::de::IgnoredAny;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{PrimitiveDateTime, UtcOffset};

use crate::kyc::{EventTime, ProviderTime};

/// A time on the wire: text in one of several forms, or milliseconds since the Unix epoch. UTC unless the text says otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum WireTime {
    Number(f64),
    Text(String),
    Other(IgnoredAny),
}

impl WireTime {
    /// Returns the time, or `None` if it cannot be read.
    pub(super) fn time(&self) -> Option<ProviderTime> {
        self.event_time().map(EventTime::earliest)
    }

    /// Returns the time of an event: exact, or within a second if the text ends with the second. `None` if it cannot be read.
    pub(super) fn event_time(&self) -> Option<EventTime> {
        match self {
            Self::Number(millis) => epoch(*millis),
            Self::Text(text) => match text.trim().parse() {
                Ok(millis) => epoch(millis),
                Err(_) => parse(text.trim()),
            },
            Self::Other(_) => None,
        }
    }
}

/// Reads milliseconds since the epoch, of the years 1973 to 5138. Smaller numbers are something else, such as seconds: taken for
/// milliseconds, they would make an event older than every other.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn epoch(millis: f64) -> Option<EventTime> {
    (1e11..1e14)
        .contains(&millis)
        .then(|| EventTime::exact(ProviderTime::from_millis(millis as i64)))
}

const SECONDS: StaticFormatDescription =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const FRACTION: StaticFormatDescription =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond]");

/// Reads a date and a time of day, with a blank or `T` between them, and an optional fraction and offset from UTC.
fn parse(text: &str) -> Option<EventTime> {
    let (local, offset) = split_offset(text)?;
    let local = local.trim_end().replacen('T', " ", 1);
    let whole = PrimitiveDateTime::parse(&local, SECONDS).ok();
    let exact = || PrimitiveDateTime::parse(&local, FRACTION).ok();
    let nanos = whole
        .or_else(exact)?
        .assume_offset(offset)
        .unix_timestamp_nanos();
    let at = ProviderTime::from_millis(i64::try_from(nanos.div_euclid(1_000_000)).ok()?);
    Some(match whole {
        Some(_) => EventTime::within_second(at),
        None => EventTime::exact(at),
    })
}

/// Splits `Z`, `+0100` or `+01:00` off the end. Without any of them the time is UTC.
fn split_offset(text: &str) -> Option<(&str, UtcOffset)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, UtcOffset::UTC));
    }
    // The date, too, holds hyphens.
    let Some((at, sign)) = text
        .char_indices()
        .skip(10)
        .find(|(_, c)| matches!(c, '+' | '-'))
    else {
        return Some((text, UtcOffset::UTC));
    };
    let (local, offset) = text.split_at_checked(at)?;
    let digits = offset.get(1..)?.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes): (i8, i8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let sign = if sign == '-' { -1 } else { 1 };
    let offset = UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?;
    Some((local, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<i64> {
        serde_json::from_str::<WireTime>(json)
            .unwrap()
            .time()
            .map(ProviderTime::millis)
    }

    #[test]
    fn reads_every_form_that_occurs() {
        assert_eq!(read(r#""2024-01-01 10:00:00""#), Some(1_704_103_200_000));
        assert_eq!(
            read(r#""2024-01-01 10:02:00+0000""#),
            Some(1_704_103_320_000)
        );
        assert_eq!(
            read(r#""2024-01-01 12:02:00+0200""#),
            Some(1_704_103_320_000)
        );
        assert_eq!(
            read(r#""2024-02-02 18:31:57.182""#),
            Some(1_706_898_717_182)
        );
        assert_eq!(
            read(r#""2024-02-02 18:31:57.182+0000""#),
            Some(1_706_898_717_182)
        );
        assert_eq!(read("1704103320123"), Some(1_704_103_320_123));
        for form in [
            r#""2024-01-01T10:02:00Z""#,
            r#""2024-01-01T10:02:00+00:00""#,
            r#""2024-01-01 10:02:00 +0000""#,
            r#""2024-01-01T12:02:00.000+02:00""#,
            r#""2024-01-01 08:02:00 -0200""#,
            r#""1704103320000""#,
            "1704103320000.0",
        ] {
            assert_eq!(read(form), Some(1_704_103_320_000), "{form}");
        }
        assert_eq!(
            read(r#""2024-01-01T10:02:00.182Z""#),
            Some(1_704_103_320_182)
        );
    }

    #[test]
    fn a_whole_second_is_not_taken_for_its_first_millisecond() {
        let event_time = |json: &str| serde_json::from_str::<WireTime>(json).unwrap().event_time();
        let at = ProviderTime::from_millis(1_704_103_320_000);
        let second = event_time(r#""2024-01-01 10:02:00+0000""#);
        assert_eq!(second, Some(EventTime::within_second(at)));
        let exact = event_time(r#""2024-01-01 10:02:00.000""#);
        assert_eq!(exact, Some(EventTime::exact(at)));
    }

    #[test]
    fn an_unreadable_text_is_no_time() {
        for json in [
            r#""""#,
            r#""yesterday""#,
            r#""2024-13-01 10:00:00""#,
            "null",
            "{}",
            "[1]",
            "0",
            "7",
            "1704103320",
            r#""1704103320""#,
            "-1704103320000",
            "1.5",
            r#""2024""#,
            r#""2024-01-01 10:00:00 +""#,
            r#""2024-01-01 10:00:00+99:99""#,
            r#""ü2024-01-01ü10:00:00+0000""#,
            "1e300",
            "true",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
