//! Secrets of AWS Secrets Manager.

use std::error::Error;
use std::marker::PhantomData;

use aws_sdk_secretsmanager::Client;
use serde::de::DeserializeOwned;

use super::{Cached, Source};

/// A secret that is cached: rotating it takes no new deployment.
pub type Secret<T> = Cached<SecretSource<T>>;

/// A secret that cannot be had. Never holds any part of its value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager does not give it.
    #[error("secret {id} cannot be fetched")]
    Fetch {
        /// Name or ARN.
        id: String,
        /// The error of Secrets Manager, or of the connection to it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Its value does not have the form that is documented in the template.
    #[error("the value of secret {id} does not have the expected form")]
    Form {
        /// Name or ARN.
        id: String,
    },
}

/// A secret in JSON form, as Secrets Manager has it now.
pub struct SecretSource<T> {
    client: Client,
    id: String,
    form: PhantomData<fn() -> T>,
}

impl<T> SecretSource<T> {
    /// Makes a source of the secret with this name or ARN.
    pub fn new(client: Client, id: impl Into<String>) -> Self {
        Self {
            client,
            id: id.into(),
            form: PhantomData,
        }
    }
}

impl<T: DeserializeOwned + Send + Sync> Source for SecretSource<T> {
    type Value = T;
    type Error = SecretError;

    const NAME: &'static str = "secret";

    async fn fetch(&self) -> Result<T, SecretError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.id)
            .send()
            .await;
        let answer = answer.map_err(|source| SecretError::Fetch {
            id: self.id.clone(),
            source: source.into(),
        })?;
        // The parser's own error would quote the value.
        answer
            .secret_string()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| SecretError::Form {
                id: self.id.clone(),
            })
    }
}
