//! The forms in which Sumsub writes a time.

use serde::Deserialize;
use serde::de::IgnoredAny;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::kyc::Timestamp;

/// A time on the wire: text in one of several forms, or milliseconds since the Unix epoch. All are UTC unless the text says
/// otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum WireTime {
    Millis(i64),
    Text(String),
    Other(IgnoredAny),
}

impl WireTime {
    /// None for what cannot be read.
    pub(super) fn timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::Millis(millis) => Some(Timestamp::from_millis(*millis)),
            Self::Text(text) => parse(text.trim()),
            Self::Other(_) => None,
        }
    }

    /// The time as it was sent, which makes two deliveries of one event recognisable also where it cannot be read.
    pub(super) fn as_sent(&self) -> String {
        match self {
            Self::Millis(millis) => millis.to_string(),
            Self::Text(text) => text.clone(),
            Self::Other(_) => String::new(),
        }
    }
}

const ZONED: [StaticFormatDescription; 2] = [
    format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second][offset_hour sign:mandatory][offset_minute]"
    ),
    format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond][offset_hour sign:mandatory][offset_minute]"
    ),
];
const UTC: [StaticFormatDescription; 2] = [
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"),
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond]"),
];

fn parse(text: &str) -> Option<Timestamp> {
    let zoned = ZONED
        .iter()
        .find_map(|form| OffsetDateTime::parse(text, form).ok());
    let time = zoned.or_else(|| {
        UTC.iter()
            .find_map(|form| PrimitiveDateTime::parse(text, form).ok())
            .map(PrimitiveDateTime::assume_utc)
    })?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000)
        .ok()
        .map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<i64> {
        serde_json::from_str::<WireTime>(json)
            .unwrap()
            .timestamp()
            .map(Timestamp::millis)
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
    }

    #[test]
    fn what_cannot_be_read_is_no_time() {
        for json in [
            r#""""#,
            r#""yesterday""#,
            r#""2024-13-01 10:00:00""#,
            "null",
            "{}",
            "[1]",
            "1.5",
            "true",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
