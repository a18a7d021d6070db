//! Secrets Manager: serves what `secrets.json` in the data directory holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    middleware,
    routing::post,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{
    Error,
    aws::{ACCOUNT_ID, region},
    data::{Data, read, write_private},
    iam::{Guard, Iam, Need},
    logs::Logs,
    token::Signer,
};

/// The secrets of a run, by logical id.
pub(crate) struct Secrets {
    /// Where they may be edited while the system runs.
    file: Option<PathBuf>,
    /// What to serve where there is no file.
    values: Map<String, Value>,
    /// What to serve whatever the file says.
    overrides: BTreeMap<String, Value>,
}

impl Secrets {
    /// Reads the secrets; where there is no file yet, writes the well-known ones of development, to be edited.
    pub(crate) fn load(
        data: &Data,
        signer: &Signer,
        overrides: BTreeMap<String, Value>,
    ) -> Result<Self, Error> {
        let file = data.path("secrets.json");
        let values = development(signer);
        if let Some(file) = &file
            && read(file)?.is_none()
        {
            write_private(
                file,
                format!("{:#}\n", Value::from(values.clone())).as_bytes(),
            )?;
        }
        Ok(Self {
            file,
            values,
            overrides,
        })
    }

    /// The secrets as they are now.
    pub(crate) fn current(&self) -> Result<Map<String, Value>, Error> {
        let mut values = match &self.file {
            Some(file) => parse(file)?,
            None => self.values.clone(),
        };
        values.extend(self.overrides.clone());
        Ok(values)
    }
}

fn parse(file: &Path) -> Result<Map<String, Value>, Error> {
    let Some(text) = read(file)? else {
        return Ok(Map::new());
    };
    let unusable = |error: serde_json::Error| Error::Content {
        path: file.to_owned(),
        reason: error.to_string(),
    };
    serde_json::from_slice(&text).map_err(unusable)
}

/// The secrets, by logical id, that are accepted on every laptop and nowhere else.
#[must_use]
pub fn development(signer: &Signer) -> Map<String, Value> {
    let provider =
        json!({ "app_token": "sbx:local-development", "secret_key": "local-development-key" });
    let webhook = json!({ "secrets": ["local-development-webhook-secret"] });
    Map::from_iter([
        ("JwksSecret".to_owned(), json!({ "keys": [signer.jwk()] })),
        ("ProviderSecret".to_owned(), provider),
        ("WebhookSecret".to_owned(), webhook),
    ])
}

/// Serves the secrets until `shutdown`, to those who may read them.
pub(crate) async fn serve(
    listener: tokio::net::TcpListener,
    secrets: Arc<Secrets>,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let guard = Guard {
        iam,
        logs,
        needs,
        refusal: "AccessDeniedException",
    };
    let router = Router::new()
        .route("/", post(answer))
        .layer(middleware::from_fn_with_state(guard, Guard::check))
        .with_state(secrets);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
}

/// The one need of an operation on a secret.
fn needs(operation: &str, request: &Value) -> Vec<Need> {
    let need = Need {
        action: format!("secretsmanager:{operation}"),
        resource: name(secret_id(request)).to_owned(),
        attributes: BTreeSet::new(),
    };
    vec![need]
}

fn secret_id(request: &Value) -> &str {
    let id = request.get("SecretId").and_then(Value::as_str);
    id.unwrap_or_default()
}

fn arn(name: &str) -> String {
    let region = region();
    format!("arn:aws:secretsmanager:{region}:{ACCOUNT_ID}:secret:{name}-000000")
}

/// The name in what names a secret: that name or its ARN.
fn name(id: &str) -> &str {
    let name = id
        .strip_prefix("arn:")
        .and_then(|rest| rest.rsplit(':').next())
        .and_then(|name| name.strip_suffix("-000000"));
    name.filter(|name| arn(name) == id).unwrap_or(id)
}

type Refusal = (StatusCode, Json<Value>);

async fn answer(
    State(secrets): State<Arc<Secrets>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let target = headers.get("x-amz-target").map(AsRef::as_ref);
    if target != Some(b"secretsmanager.GetSecretValue".as_slice()) {
        return Err(refusal(
            "UnknownOperationException",
            "Only GetSecretValue is known here.",
        ));
    }
    let request: Value = serde_json::from_slice(&body)
        .map_err(|_| refusal("SerializationException", "The request is not JSON."))?;
    let name = name(secret_id(&request));
    let values = secrets.current().map_err(|error| {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            Json(json!({ "__type": "InternalServiceError", "message": error.to_string() })),
        )
    })?;
    let value = values.get(name).ok_or_else(|| {
        refusal(
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

fn refusal(kind: &str, message: &str) -> Refusal {
    (
        StatusCode::BAD_REQUEST,
        Json(json!({ "__type": kind, "message": message })),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn temporary() -> (tempfile::TempDir, Data) {
        let directory = tempfile::tempdir().unwrap();
        let data = Data::Directory(directory.path().to_owned());
        (directory, data)
    }

    fn load(data: &Data, overrides: BTreeMap<String, Value>) -> Secrets {
        Secrets::load(data, &Signer::development().unwrap(), overrides).unwrap()
    }

    async fn get(secrets: Secrets, id: &str) -> Result<Value, Value> {
        let headers = HeaderMap::from_iter([(
            "x-amz-target".parse().unwrap(),
            "secretsmanager.GetSecretValue".parse().unwrap(),
        )]);
        let body = json!({ "SecretId": id }).to_string().into();
        let answer = answer(State(Arc::new(secrets)), headers, body).await;
        answer
            .map(|Json(value)| value)
            .map_err(|(_, Json(value))| value)
    }

    #[tokio::test]
    async fn an_edit_is_served_at_once() {
        let (directory, data) = temporary();
        let secrets = load(&data, BTreeMap::new());
        let file = directory.path().join("secrets.json");
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );

        std::fs::write(&file, r#"{"ProviderSecret":{"app_token":"sbx:mine"}}"#).unwrap();

        let answer = get(secrets, "ProviderSecret").await.unwrap();
        assert_eq!(answer["SecretString"], r#"{"app_token":"sbx:mine"}"#);
    }

    #[tokio::test]
    async fn a_secret_is_found_by_its_arn() {
        let answer = |id: String| async move {
            let secrets = load(&Data::Memory, BTreeMap::new());
            get(secrets, &id).await
        };
        let found = answer(arn("WebhookSecret")).await.unwrap();
        assert_eq!(found["Name"], "WebhookSecret");
        let elsewhere = arn("WebhookSecret").replace(ACCOUNT_ID, "210987654321");
        assert!(answer(elsewhere).await.is_err());
    }

    #[tokio::test]
    async fn an_unknown_secret_is_not_found() {
        let secrets = load(&Data::Memory, BTreeMap::new());
        assert_eq!(
            get(secrets, "Other").await.unwrap_err()["__type"],
            "ResourceNotFoundException"
        );
    }

    #[tokio::test]
    async fn overrides_come_first() {
        let overrides =
            BTreeMap::from([("WebhookSecret".to_owned(), json!({ "secrets": ["a", "b"] }))]);
        let secrets = load(&Data::Memory, overrides);
        assert_eq!(
            get(secrets, "WebhookSecret").await.unwrap()["SecretString"],
            r#"{"secrets":["a","b"]}"#
        );
    }
}
