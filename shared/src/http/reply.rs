//! Answers.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use lambda_http::Body;
use serde::Serialize;

/// What every answer says to browsers and caches (OWASP REST Security Cheat Sheet): keep nothing, guess no type, run nothing,
/// show it in no frame, come by HTTPS only. The gateway responses of `template.yaml` say the same.
const FOR_ALL: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "sandbox"),
    (REFERRER_POLICY, "no-referrer"),
    (STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

/// No answer has more headers, those for web pages among them.
const MAX_HEADERS: usize = 12;

/// An answer of ours.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    content_type: Option<&'static str>,
    retry_after: Option<u64>,
    body: String,
}

impl Reply {
    /// 200 with a body.
    ///
    /// # Errors
    /// When `body` cannot be JSON, which no type of ours does.
    pub(super) fn json(body: &impl Serialize) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_string(body)?;
        Ok(Self {
            status: StatusCode::OK,
            content_type: Some("application/json"),
            retry_after: None,
            body,
        })
    }

    /// 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            content_type: None,
            retry_after: None,
            body: String::new(),
        }
    }

    /// An error (RFC 9457). `retry_after` is in seconds.
    pub(super) fn problem(status: StatusCode, retry_after: Option<u64>, body: String) -> Self {
        Self {
            status,
            content_type: Some("application/problem+json"),
            retry_after,
            body,
        }
    }

    /// The status.
    pub(super) fn status_code(&self) -> StatusCode {
        self.status
    }

    /// The HTTP response.
    pub(super) fn into_response(self) -> Response<Body> {
        let body = if self.body.is_empty() {
            Body::Empty
        } else {
            Body::Text(self.body)
        };
        let mut response = Response::new(body);
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
        response
    }
}
