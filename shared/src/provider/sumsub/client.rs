//! The client of Sumsub's API.

use std::time::{Duration, Instant};

use http::Method;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::wire::{ErrorResponse, SessionRequest, SessionResponse};
use super::{response, signing};
use crate::kyc::{ApplicantId, Document, Level, ProviderTime, UserId};
use crate::platform::metrics::{self, Measure};
use crate::platform::{
    Clock, ConfigError, Deadline, Environment, Secret, Variables, bounded_body, is_secure, tls,
};
use crate::provider::breaker::Breaker;
use crate::provider::{ApplicantLookup, Provider, ProviderError, SESSION_SECONDS};

/// All characters but RFC 3986's unreserved ones: an id is one path segment whatever it holds.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Maximum time of a call, its one retry included.
const CALL: Duration = Duration::from_secs(5);
/// Maximum time of the first of two tries: a connection that went bad while the function was frozen answers nothing at all, and the second
/// try, on another one, needs time too.
const FIRST_TRY: Duration = Duration::from_secs(2);
/// Maximum time to open a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Maximum size of a response in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;

/// The content of the provider secret.
#[derive(Deserialize)]
pub struct Credentials {
    app_token: SecretString,
    secret_key: SecretString,
}

impl Credentials {
    /// Returns whether the app token is one of the sandbox. Older tokens have no prefix, and do not tell.
    fn are_of_sandbox(&self) -> bool {
        self.app_token.expose_secret().starts_with("sbx:")
    }
}

/// The number of times that a call is made if that may help.
#[derive(Debug, Clone, Copy)]
enum Tries {
    One,
    Two,
}

/// A client of Sumsub's API.
pub struct Sumsub {
    http: reqwest::Client,
    origin: Url,
    credentials: Secret<Credentials>,
    environment: Environment,
    clock: Clock,
    breaker: Breaker,
}

impl Sumsub {
    /// Makes a client of the API at `PROVIDER_URL`.
    ///
    /// # Errors
    /// [`ConfigError`] if the variable is missing or no URL.
    pub fn from_environment(
        variables: &Variables,
        credentials: Secret<Credentials>,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            http: tls::http_client(|client| client.connect_timeout(CONNECT)),
            origin: variables.parsed("PROVIDER_URL", origin)?,
            credentials,
            environment: Environment::from_environment(variables)?,
            clock,
            breaker: Breaker::default(),
        })
    }

    /// Returns the credentials, to be fetched ahead of the first call.
    pub fn credentials(&self) -> &Secret<Credentials> {
        &self.credentials
    }

    /// Reads `target`. Returns `None` for a 404.
    async fn get(
        &self,
        target: &str,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        match self
            .call(Method::GET, target, &[], Tries::Two, deadline)
            .await
        {
            Ok(body) => Ok(Some(body)),
            Err(ProviderError::Unexpected { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a call within its time, unless the provider is known to be away.
    async fn call(
        &self,
        method: Method,
        target: &str,
        body: &[u8],
        tries: Tries,
        deadline: Deadline,
    ) -> Result<Vec<u8>, ProviderError> {
        self.breaker.check()?;
        let call = self.try_call(&method, target, body, tries);
        let result = tokio::time::timeout_at(deadline.at_most(CALL).instant(), call)
            .await
            .unwrap_or(Err(ProviderError::TimedOut));
        self.breaker.record(&result);
        result
    }

    /// Makes a call, in several tries if that may help.
    async fn try_call(
        &self,
        method: &Method,
        target: &str,
        body: &[u8],
        tries: Tries,
    ) -> Result<Vec<u8>, ProviderError> {
        let credentials = self.credentials.get().await;
        let credentials = credentials.map_err(ProviderError::Credentials)?;
        let send = || self.send(method, target, body, &credentials);
        let mut result = match tries {
            Tries::One => send().await,
            Tries::Two => match tokio::time::timeout(FIRST_TRY, send()).await {
                Ok(Err(error)) if error.is_transient() => send().await,
                Ok(result) => result,
                Err(_) => send().await,
            },
        };
        // The credentials may have been replaced. Nothing was done, so this holds for calls that are tried once, too.
        if matches!(result, Err(ProviderError::Refused { status: 401, .. }))
            && let Some(newer) = self.credentials.newer(&credentials).await
        {
            result = self.send(method, target, body, &newer).await;
        }
        result
    }

    /// Sends one signed request and reads the whole answer.
    async fn send(
        &self,
        method: &Method,
        target: &str,
        body: &[u8],
        credentials: &Credentials,
    ) -> Result<Vec<u8>, ProviderError> {
        let url = self
            .origin
            .join(target)
            .map_err(|_| ProviderError::Malformed)?;
        // The request target is taken from the URL that is sent, so that what is signed cannot differ from it.
        let target = url.query().map_or_else(
            || url.path().to_owned(),
            |query| format!("{}?{query}", url.path()),
        );
        let ts = (self.clock)().seconds();
        if self.environment == Environment::Production && credentials.are_of_sandbox() {
            return Err(ProviderError::SandboxCredentials);
        }
        let signature = signing::sign(&credentials.secret_key, ts, method.as_str(), &target, body)
            .ok_or(ProviderError::Malformed)?;
        let response = self
            .http
            .request(method.clone(), url)
            .header("X-App-Token", credentials.app_token.expose_secret())
            .header("X-App-Access-Ts", ts)
            .header("X-App-Access-Sig", signature)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_vec())
            .send()
            .await
            .map_err(|error| ProviderError::Unreachable(error.into()))?;
        read(response).await
    }

    /// Creates a token of the provider's SDK.
    async fn session(
        &self,
        user: &UserId,
        level: &Level,
        deadline: Deadline,
    ) -> Result<SecretString, ProviderError> {
        let request = SessionRequest {
            user_id: user.as_str(),
            level_name: level.as_str(),
            ttl_in_secs: SESSION_SECONDS,
        };
        let body = serde_json::to_vec(&request).map_err(|_| ProviderError::Malformed)?;
        // Not tried again: a second token is another one that is valid.
        let body = self
            .call(
                Method::POST,
                "/resources/accessTokens/sdk",
                &body,
                Tries::One,
                deadline,
            )
            .await?;
        let session: SessionResponse =
            serde_json::from_slice(&body).map_err(|_| ProviderError::Malformed)?;
        if session.token.expose_secret().is_empty() {
            Err(ProviderError::Malformed)
        } else {
            Ok(session.token)
        }
    }

    /// Looks for an applicant by our id of its user, or by the provider's own.
    async fn lookup(
        &self,
        id: &str,
        asked_for: Option<&UserId>,
        deadline: Deadline,
    ) -> Result<ApplicantLookup, ProviderError> {
        let target = format!("/resources/applicants/{id}/one");
        let now = ProviderTime::from_millis((self.clock)().millis());
        match self.get(&target, deadline).await? {
            None => Ok(ApplicantLookup::NotFound),
            Some(body) => response::applicant(&body, asked_for, now),
        }
    }

    /// Reads the documents of an applicant. Returns `None` if there is no such applicant.
    async fn resources(
        &self,
        applicant: &ApplicantId,
        deadline: Deadline,
    ) -> Result<Option<Vec<Document>>, ProviderError> {
        let target = format!(
            "/resources/applicants/{}/metadata/resources",
            segment(applicant.as_str())
        );
        let body = self.get(&target, deadline).await?;
        body.as_deref().map(response::documents).transpose()
    }
}

/// Reads the origin of the API. Plain HTTP is for this machine only: requests bear credentials, responses personal data.
fn origin(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "not a URL")?;
    if is_secure(&url) && url.path() == "/" {
        Ok(url)
    } else {
        Err("not an https URL without a path")
    }
}

/// Reads a response of bounded size. Its status alone decides on its meaning.
async fn read(response: Response) -> Result<Vec<u8>, ProviderError> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let body = bounded_body(response, MAX_RESPONSE)
        .await
        .map_err(ProviderError::Unreachable)?
        .ok_or(ProviderError::Malformed)?;
    if status.is_success() {
        return Ok(body);
    }
    let correlation_id = correlation_id(&body);
    let status_code = status.as_u16();
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ProviderError::Refused {
            status: status_code,
            correlation_id,
        },
        StatusCode::TOO_MANY_REQUESTS => ProviderError::Throttled { retry_after },
        status if status.is_server_error() => ProviderError::Unavailable {
            status: status_code,
            correlation_id,
        },
        _ => ProviderError::Unexpected {
            status: status_code,
            correlation_id,
        },
    })
}

/// Returns the provider's id of a failed request, or `-` unless there is one that can be logged.
fn correlation_id(body: &[u8]) -> String {
    serde_json::from_slice(body)
        .ok()
        .and_then(|response: ErrorResponse| response.correlation_id)
        .filter(|id| {
            (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        .unwrap_or_else(|| "-".to_owned())
}

impl Provider for Sumsub {
    async fn create_session(
        &self,
        user: &UserId,
        level: &Level,
        deadline: Deadline,
    ) -> Result<SecretString, ProviderError> {
        measured(Box::pin(self.session(user, level, deadline))).await
    }

    async fn applicant_of(
        &self,
        user: &UserId,
        deadline: Deadline,
    ) -> Result<ApplicantLookup, ProviderError> {
        let id = format!("-;externalUserId={}", segment(user.as_str()));
        measured(Box::pin(self.lookup(&id, Some(user), deadline))).await
    }

    async fn applicant(
        &self,
        applicant: &ApplicantId,
        deadline: Deadline,
    ) -> Result<ApplicantLookup, ProviderError> {
        let id = segment(applicant.as_str()).to_string();
        measured(Box::pin(self.lookup(&id, None, deadline))).await
    }

    async fn documents(
        &self,
        applicant: &ApplicantId,
        deadline: Deadline,
    ) -> Result<Option<Vec<Document>>, ProviderError> {
        measured(Box::pin(self.resources(applicant, deadline))).await
    }
}

/// Counts a call by its outcome, and measures how long it took.
async fn measured<T>(
    used: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let started = Instant::now();
    let result = used.await;
    let outcome = result
        .as_ref()
        .map_or_else(ProviderError::kind, |_| "answered");
    metrics::put(
        Some(("outcome", outcome)),
        &[
            ("ProviderCalls", Measure::Count(1)),
            ("ProviderLatency", Measure::Took(started.elapsed())),
        ],
    );
    result
}

fn segment(id: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(id, SEGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_path_segment() {
        assert_eq!(
            segment("a/b;c=d e+f@g.h").to_string(),
            "a%2Fb%3Bc%3Dd%20e%2Bf%40g.h"
        );
        let url = Url::parse("https://api.example")
            .unwrap()
            .join("/resources/applicants/-;externalUserId=a%2Fb%3B%20c/one")
            .unwrap();
        assert_eq!(
            url.path(),
            "/resources/applicants/-;externalUserId=a%2Fb%3B%20c/one"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for fine in ["https://api.sumsub.com", "http://127.0.0.1:3001"] {
            assert!(origin(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "http://api.sumsub.com",
            "https://api.sumsub.com/v1",
            "api.sumsub.com",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_harmless_correlation_id_is_kept() {
        assert_eq!(
            correlation_id(br#"{"correlationId":"req-63f92830","description":"Jane"}"#),
            "req-63f92830"
        );
        for body in [
            &b"Jane Smith"[..],
            br#"{"correlationId":"Jane Smith"}"#,
            br#"{"correlationId":7}"#,
            b"{}",
        ] {
            assert_eq!(correlation_id(body), "-");
        }
    }
}
