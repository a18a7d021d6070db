//! The provider's API, as its documentation describes it.

use std::borrow::Cow;
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

use crate::journal::RequestRecord;
use crate::model::{Action, ActionError, Applicant, ReviewResult, Target};
use crate::signature::Unauthorized;
use crate::store::ChangeError;
use crate::{Simulator, now, random_hex};

/// An error of the API, with the provider's description.
#[derive(Debug, Error)]
enum ApiError {
    #[error(transparent)]
    Unauthorized(#[from] Unauthorized),
    #[error("{0}")]
    Invalid(&'static str),
    #[error("{0}")]
    NotFound(&'static str),
    #[error(transparent)]
    Change(ChangeError),
}

const NO_APPLICANT: ApiError = ApiError::NotFound("Applicant not found");

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) | Self::Change(ChangeError::Action(_)) => StatusCode::BAD_REQUEST,
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

/// Responds to any request. Uses the target as sent, because the signature covers it.
pub(crate) async fn respond(
    State(simulator): State<Arc<Simulator>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = RequestRecord::new(method.as_str(), target, now());
    simulator.requests.add(request.clone());
    let response = match simulator.faults.response(&simulator.stop).await {
        Some(fault) => fault,
        None => genuine(&simulator, &method, target, &headers, &body),
    };
    request.set_status(response.status().as_u16());
    response
}

fn genuine(
    simulator: &Simulator,
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let checked = simulator
        .credentials
        .check(headers, method.as_str(), target, body, now());
    let result = checked
        .map_err(ApiError::from)
        .and_then(|()| route(simulator, method, target, body));
    match result {
        Ok(response) => Json(response).into_response(),
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
    let read = |who, json: fn(&Applicant) -> Value| find(simulator, who).map(|found| json(&found));
    match (method.as_str(), segments.as_slice()) {
        ("POST", ["resources", "accessTokens", "sdk"]) => token(simulator, &parse(body)?),
        ("GET", ["resources", "applicants", who, "one"]) => read(who, Applicant::json),
        ("GET", ["resources", "applicants", who, "status"]) => read(who, Applicant::review_json),
        ("GET", ["resources", "applicants", who, "requiredIdDocsStatus"]) => {
            read(who, Applicant::steps_json)
        }
        ("GET", ["resources", "applicants", who, "metadata", "resources"]) => {
            read(who, Applicant::images_json)
        }
        ("POST", ["resources", "applicants", who, "status", "testCompleted"]) => {
            let verdict: ReviewResult = parse(body)?;
            if !["GREEN", "RED"].contains(&verdict.review_answer.as_str()) {
                return Err(ApiError::Invalid("reviewAnswer is GREEN or RED"));
            }
            apply(simulator, who, Action::Review(verdict))
        }
        ("POST", ["resources", "applicants", who, "reset"]) => apply(simulator, who, Action::Reset),
        ("PATCH", ["resources", "applicants", who, "presence", "deactivated"]) => {
            apply(simulator, who, Action::Deactivate)
        }
        ("PATCH", ["resources", "applicants", who, "presence", "activated"]) => {
            apply(simulator, who, Action::Activate)
        }
        _ => Err(ApiError::NotFound("No such resource")),
    }
}

/// Creates a token, but no applicant, which the SDK creates.
fn token(simulator: &Simulator, request: &TokenRequest) -> Result<Value, ApiError> {
    if request.user_id.is_empty() {
        return Err(ApiError::Invalid("userId is empty"));
    }
    if !simulator.store.has_level(&request.level_name) {
        return Err(ApiError::NotFound("Level not found"));
    }
    Ok(json!({ "token": format!("_act-sbx-jwt-{}", random_hex(128)), "userId": request.user_id }))
}

/// Changes an applicant. Responds before the webhook is sent, as the provider does.
fn apply(simulator: &Simulator, who: &str, action: Action) -> Result<Value, ApiError> {
    let user = external_user_id(who)?;
    let target = user.as_deref().map_or(Target::Applicant(who), Target::User);
    let applied = simulator
        .apply(target, action)
        .map_err(|error| match error {
            ChangeError::Action(ActionError::NoApplicant) => NO_APPLICANT,
            error => ApiError::Change(error),
        });
    drop(applied?);
    Ok(json!({ "ok": 1 }))
}

/// Finds an applicant by the provider's id, or by the customer's in `-;externalUserId=…`.
fn find(simulator: &Simulator, who: &str) -> Result<Applicant, ApiError> {
    let found = match external_user_id(who)? {
        Some(user) => simulator.store.active(&user),
        None => simulator.store.by_id(who),
    };
    found.ok_or(NO_APPLICANT)
}

/// Returns the decoded id in `-;externalUserId=…`, or `None` for an id of the provider.
fn external_user_id(who: &str) -> Result<Option<Cow<'_, str>>, ApiError> {
    let encoded = who.strip_prefix("-;externalUserId=");
    let decoded = encoded.map(|encoded| percent_decode_str(encoded).decode_utf8());
    let invalid = |_| ApiError::Invalid("externalUserId is not UTF-8");
    decoded.transpose().map_err(invalid)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|_| ApiError::Invalid("The body is not what is expected"))
}
