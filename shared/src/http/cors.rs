//! Which web pages may call the API from a browser (CORS, as the Fetch standard defines it).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};
use reqwest::Url;

/// The origins of the pages that may. There are no credentials to allow: the token is sent as a header by the page itself.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<HeaderValue>);

impl Origins {
    /// Origins separated by commas, such as `https://app.example.com`; plain `http:` is for the developer's own machine.
    ///
    /// # Errors
    /// The sentence says what an origin is. `*` is none.
    pub fn parse(list: &str) -> Result<Self, &'static str> {
        list.split(',').map(|origin| parse(origin.trim())).collect()
    }

    /// What the answer to a request with these headers says of them.
    pub(super) fn apply(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        answer.insert(VARY, HeaderValue::from_static("Origin"));
        let mut origins = request.get_all(ORIGIN).iter();
        if let (Some(origin), None) = (origins.next(), origins.next())
            && self.0.contains(origin)
        {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("Retry-After, X-Amzn-RequestId"),
            );
        }
    }

    /// What else the answer to a preflight request says: how the routes are called, for two hours.
    pub(super) fn apply_preflight(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        self.apply(request, answer);
        if answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            answer.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
            for (name, value) in [
                (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
                (ACCESS_CONTROL_ALLOW_HEADERS, "x-juno-jwt, content-type"),
                (ACCESS_CONTROL_MAX_AGE, "7200"),
            ] {
                answer.insert(name, HeaderValue::from_static(value));
            }
        }
    }
}

impl FromIterator<HeaderValue> for Origins {
    fn from_iter<I: IntoIterator<Item = HeaderValue>>(origins: I) -> Self {
        Self(origins.into_iter().collect())
    }
}

fn parse(origin: &str) -> Result<HeaderValue, &'static str> {
    const WRONG: &str = "not a list of origins like https://app.example.com";
    let url = Url::parse(origin).map_err(|_| WRONG)?;
    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let secure = url.scheme() == "https" || (url.scheme() == "http" && local);
    // As browsers write it: without path, default port and upper case.
    if secure && !origin.contains('*') && url.origin().ascii_serialization() == origin {
        HeaderValue::from_str(origin).map_err(|_| WRONG)
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
        origins.apply(&request.into_iter().collect(), &mut answer);
        answer
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
