//! The counters of rate limits.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::RepositoryError;
use super::write::failed;
use crate::kyc::{RateLimit, Timestamp, UserId};
use crate::platform::{ConfigError, Variables};

/// The table of counters.
#[derive(Debug, Clone)]
pub struct Counters {
    client: Client,
    table: String,
}

impl Counters {
    /// Reads the table's name from `COUNTERS_TABLE`.
    ///
    /// # Errors
    /// [`ConfigError`] if the variable is missing.
    pub fn from_environment(variables: &Variables, client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            table: variables.required("COUNTERS_TABLE")?.to_owned(),
        })
    }

    /// Takes one use off a user's limit in the window that ends at `ends_at`, in one atomic write. Returns `false` if none is left.
    ///
    /// # Errors
    /// [`RepositoryError`] if the use cannot be counted.
    pub async fn take(
        &self,
        id: &UserId,
        limit: &RateLimit,
        ends_at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let number = |number: i64| AttributeValue::N(number.to_string());
        let window = format!("{}#{}", limit.purpose, ends_at.seconds());
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("user_id", AttributeValue::S(id.as_str().to_owned()))
            .key("window", AttributeValue::S(window))
            .update_expression("SET expires_at = :end ADD used :one")
            .condition_expression("attribute_not_exists(used) OR used < :times")
            .expression_attribute_values(":end", number(ends_at.seconds()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":times", number(limit.times.get().into()));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(failed("UpdateItem", error)),
            },
        }
    }
}
