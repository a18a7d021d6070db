//! Web pages that may call the API from a browser (CORS, as the Fetch standard defines it).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;

use crate::platform::is_secure;

/// Headers of a response that a page may read.
pub(super) const READABLE: [(HeaderName, &str); 1] = [(
    ACCESS_CONTROL_EXPOSE_HEADERS,
    "Retry-After, X-Amzn-RequestId",
)];

/// Methods and headers of the routes, for pages to remember for two hours.
pub(super) const CALLS: [(HeaderName, &str); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        "x-juno-jwt, content-type, x-timestamp-format",
    ),
    (ACCESS_CONTROL_MAX_AGE, "7200"),
];

/// The origins of the pages that may call. There are no credentials to allow: the token is sent as a header by the page itself.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<Allowed>);

#[derive(Debug, Clone)]
enum Allowed {
    /// This origin and no other.
    One(HeaderValue),
    /// This origin on the developer's own machine, up to its port, which may be any.
    AnyPort(String),
}

impl Allowed {
    fn admits(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::One(allowed) => allowed == origin,
            Self::AnyPort(host) => {
                let port = origin
                    .to_str()
                    .ok()
                    .and_then(|text| text.strip_prefix(host));
                port.is_some_and(|port| {
                    !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
                })
            }
        }
    }
}

impl Origins {
    /// Reads origins separated by commas, such as `https://app.example.com`. Plain `http:` is for the developer's own machine, where `*` may
    /// stand for the port.
    ///
    /// # Errors
    /// A sentence that says what an origin is. `*` is none.
    pub fn parse(list: &str) -> Result<Self, &'static str> {
        let origins = list.split(',').map(|origin| parse(origin.trim()));
        origins.collect::<Result<_, _>>().map(Self)
    }

    /// Returns the origin of a request, if it is one of these.
    pub(super) fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = request.get_all(ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return None;
        };
        let mut allowed = self.0.iter();
        allowed
            .any(|allowed| allowed.admits(origin))
            .then(|| origin.clone())
    }
}

/// Adds the headers for a page of `origin`, if that is an allowed one, and those of `more`.
pub(super) fn allow(
    origin: Option<HeaderValue>,
    more: &[(HeaderName, &'static str)],
    answer: &mut HeaderMap,
) {
    answer.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in more {
            answer.insert(name, HeaderValue::from_static(value));
        }
    }
}

fn parse(origin: &str) -> Result<Allowed, &'static str> {
    const WRONG: &str = "not a list of origins like https://app.example.com";
    if let Some(host) = origin.strip_suffix(":*") {
        return match parse(host)? {
            Allowed::One(_) if host.starts_with("http:") => {
                Ok(Allowed::AnyPort(format!("{host}:")))
            }
            Allowed::One(_) | Allowed::AnyPort(_) => Err(WRONG),
        };
    }
    let url = Url::parse(origin).map_err(|_| WRONG)?;
    // As browsers write it: without path, default port and upper case.
    if is_secure(&url) && !origin.contains('*') && url.origin().ascii_serialization() == origin {
        let origin = HeaderValue::from_str(origin);
        origin.map(Allowed::One).map_err(|_| WRONG)
    } else {
        Err(WRONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(origin: Option<&str>) -> HeaderMap {
        let origins = Origins::parse("https://app.example.com, http://localhost:5173").unwrap();
        let request = origin.map(|origin| (ORIGIN, origin.parse().unwrap()));
        let mut answer = HeaderMap::new();
        let origin = origins.allowed(&request.into_iter().collect());
        allow(origin, &READABLE, &mut answer);
        answer
    }

    #[test]
    fn any_port_of_this_machine_may_be_allowed() {
        let origins = Origins::parse("http://localhost:*,http://127.0.0.1:*").unwrap();
        let allows = |origin: &str| {
            let request = HeaderMap::from_iter([(ORIGIN, origin.parse().unwrap())]);
            origins.allowed(&request).is_some()
        };
        for origin in ["http://localhost:5173", "http://127.0.0.1:8080"] {
            assert!(allows(origin), "{origin}");
        }
        for origin in [
            "http://localhost",
            "http://localhost:",
            "http://localhost:80.evil.example",
            "http://localhost.evil.example:80",
            "https://localhost:5173",
        ] {
            assert!(!allows(origin), "{origin}");
        }
        for list in [
            "https://app.example.com:*",
            "http://evil.example:*",
            "http://localhost:*:*",
        ] {
            assert!(Origins::parse(list).is_err(), "{list}");
        }
    }

    #[test]
    fn only_configured_origins_are_allowed() {
        for origin in ["https://app.example.com", "http://localhost:5173"] {
            assert_eq!(answered(Some(origin))[ACCESS_CONTROL_ALLOW_ORIGIN], origin);
        }
        for origin in [
            None,
            Some("null"),
            Some("https://evil.example"),
            Some("https://app.example.com.evil.example"),
            Some("http://app.example.com"),
            Some("https://app.example.com:444"),
        ] {
            let answer = answered(origin);
            assert!(
                !answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN),
                "{origin:?}"
            );
            assert_eq!(answer[VARY], "Origin");
        }
    }

    #[test]
    fn an_origin_is_what_browsers_send() {
        for wrong in [
            "*",
            "null",
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com:443",
            "https://App.example.com",
            "https://*.example.com",
            "http://app.example.com",
            "https://a.example,*",
        ] {
            assert!(Origins::parse(wrong).is_err(), "{wrong}");
        }
    }
}
