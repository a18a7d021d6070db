//! Clients of AWS.

mod http;

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, IdentityCache, Region, SharedHttpClient,
    StalledStreamProtectionConfig,
};

use super::{ConfigError, Variables};

/// The part that all AWS clients of a function share: one HTTPS client, region, credentials and timeouts.
///
/// Credentials that never change need no cache, and answers that are read whole, within a time, no guard over their streams.
///
/// Everything comes from the environment variables that Lambda sets. Profiles, instance metadata and single sign-on are not
/// looked at: no function needs them, and each costs time at start-up.
pub struct Aws {
    http: SharedHttpClient,
    region: Region,
    credentials: Credentials,
    dynamodb_url: Option<String>,
    secrets_manager_url: Option<String>,
}

impl Aws {
    /// Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, and, for development,
    /// `AWS_ENDPOINT_URL_DYNAMODB` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing.
    pub fn from_environment(variables: &Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            http: http::client(),
            region: Region::new(variables.required("AWS_REGION")?.to_owned()),
            credentials: Credentials::new(
                variables.required("AWS_ACCESS_KEY_ID")?,
                variables.required("AWS_SECRET_ACCESS_KEY")?,
                variables.optional("AWS_SESSION_TOKEN").map(str::to_owned),
                None,
                "environment",
            ),
            dynamodb_url: variables
                .optional("AWS_ENDPOINT_URL_DYNAMODB")
                .map(str::to_owned),
            secrets_manager_url: variables
                .optional("AWS_ENDPOINT_URL_SECRETS_MANAGER")
                .map(str::to_owned),
        })
    }

    /// Builds a client of DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .region(self.region.clone())
            .credentials_provider(self.credentials.clone())
            .identity_cache(IdentityCache::no_cache())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(retries())
            .timeout_config(timeouts());
        config.set_endpoint_url(self.dynamodb_url.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Builds a client of Secrets Manager.
    #[must_use]
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
            .http_client(self.http.clone())
            .region(self.region.clone())
            .credentials_provider(self.credentials.clone())
            .identity_cache(IdentityCache::no_cache())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(retries())
            .timeout_config(timeouts());
        config.set_endpoint_url(self.secrets_manager_url.clone());
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

/// Returns the timeouts. Both services respond within milliseconds. A call with its retries takes no longer than the provider waits for a webhook.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(1500))
        .operation_timeout(Duration::from_secs(4))
        .build()
}
