//! Secrets of AWS Secrets Manager.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::chain;

/// How long a value is used before it is fetched again.
const FRESH_FOR: Duration = Duration::from_mins(5);

/// Why a secret cannot be had. Never holds anything of its value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager does not give it.
    #[error("secret {id} cannot be fetched")]
    Fetch {
        /// Name or ARN.
        id: String,
        /// What Secrets Manager, or the way to it, says.
        #[source]
        source: Box<SdkError<GetSecretValueError>>,
    },
    /// Its value does not have the form that is documented in the template.
    #[error("the value of secret {id} does not have the expected form")]
    Form {
        /// Name or ARN.
        id: String,
    },
}

/// A secret in JSON form, fetched when first needed and again after 5 minutes. While it cannot be fetched again, the old value
/// stays in use.
pub struct Secret<T> {
    client: Client,
    id: String,
    cached: Mutex<Option<Cached<T>>>,
}

struct Cached<T> {
    value: Arc<T>,
    fetched_at: Instant,
}

impl<T: DeserializeOwned> Secret<T> {
    /// The secret of this name or ARN.
    pub fn new(client: Client, id: impl Into<String>) -> Self {
        Self {
            client,
            id: id.into(),
            cached: Mutex::new(None),
        }
    }

    /// The value.
    ///
    /// # Errors
    /// [`SecretError`] when there is no value, not even an old one.
    pub async fn get(&self) -> Result<Arc<T>, SecretError> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = cached
            .as_ref()
            .filter(|cached| cached.fetched_at.elapsed() < FRESH_FOR)
        {
            return Ok(Arc::clone(&cached.value));
        }
        match (self.fetch().await, cached.as_mut()) {
            (Ok(value), _) => {
                let value = Arc::new(value);
                *cached = Some(Cached {
                    value: Arc::clone(&value),
                    fetched_at: Instant::now(),
                });
                Ok(value)
            }
            (Err(error), Some(old)) => {
                tracing::error!(error = %chain(&error), "the secret stays at its old value");
                old.fetched_at = Instant::now();
                Ok(Arc::clone(&old.value))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Fetches the value ahead of the first request. A failure is only logged: it shows at that request, which tries again.
    pub async fn prefetch(&self) {
        if let Err(error) = self.get().await {
            tracing::error!(error = %chain(&error), "secret not fetched at start-up");
        }
    }

    async fn fetch(&self) -> Result<T, SecretError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.id)
            .send()
            .await;
        let answer = answer.map_err(|source| SecretError::Fetch {
            id: self.id.clone(),
            source: Box::new(source),
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
