//! The JSON of the responses, one file for each. Members stand in the order of the contract's samples. All are always present,
//! except links that do not apply, and `onboarding` if nobody asked for it.

mod access_token;
mod delivery;
mod details;
mod status;
mod user;

pub use access_token::AccessTokenView;
pub use delivery::DeliveryView;
pub use details::DetailsView;
pub use status::StatusView;
pub use user::{OnboardingView, UserView};

use std::future::Future;
use std::time::Duration;

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use http::HeaderMap;
use serde::{Serialize, Serializer};

use super::{Response, Route};
use crate::kyc::{Personal, ProviderTime};

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

/// A time of the provider.
struct Time(ProviderTime);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.millis();
        match TIME_FORMAT.try_with(|format| *format) {
            Ok(TimeFormat::Iso8601) => {
                let time =
                    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
                let text = time.ok().and_then(|time| time.format(&Rfc3339).ok());
                text.serialize(serializer)
            }
            Ok(TimeFormat::Millis) | Err(_) => millis.serialize(serializer),
        }
    }
}

fn time(time: Option<ProviderTime>) -> Option<Time> {
    time.map(Time)
}

fn revealed(text: Option<&Personal>) -> Option<&str> {
    text.map(Personal::reveal)
}
