//! Responses.

use std::time::Duration;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use lambda_http::Body;
use serde::Serialize;

/// Headers of every response, for browsers and caches (OWASP REST Security Cheat Sheet): keep nothing, guess no type, run nothing,
/// show it in no frame, come by HTTPS only. The gateway responses of `template.yaml` bear the same.
const FOR_ALL: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "sandbox"),
    (REFERRER_POLICY, "no-referrer"),
    (STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

/// Maximum number of headers of a response, those for web pages among them.
const MAX_HEADERS: usize = 12;

/// A response to a request.
#[derive(Debug)]
pub struct Response {
    status: StatusCode,
    content_type: Option<&'static str>,
    retry_after: Option<u64>,
    challenge: Option<&'static str>,
    body: String,
}

impl Response {
    /// Makes a 200 with a body. Views consist of texts, numbers and lists, which are always JSON; anything else is a 500.
    pub(super) fn json(view: &impl Serialize, retry_after: Option<Duration>) -> Self {
        match serde_json::to_string(view) {
            Ok(body) => Self {
                status: StatusCode::OK,
                content_type: Some("application/json"),
                retry_after: retry_after.map(|after| after.as_secs()),
                challenge: None,
                body,
            },
            Err(_) => Self {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                ..Self::no_content()
            },
        }
    }

    /// Makes a 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            content_type: None,
            retry_after: None,
            challenge: None,
            body: String::new(),
        }
    }

    /// Makes an error (RFC 9457). `retry_after` is in seconds; `challenge` is for a 401.
    pub(super) fn problem(
        status: StatusCode,
        retry_after: Option<u64>,
        challenge: Option<&'static str>,
        body: String,
    ) -> Self {
        Self {
            status,
            content_type: Some("application/problem+json"),
            retry_after,
            challenge,
            body,
        }
    }

    /// Returns the status.
    pub(super) fn status_code(&self) -> StatusCode {
        self.status
    }

    /// Returns the response for Lambda.
    pub(super) fn into_http(self) -> http::Response<Body> {
        let body = if self.body.is_empty() {
            Body::Empty
        } else {
            Body::Text(self.body)
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.reserve(MAX_HEADERS);
        for (name, value) in FOR_ALL {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // API Gateway renames it to `x-amzn-Remapped-WWW-Authenticate` (API Gateway Developer Guide, "Amazon API Gateway important notes").
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}
