//! Calls of Sumsub's API.

use std::time::{Duration, Instant};

use http::Method;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::wire::{ErrorAnswer, SessionAnswer, SessionRequest};
use super::{answer, signing};
use crate::kyc::{ApplicantId, Document, UserId};
use crate::provider::breaker::Breaker;
use crate::provider::{Provider, ProviderError, SESSION_SECONDS, Sighting, Subject};
use crate::runtime::metrics::{self, Measure};
use crate::runtime::{Clock, Deadline, Secret, bounded_body, tls};

/// All characters but RFC 3986's unreserved ones: an id is one path segment whatever it holds.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A call, with its one retry, takes no longer.
const CALL: Duration = Duration::from_secs(5);
/// Making a connection takes no longer.
const CONNECT: Duration = Duration::from_secs(2);
/// No answer that we read is larger, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// The content of the provider secret.
#[derive(Deserialize)]
pub struct Credentials {
    app_token: SecretString,
    secret_key: SecretString,
}

/// A client of Sumsub's API.
pub struct Sumsub {
    http: reqwest::Client,
    origin: Url,
    credentials: Secret<Credentials>,
    level: String,
    clock: Clock,
    breaker: Breaker,
}

impl Sumsub {
    /// A client of the API at `origin`, for sessions of verification level `level` (which may be empty where none is made).
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(
        origin: Url,
        credentials: Secret<Credentials>,
        level: String,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = tls::http_client().connect_timeout(CONNECT).build()?;
        Ok(Self {
            http,
            origin,
            credentials,
            level,
            clock,
            breaker: Breaker::default(),
        })
    }

    /// The credentials, to be fetched ahead of the first call.
    pub fn credentials(&self) -> &Secret<Credentials> {
        &self.credentials
    }

    /// Reads `target`. None: 404.
    async fn get(
        &self,
        target: &str,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        match self.call(Method::GET, target, &[], 2, deadline).await {
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
        tries: u8,
        deadline: Deadline,
    ) -> Result<Vec<u8>, ProviderError> {
        self.breaker.check()?;
        let call = self.try_call(&method, target, body, tries);
        let result = tokio::time::timeout_at(deadline.at_most(CALL).instant(), call)
            .await
            .unwrap_or(Err(ProviderError::TimedOut));
        self.breaker.note(&result);
        result
    }

    /// Makes a call, in several tries if that may help.
    async fn try_call(
        &self,
        method: &Method,
        target: &str,
        body: &[u8],
        tries: u8,
    ) -> Result<Vec<u8>, ProviderError> {
        let credentials = self.credentials.get().await;
        let credentials = credentials.map_err(ProviderError::Credentials)?;
        let mut result = self.send(method, target, body, &credentials).await;
        for _ in 1..tries {
            if result.as_ref().is_err_and(ProviderError::is_transient) {
                result = self.send(method, target, body, &credentials).await;
            }
        }
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
            .map_err(|error| ProviderError::Unreachable(error.without_url()))?;
        read(response).await
    }

    /// A token of the provider's SDK.
    async fn session(
        &self,
        user: &UserId,
        deadline: Deadline,
    ) -> Result<SecretString, ProviderError> {
        let request = SessionRequest {
            user_id: user.as_str(),
            level_name: &self.level,
            ttl_in_secs: SESSION_SECONDS,
        };
        let body = serde_json::to_vec(&request).map_err(|_| ProviderError::Malformed)?;
        // Not tried again: a second token is another one that is valid.
        let answer = self
            .call(
                Method::POST,
                "/resources/accessTokens/sdk",
                &body,
                1,
                deadline,
            )
            .await?;
        let session: SessionAnswer =
            serde_json::from_slice(&answer).map_err(|_| ProviderError::Malformed)?;
        if session.token.expose_secret().is_empty() {
            Err(ProviderError::Malformed)
        } else {
            Ok(session.token)
        }
    }

    /// An applicant as of now.
    async fn applicant(
        &self,
        subject: Subject<'_>,
        deadline: Deadline,
    ) -> Result<Sighting, ProviderError> {
        let target = match subject {
            Subject::User(user) => format!(
                "/resources/applicants/-;externalUserId={}/one",
                segment(user.as_str())
            ),
            Subject::Applicant(applicant) => {
                format!("/resources/applicants/{}/one", segment(applicant.as_str()))
            }
        };
        // What changes within this millisecond is told by an event that then is the newer one.
        let read_at = (self.clock)().before();
        match self.get(&target, deadline).await? {
            None => Ok(Sighting::Nobody),
            Some(body) => answer::applicant(&body, read_at),
        }
    }

    /// The documents of an applicant. None: there is no such applicant.
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
        body.as_deref().map(answer::documents).transpose()
    }
}

/// Reads an answer of a known size; decides by the status alone what it means.
async fn read(response: Response) -> Result<Vec<u8>, ProviderError> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let body = bounded_body(response, MAX_ANSWER)
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

/// The provider's id of a failed request; `-` unless there is one that can be logged.
fn correlation_id(body: &[u8]) -> String {
    serde_json::from_slice(body)
        .ok()
        .and_then(|answer: ErrorAnswer| answer.correlation_id)
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
        deadline: Deadline,
    ) -> Result<SecretString, ProviderError> {
        measured(Box::pin(self.session(user, deadline))).await
    }

    async fn observe(
        &self,
        subject: Subject<'_>,
        deadline: Deadline,
    ) -> Result<Sighting, ProviderError> {
        measured(Box::pin(self.applicant(subject, deadline))).await
    }

    async fn documents(
        &self,
        applicant: &ApplicantId,
        deadline: Deadline,
    ) -> Result<Option<Vec<Document>>, ProviderError> {
        measured(Box::pin(self.resources(applicant, deadline))).await
    }
}

/// Counts a use of the provider by what came of it, and how long it took.
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
