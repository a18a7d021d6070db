//! Middleware that refuses the requests to a service that IAM does not allow.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Access, Iam};
use crate::logs::Logs;

/// The guard of one service.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) iam: Arc<Iam>,
    /// Receives a line for each refused request.
    pub(crate) logs: Arc<Logs>,
    /// Returns the access that an operation with this request body requires.
    pub(crate) required: fn(&str, &Value) -> Vec<Access>,
    /// The service's name of the error.
    pub(crate) denied: &'static str,
}

impl Guard {
    /// Passes an allowed request on. Responds to any other as AWS does.
    pub(crate) async fn check(State(guard): State<Self>, request: Request, next: Next) -> Response {
        let (head, body) = request.into_parts();
        // The service limits the size.
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        match guard.denial(&head.headers, &body) {
            Some(response) => response,
            None => next.run(Request::from_parts(head, Body::from(body))).await,
        }
    }

    fn denial(&self, headers: &HeaderMap, body: &Bytes) -> Option<Response> {
        // The service itself refuses a request without operation or JSON.
        let target = headers.get("x-amz-target")?.to_str().ok()?;
        let (_, operation) = target.rsplit_once('.')?;
        let required = (self.required)(operation, &serde_json::from_slice(body).ok()?);
        let denied = self.iam.authorize(headers, &required).err()?;
        let message = denied.to_string();
        let attributes = denied.access.attributes.iter().cloned().collect::<Vec<_>>();
        // The message does not say whether a condition was the reason.
        let details = if attributes.is_empty() {
            String::new()
        } else {
            format!(" (attributes: {})", attributes.join(", "))
        };
        self.logs
            .push(denied.function, format!("{message}{details}"));
        let body = json!({ "__type": self.denied, "Message": message });
        Some((StatusCode::BAD_REQUEST, Json(body)).into_response())
    }
}
