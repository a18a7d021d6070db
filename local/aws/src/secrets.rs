//! Secrets Manager: serves the values of secrets.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    middleware,
    routing::post,
};
use local_hosts::local_names_only;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::net::TcpListener;

use crate::{
    account::{ACCOUNT_ID, region},
    iam::{Access, Guard, Iam},
    logs::Logs,
};

/// Returns the current values by name, or else a message. Called for each request, so that values can change at any time.
pub type Source = Arc<dyn Fn() -> Result<Map<String, Value>, String> + Send + Sync>;

/// Serves secrets until `shutdown`, as far as `iam` allows.
///
/// # Errors
/// Fails if the listener does.
pub async fn serve(
    listener: TcpListener,
    source: Source,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let guard = Guard {
        iam,
        logs,
        required: required_access,
        denied: "AccessDeniedException",
    };
    let router = Router::new()
        .route("/", post(get_secret_value))
        .layer(middleware::from_fn_with_state(guard, Guard::check))
        .layer(middleware::from_fn(local_names_only))
        .with_state(source);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
}

fn required_access(operation: &str, request: &Value) -> Vec<Access> {
    let access = Access {
        action: format!("secretsmanager:{operation}"),
        resource: name(secret_id(request)).to_owned(),
        attributes: BTreeSet::new(),
    };
    vec![access]
}

fn secret_id(request: &Value) -> &str {
    let id = request.get("SecretId").and_then(Value::as_str);
    id.unwrap_or_default()
}

fn arn(name: &str) -> String {
    let region = region();
    format!("arn:aws:secretsmanager:{region}:{ACCOUNT_ID}:secret:{name}-000000")
}

/// Returns the name of the secret that a request identifies by name or ARN.
fn name(id: &str) -> &str {
    let name = id
        .strip_prefix("arn:")
        .and_then(|rest| rest.rsplit(':').next())
        .and_then(|name| name.strip_suffix("-000000"));
    name.filter(|name| arn(name) == id).unwrap_or(id)
}

type ErrorResponse = (StatusCode, Json<Value>);

async fn get_secret_value(
    State(source): State<Source>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, ErrorResponse> {
    let target = headers.get("x-amz-target").map(AsRef::as_ref);
    if target != Some(b"secretsmanager.GetSecretValue".as_slice()) {
        return Err(client_error(
            "UnknownOperationException",
            "Only GetSecretValue is known here.",
        ));
    }
    let request: Value = serde_json::from_slice(&body)
        .map_err(|_| client_error("SerializationException", "The request is not JSON."))?;
    let name = name(secret_id(&request));
    let values = source().map_err(|message| {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            Json(json!({ "__type": "InternalServiceError", "message": message })),
        )
    })?;
    let value = values.get(name).ok_or_else(|| {
        client_error(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        )
    })?;
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let mut version = hex::encode(Sha256::digest(&text));
    version.truncate(32);
    Ok(Json(json!({
        "ARN": arn(name),
        "Name": name,
        "SecretString": text,
        "VersionId": version,
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": OffsetDateTime::now_utc().unix_timestamp(),
    })))
}

fn client_error(kind: &str, message: &str) -> ErrorResponse {
    (
        StatusCode::BAD_REQUEST,
        Json(json!({ "__type": kind, "message": message })),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// Requests the value of a secret from a service that has one secret, `Key`.
    async fn get(id: &str) -> Result<Value, Value> {
        let source: Source = Arc::new(|| {
            let value = json!({ "secrets": ["a", "b"] });
            Ok(Map::from_iter([("Key".to_owned(), value)]))
        });
        let headers = HeaderMap::from_iter([(
            "x-amz-target".parse().unwrap(),
            "secretsmanager.GetSecretValue".parse().unwrap(),
        )]);
        let body = json!({ "SecretId": id }).to_string().into();
        get_secret_value(State(source), headers, body)
            .await
            .map(|Json(value)| value)
            .map_err(|(_, Json(value))| value)
    }

    #[tokio::test]
    async fn a_secret_is_found_by_name_and_arn() {
        for id in ["Key", &arn("Key")] {
            let found = get(id).await.unwrap();
            assert_eq!(found["Name"], "Key");
            assert_eq!(found["SecretString"], r#"{"secrets":["a","b"]}"#);
        }
    }

    #[tokio::test]
    async fn an_unknown_secret_is_not_found() {
        let elsewhere = arn("Key").replace(ACCOUNT_ID, "210987654321");
        for id in ["Other", &elsewhere] {
            let error = get(id).await.unwrap_err();
            assert_eq!(error["__type"], "ResourceNotFoundException");
        }
    }
}
