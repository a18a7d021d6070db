//! The provider's own API, by what its documentation says.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use crate::applicants::{Applicant, Change, Refused, ReviewResult, is_level};
use crate::clock::Moment;
use crate::journal::Request;
use crate::shapes;
use crate::signature::Unauthorized;
use crate::store::ChangeError;
use crate::{Simulator, random_hex};

/// What goes wrong, in the provider's way of saying so.
#[derive(Debug, Error)]
enum ApiError {
    #[error(transparent)]
    Unauthorized(#[from] Unauthorized),
    #[error("{0}")]
    Invalid(&'static str),
    #[error("{0}")]
    NotFound(&'static str),
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) | Self::Change(ChangeError::Refused(Refused::NoApplicant)) => {
                StatusCode::NOT_FOUND
            }
            Self::Invalid(_) | Self::Change(ChangeError::Refused(_)) => StatusCode::BAD_REQUEST,
            Self::Change(ChangeError::Io(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    user_id: String,
    level_name: String,
}

/// Answers any request to the provider. The target is taken as it was sent: the signature covers just that.
pub(crate) async fn answer(
    State(simulator): State<Arc<Simulator>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::new(method.as_str(), target, Moment::now());
    simulator.requests.add(request.clone());
    let response = match simulator.faults.strike(&simulator.stop).await {
        Some(fault) => fault,
        None => genuine(&simulator, &method, target, &headers, &body),
    };
    request.answered(response.status().as_u16());
    response
}

fn genuine(
    simulator: &Simulator,
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let checked =
        simulator
            .credentials
            .check(headers, method.as_str(), target, body, Moment::now());
    let answer = checked
        .map_err(ApiError::from)
        .and_then(|()| route(simulator, method, target, body));
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => {
            let status = error.status();
            let body = json!({
                "description": error.to_string(),
                "code": status.as_u16(),
                "correlationId": random_hex(32),
            });
            (status, Json(body)).into_response()
        }
    }
}

fn route(
    simulator: &Simulator,
    method: &Method,
    target: &str,
    body: &[u8],
) -> Result<Value, ApiError> {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (method.as_str(), segments.as_slice()) {
        ("POST", ["resources", "accessTokens", "sdk"]) => token(&parse(body)?),
        ("GET", ["resources", "applicants", who, "one"]) => {
            find(simulator, who).map(|found| shapes::applicant(&found))
        }
        ("GET", ["resources", "applicants", who, "status"]) => {
            find(simulator, who).map(|found| shapes::review(&found))
        }
        ("GET", ["resources", "applicants", who, "requiredIdDocsStatus"]) => {
            find(simulator, who).map(|found| shapes::required_docs(&found))
        }
        ("GET", ["resources", "applicants", who, "metadata", "resources"]) => {
            find(simulator, who).map(|found| shapes::resources(&found))
        }
        ("POST", ["resources", "applicants", who, "status", "testCompleted"]) => {
            let verdict: ReviewResult = parse(body)?;
            if !["GREEN", "RED"].contains(&verdict.review_answer.as_str()) {
                return Err(ApiError::Invalid("reviewAnswer is GREEN or RED"));
            }
            change(simulator, who, Change::Review(verdict))
        }
        ("POST", ["resources", "applicants", who, "reset"]) => {
            change(simulator, who, Change::Reset)
        }
        _ => Err(ApiError::NotFound("No such resource")),
    }
}

/// Makes a token. No applicant comes of it: that is left to the SDK.
fn token(request: &TokenRequest) -> Result<Value, ApiError> {
    if request.user_id.is_empty() {
        return Err(ApiError::Invalid("userId is empty"));
    }
    if !is_level(&request.level_name) {
        return Err(ApiError::NotFound("Level not found"));
    }
    Ok(json!({ "token": format!("_act-sbx-jwt-{}", random_hex(128)), "userId": request.user_id }))
}

/// Answers before the webhook is sent, as the provider does.
fn change(simulator: &Simulator, who: &str, change: Change) -> Result<Value, ApiError> {
    let applicant = find(simulator, who)?;
    let (_, attempts) = simulator.change(&applicant.user, change)?;
    drop(attempts);
    Ok(json!({ "ok": 1 }))
}

/// By the provider's id, or by the client's in `-;externalUserId=…`, percent-encoded.
fn find(simulator: &Simulator, who: &str) -> Result<Applicant, ApiError> {
    let found = match who.strip_prefix("-;externalUserId=") {
        Some(encoded) => {
            let user = percent_decode_str(encoded)
                .decode_utf8()
                .map_err(|_| ApiError::Invalid("externalUserId is not UTF-8"))?;
            simulator.store.by_user(&user)
        }
        None => simulator.store.by_id(who),
    };
    found.ok_or(ApiError::NotFound("Applicant not found"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|_| ApiError::Invalid("The body is not what is expected"))
}
