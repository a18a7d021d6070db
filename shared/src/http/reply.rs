//! Answers.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use lambda_http::Body;
use serde::Serialize;

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

    /// The HTTP response. No answer of ours may be kept by a cache or taken for something else than it says it is.
    pub(super) fn into_response(self) -> Response<Body> {
        let body = if self.body.is_empty() {
            Body::Empty
        } else {
            Body::Text(self.body)
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
