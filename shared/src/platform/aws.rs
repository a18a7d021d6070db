//! Clients of AWS.

mod http;

use std::time::Duration;

use aws_runtime::user_agent::UserAgentInterceptor;
use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, IdentityCache, Intercept, Region, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::disable_interceptor;

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
            .interceptor(NoUserAgent)
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
            .interceptor(NoUserAgent)
            .retry_config(retries())
            .timeout_config(timeouts());
        config.set_endpoint_url(self.secrets_manager_url.clone());
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}

/// Keeps the SDK from describing itself: that is written anew for each call, and half of it is signed. The connector says who calls.
#[derive(Debug)]
struct NoUserAgent;

impl Intercept for NoUserAgent {
    fn name(&self) -> &'static str {
        "NoUserAgent"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let disabled = disable_interceptor::<UserAgentInterceptor>("the connector says who calls");
        config.interceptor_state().store_put(disabled);
        Ok(())
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_caller_is_named_once_and_in_few_words() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let variables: Variables = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_ENDPOINT_URL_DYNAMODB", url.as_str()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str()),
        ]
        .into_iter()
        .collect();
        let aws = Aws::from_environment(&variables).unwrap();
        let asked = tokio::spawn(async move {
            let mut requests = Vec::new();
            for _ in 0..2 {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 64 * 1024];
                let read = connection.read(&mut request).await.unwrap();
                requests.push(String::from_utf8_lossy(&request[..read]).to_lowercase());
                let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
            requests
        });
        aws.dynamodb().list_tables().send().await.unwrap();
        let secret = aws.secrets_manager().get_secret_value().secret_id("id");
        secret.send().await.unwrap();
        for request in asked.await.unwrap() {
            assert!(request.contains("\r\nuser-agent: kyc-api/"), "{request}");
            assert_eq!(request.matches("user-agent").count(), 1, "{request}");
        }
    }
}
