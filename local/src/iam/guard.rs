//! What stands before a service and lets nothing pass that is not allowed.

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

use super::{Iam, Need};
use crate::logs::Logs;

/// Decides about the requests of one service.
#[derive(Clone)]
pub(crate) struct Guard {
    /// Who may do what.
    pub(crate) iam: Arc<Iam>,
    /// Where a developer reads what was refused.
    pub(crate) logs: Arc<Logs>,
    /// What an operation with this body does.
    pub(crate) needs: fn(&str, &Value) -> Vec<Need>,
    /// The service's name of the error.
    pub(crate) refusal: &'static str,
}

impl Guard {
    /// Passes a request on, or answers it as AWS does when it is not allowed.
    pub(crate) async fn check(State(guard): State<Self>, request: Request, next: Next) -> Response {
        let (head, body) = request.into_parts();
        // The service behind has a bound of its own.
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        match guard.refused(&head.headers, &body) {
            Some(refusal) => refusal,
            None => next.run(Request::from_parts(head, Body::from(body))).await,
        }
    }

    fn refused(&self, headers: &HeaderMap, body: &Bytes) -> Option<Response> {
        // What is no operation, or is not JSON, is for the service to refuse: it does nothing.
        let target = headers.get("x-amz-target")?.to_str().ok()?;
        let (_, operation) = target.rsplit_once('.')?;
        let needs = (self.needs)(operation, &serde_json::from_slice(body).ok()?);
        let denied = self.iam.authorize(headers, &needs).err()?;
        let message = denied.to_string();
        let attributes = denied.need.attributes.iter().cloned().collect::<Vec<_>>();
        // The message does not tell whether a condition was at fault.
        let details = if attributes.is_empty() {
            String::new()
        } else {
            format!(" (attributes: {})", attributes.join(", "))
        };
        self.logs
            .push(denied.function, format!("{message}{details}"));
        let body = json!({ "__type": self.refusal, "Message": message });
        Some((StatusCode::BAD_REQUEST, Json(body)).into_response())
    }
}
