//! The JSON of the responses, one file for each. Members stand in the order of the contract's samples. All are always present,
//! except links that do not apply, and `onboarding` if nobody asked for it.

mod access_token;
mod delivery;
mod details;
mod operator;
mod status;
mod user;

pub use access_token::AccessTokenView;
pub use delivery::DeliveryView;
pub use details::DetailsView;
pub use operator::{
    ErasedAgainView, ErasureView, ExportView, HistoryView, ImportView, NameView, OperatorView,
    OverdueView, ReplayView, WaitingView,
};
pub use status::StatusView;
pub use user::{OnboardingView, UserView};

use std::future::Future;
use std::time::Duration;

use ::time::OffsetDateTime;
use http::HeaderMap;
use serde::{Serialize, Serializer};

use super::{Response, Route};
use crate::kyc::{Personal, ProviderTime, Timestamp};

/// The body of a 200.
pub trait View: Serialize {
    /// Returns the time after which it is worth asking again, if something is awaited.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

impl<V: View> From<V> for Response {
    fn from(view: V) -> Self {
        Self::json(&view, view.retry_after())
    }
}

#[derive(Serialize)]
struct Link {
    href: Href,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

/// A path, with a query that begins with its question mark.
struct Href(Route, &'static str);

impl Serialize for Href {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}{}", self.0.path(), self.1))
    }
}

impl Link {
    fn get(route: Route) -> Self {
        Self::get_with(route, "")
    }

    fn get_with(route: Route, query: &'static str) -> Self {
        Self {
            href: Href(route, query),
            method: None,
        }
    }

    fn post(route: Route) -> Self {
        Self {
            href: Href(route, ""),
            method: Some("POST"),
        }
    }
}

tokio::task_local! {
    /// The form of times in the response that is being made.
    static TIME_FORMAT: TimeFormat;
}

/// The form of times in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// Milliseconds since 1970, as in the contract.
    Millis,
    /// RFC 3339, a profile of ISO 8601.
    Iso8601,
}

impl TimeFormat {
    /// Reads `x-timestamp-format`, which the client's published SDK may send. What it does not know is milliseconds.
    pub(super) fn of(request: &HeaderMap) -> Self {
        match request.get("x-timestamp-format") {
            Some(format) if format.as_bytes().eq_ignore_ascii_case(b"iso8601") => Self::Iso8601,
            Some(_) | None => Self::Millis,
        }
    }

    /// Has all views that `work` makes write times in this form.
    pub(super) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        TIME_FORMAT.scope(self, work).await
    }
}

/// A time of the provider or of ours, in milliseconds.
struct Time(i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0;
        match TIME_FORMAT.try_with(|format| *format) {
            Ok(TimeFormat::Iso8601) => iso8601(millis).serialize(serializer),
            Ok(TimeFormat::Millis) | Err(_) => millis.serialize(serializer),
        }
    }
}

/// Returns a time in UTC as RFC 3339 wants it, with a fraction only if there is one. The formatter of `time` would be 1 % of a function.
fn iso8601(millis: i64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).ok()?;
    let (date, (hour, minute, second)) = (time.date(), time.to_hms());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let fraction = match millis.rem_euclid(1000) {
        0 => String::new(),
        fraction => format!(".{fraction:03}"),
    };
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"
    ))
}

fn time(time: Option<ProviderTime>) -> Option<Time> {
    time.map(|time| Time(time.millis()))
}

fn our_time(time: Option<Timestamp>) -> Option<Time> {
    time.map(|time| Time(time.millis()))
}

fn revealed(text: Option<&Personal>) -> Option<&str> {
    text.map(Personal::reveal)
}

#[cfg(test)]
mod tests {
    use super::iso8601;

    #[test]
    fn texts_of_times_have_a_fraction_only_if_there_is_one() {
        for (millis, text) in [
            (1_704_103_320_000, "2024-01-01T10:02:00Z"),
            (1_704_103_320_123, "2024-01-01T10:02:00.123Z"),
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z"),
        ] {
            assert_eq!(iso8601(millis).unwrap(), text);
        }
        assert_eq!(iso8601(i64::MAX), None);
    }
}
