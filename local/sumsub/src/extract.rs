//! The control API's input, and how it refuses what it cannot use.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;

use crate::applicants::Refused;
use crate::store::ChangeError;

/// Why the control API does not do what it was asked to.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Input(String),
    #[error("There is nothing at this path.")]
    Path,
    #[error("This path knows other methods.")]
    Method,
    #[error("The simulator is stopping.")]
    Stopping,
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Path | Self::Change(ChangeError::Refused(Refused::NoApplicant)) => {
                StatusCode::NOT_FOUND
            }
            Self::Input(_) | Self::Change(ChangeError::Refused(_)) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Change(ChangeError::Io(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

/// What stands in the path, decoded.
pub(crate) struct FromPath<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for FromPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refusal::Input(rejection.body_text())),
        }
    }
}

/// A JSON body whatever its declared type; no body is an empty object.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Refusal::Input(rejection.body_text()))?;
        let json = if bytes.is_empty() {
            b"{}"
        } else {
            bytes.as_ref()
        };
        serde_json::from_slice(json)
            .map(Self)
            .map_err(|error| Refusal::Input(format!("The body does not fit: {error}.")))
    }
}
