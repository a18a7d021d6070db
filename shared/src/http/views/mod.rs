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
pub use user::UserView;

use std::time::Duration;

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

fn millis(time: Option<ProviderTime>) -> Option<i64> {
    time.map(ProviderTime::millis)
}

fn revealed(text: Option<&Personal>) -> Option<&str> {
    text.map(Personal::reveal)
}
