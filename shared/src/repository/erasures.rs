//! The registry of erased applicants. It lies in a table of its own, which is not restored with the others, so that it knows better than
//! a backup.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use super::RepositoryError;
use super::item::Item;
use super::write::{failed, invalid_request};
use crate::kyc::{ErasedApplicant, Timestamp};
use crate::platform::{Cached, ConfigError, SecretSource, Source, Variables};

/// The content of the erasure secret: the key of the hashes. With another key, nobody is found in the registry any more.
#[derive(Deserialize)]
pub struct ErasureKey {
    key: SecretString,
}

impl ErasureKey {
    /// Makes a key of a text.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: SecretString::from(key.into()),
        }
    }

    /// Returns the HMAC-SHA256 of an applicant in hex, by which the registry knows them: whoever reads the table alone cannot tell who is in it.
    /// `None` if HMAC refuses the key, which it does for no length.
    fn hash(&self, applicant: &ErasedApplicant) -> Option<String> {
        let key = self.key.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(applicant.digest().as_bytes());
        Some(hex::encode(mac.finalize().into_bytes()))
    }
}

/// The table of erased applicants. `K` gives the key.
pub(super) struct Erasures<K: Source = SecretSource<ErasureKey>> {
    client: Client,
    table: String,
    key: Arc<Cached<K>>,
}

impl<K: Source<Value = ErasureKey>> Erasures<K> {
    /// Reads the table's name from `ERASURES_TABLE`.
    ///
    /// # Errors
    /// [`ConfigError`] if the variable is missing.
    pub(super) fn from_environment(
        variables: &Variables,
        client: Client,
        key: Cached<K>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            table: variables.required("ERASURES_TABLE")?.to_owned(),
            key: Arc::new(key),
        })
    }

    /// Returns whether an applicant is registered. Eventually consistent: whoever is being erased at this moment changes the user too.
    pub(super) async fn contains(
        &self,
        applicant: &ErasedApplicant,
    ) -> Result<bool, RepositoryError> {
        let hash = AttributeValue::S(self.hash(applicant).await?);
        let request = self.client.get_item().table_name(&self.table);
        let response = request.key("applicant", hash).send().await;
        let response = response.map_err(|error| failed("GetItem", error))?;
        Ok(response.item.is_some())
    }

    /// Builds the put that registers an applicant, whether or not they are registered.
    pub(super) async fn put(
        &self,
        applicant: &ErasedApplicant,
        now: Timestamp,
    ) -> Result<Put, RepositoryError> {
        let hash = AttributeValue::S(self.hash(applicant).await?);
        let erased_at = AttributeValue::N(now.millis().to_string());
        let item = [("applicant", hash), ("erased_at", erased_at)];
        let item = item.map(|(name, value)| (name.to_owned(), value));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(Item::from(item)));
        put.build().map_err(invalid_request)
    }

    async fn hash(&self, applicant: &ErasedApplicant) -> Result<String, RepositoryError> {
        let key = self.key.get().await?;
        key.hash(applicant).ok_or(RepositoryError::NoErasureKey)
    }
}
