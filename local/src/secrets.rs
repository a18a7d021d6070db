//! Secrets Manager: serves what `secrets.json` in the data directory holds.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{
    Error,
    aws::{ACCOUNT_ID, region},
    data::{Data, read, write_private},
    token::{KEY_ID, Signer},
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
    /// Reads the secrets and the signing key that belongs to them, and makes those that are missing.
    pub(crate) fn load(
        data: &Data,
        overrides: BTreeMap<String, Value>,
    ) -> Result<(Signer, Self), Error> {
        let (signer, new_key) = Signer::load(data)?;
        let file = data.path("secrets.json");
        let before = match &file {
            Some(file) => parse(file)?,
            None => Map::new(),
        };
        let mut values = before.clone();
        if new_key
            && let Some(Value::Array(keys)) = values
                .get_mut("JwksSecret")
                .and_then(|set| set.get_mut("keys"))
        {
            keys.retain(|key| key.get("kid").is_none_or(|id| id != KEY_ID));
            keys.push(signer.jwk());
        }
        values
            .entry("JwksSecret")
            .or_insert_with(|| json!({ "keys": [signer.jwk()] }));
        if !values.contains_key("ProviderSecret") {
            let app_token = format!("sbx:local{}", random()?);
            let secret = json!({ "app_token": app_token, "secret_key": random()? });
            values.insert("ProviderSecret".to_owned(), secret);
        }
        if !values.contains_key("WebhookSecret") {
            values.insert(
                "WebhookSecret".to_owned(),
                json!({ "secrets": [random()?] }),
            );
        }
        if let Some(file) = &file
            && values != before
        {
            write_private(
                file,
                format!("{:#}\n", Value::from(values.clone())).as_bytes(),
            )?;
        }
        Ok((
            signer,
            Self {
                file,
                values,
                overrides,
            },
        ))
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

fn random() -> Result<String, Error> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Error::Key("the system has no randomness".to_owned()))?;
    Ok(hex::encode(bytes))
}

/// Serves the secrets until `shutdown`.
pub(crate) async fn serve(
    listener: tokio::net::TcpListener,
    secrets: Arc<Secrets>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new().route("/", post(answer)).with_state(secrets);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
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
    let id = request
        .get("SecretId")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let values = secrets.current().map_err(|error| {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            Json(json!({ "__type": "InternalServiceError", "message": error.to_string() })),
        )
    })?;
    let arn = |name: &str| {
        format!(
            "arn:aws:secretsmanager:{}:{ACCOUNT_ID}:secret:{name}-000000",
            region()
        )
    };
    let found = values
        .into_iter()
        .find(|(name, _)| name == id || arn(name) == id);
    let (name, value) = found.ok_or_else(|| {
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
        "ARN": arn(&name),
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
        let (_, secrets) = Secrets::load(&data, BTreeMap::new()).unwrap();
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
    async fn an_unknown_secret_is_not_found() {
        let (_, secrets) = Secrets::load(&Data::Memory, BTreeMap::new()).unwrap();
        assert_eq!(
            get(secrets, "Other").await.unwrap_err()["__type"],
            "ResourceNotFoundException"
        );
    }

    #[tokio::test]
    async fn overrides_come_first() {
        let overrides =
            BTreeMap::from([("WebhookSecret".to_owned(), json!({ "secrets": ["a", "b"] }))]);
        let (_, secrets) = Secrets::load(&Data::Memory, overrides).unwrap();
        assert_eq!(
            get(secrets, "WebhookSecret").await.unwrap()["SecretString"],
            r#"{"secrets":["a","b"]}"#
        );
    }

    #[test]
    fn a_new_key_replaces_the_old_one_and_no_other() {
        let (directory, data) = temporary();
        let file = directory.path().join("secrets.json");
        std::fs::write(
            &file,
            r#"{"JwksSecret":{"keys":[{"kid":"mine"},{"kid":"local","x":"old"}]}}"#,
        )
        .unwrap();

        let (signer, secrets) = Secrets::load(&data, BTreeMap::new()).unwrap();

        let keys = &secrets.current().unwrap()["JwksSecret"]["keys"];
        assert_eq!(*keys, json!([{ "kid": "mine" }, signer.jwk()]));
    }
}
