//! The input and the errors of the control API.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;

use crate::model::ActionError;
use crate::store::ChangeError;

/// An error of the control API.
#[derive(Debug, Error)]
pub(crate) enum ControlError {
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

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Path | Self::Change(ChangeError::Action(ActionError::NoApplicant)) => {
                StatusCode::NOT_FOUND
            }
            Self::Input(_) | Self::Change(ChangeError::Action(_)) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Change(ChangeError::Io(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

/// The parameters in the path, decoded.
pub(crate) struct FromPath<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for FromPath<T> {
    type Rejection = ControlError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ControlError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ControlError::Input(rejection.body_text())),
        }
    }
}

/// A JSON body of any declared type. A missing body is an empty object.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ControlError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| ControlError::Input(rejection.body_text()))?;
        let json = if bytes.is_empty() {
            b"{}"
        } else {
            bytes.as_ref()
        };
        serde_json::from_slice(json)
            .map(Self)
            .map_err(|error| ControlError::Input(format!("The body does not fit: {error}.")))
    }
}
