//! Errors as callers see them: problem details (RFC 9457, which replaced RFC 7807).

use std::error::Error;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use super::Response;
use crate::kyc::{Status, Step, StepConflict};
use crate::platform::Unavailable;
use crate::provider::ProviderError;
use crate::repository::RepositoryError;
use crate::service::ServiceError;

/// An error response. Each variant is one error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// `GEN-400-001`: a parameter that cannot be read.
    InvalidParameter {
        /// The name of the parameter.
        name: &'static str,
        /// The values that it may have.
        expected: &'static str,
    },
    /// `GEN-400-001`: a request of an operator that cannot be read. The failure says more.
    InvalidRequest,
    /// `GEN-401-001`: a request that IAM names no caller of.
    UnknownCaller,
    /// `GEN-413-001`: a body that is too large.
    TooLarge,
    /// `KYC-403-002`: an operator blocked the user.
    Blocked,
    /// `KYC-404-002`: nothing is stored of the user.
    UnknownUser,
    /// `KYC-409-002`: the request does not go with the user's present onboarding step, which the failure names.
    StepConflict,
    /// `USR-401-001`: `x-juno-jwt` does not say who is asking.
    Unauthenticated,
    /// `KYC-401-001`: a delivery that is not proven to be the provider's.
    InvalidSignature,
    /// `KYC-403-001`: the user is not approved.
    VerificationRequired,
    /// `KYC-404-001`: the user has no applicant.
    NoApplicant,
    /// `KYC-409-001`: the verdict is final, there is nothing to start.
    Decided(Status),
    /// `KYC-429-001`: the user reached a rate limit.
    RateLimited {
        /// The time until the next window.
        retry_after: Duration,
    },
    /// `KYC-500-001`: our fault.
    Internal,
    /// `KYC-500-002`: no token could be had.
    TokenFailed {
        /// The delay after which another try may succeed.
        retry_after: Option<Duration>,
    },
    /// `KYC-502-001`: the provider did not do its part.
    ProviderUnavailable {
        /// The delay after which another try may succeed.
        retry_after: Option<Duration>,
    },
}

impl Problem {
    /// Returns status, code, title and detail, in the contract's words where it has them.
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn parts(self) -> (StatusCode, &'static str, &'static str, String) {
        match self {
            Self::InvalidParameter { name, expected } => (
                StatusCode::BAD_REQUEST,
                "GEN-400-001",
                "Invalid Parameter",
                format!("Query parameter {name} must be {expected}"),
            ),
            Self::InvalidRequest => (
                StatusCode::BAD_REQUEST,
                "GEN-400-001",
                "Bad Request",
                "The request is malformed".to_owned(),
            ),
            Self::UnknownCaller => (
                StatusCode::UNAUTHORIZED,
                "GEN-401-001",
                "Authentication Required",
                "The request is not signed by a caller whom IAM knows".to_owned(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "GEN-413-001",
                "Request Too Large",
                "The request is too large".to_owned(),
            ),
            Self::Blocked => (
                StatusCode::FORBIDDEN,
                "KYC-403-002",
                "KYC Access Blocked",
                "Access is blocked; contact support".to_owned(),
            ),
            Self::UnknownUser => (
                StatusCode::NOT_FOUND,
                "KYC-404-002",
                "KYC User Not Found",
                "Nothing is known of this user".to_owned(),
            ),
            Self::StepConflict => (
                StatusCode::CONFLICT,
                "KYC-409-002",
                "KYC Onboarding Step Conflict",
                "The user stands on another onboarding step".to_owned(),
            ),
            Self::Unauthenticated => (
                StatusCode::UNAUTHORIZED,
                "USR-401-001",
                "Authentication Required",
                "The x-juno-jwt header is missing or not valid".to_owned(),
            ),
            Self::InvalidSignature => (
                StatusCode::UNAUTHORIZED,
                "KYC-401-001",
                "KYC Webhook Signature Invalid",
                "Webhook signature validation failed".to_owned(),
            ),
            Self::VerificationRequired => (
                StatusCode::FORBIDDEN,
                "KYC-403-001",
                "KYC Verification Required",
                "KYC verification required for this action".to_owned(),
            ),
            Self::NoApplicant => (
                StatusCode::NOT_FOUND,
                "KYC-404-001",
                "KYC Applicant Not Found",
                "No KYC applicant record found".to_owned(),
            ),
            Self::Decided(status) => (
                StatusCode::CONFLICT,
                "KYC-409-001",
                "KYC Already Decided",
                format!(
                    "KYC verification is already {}; there is nothing left to verify",
                    status.as_str()
                ),
            ),
            Self::RateLimited { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "KYC-429-001",
                "KYC Too Many Requests",
                "Too many requests of this user; retry after a short delay".to_owned(),
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "KYC-500-001",
                "KYC Internal Error",
                "Internal error processing KYC".to_owned(),
            ),
            Self::TokenFailed { .. } => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "KYC-500-002",
                "KYC Token Generation Failed",
                "Failed to generate KYC access token".to_owned(),
            ),
            Self::ProviderUnavailable { .. } => (
                StatusCode::BAD_GATEWAY,
                "KYC-502-001",
                "KYC Provider Unavailable",
                "Verification provider unavailable".to_owned(),
            ),
        }
    }

    /// Returns the code, by which clients tell errors apart.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.parts().1
    }

    /// Returns what proves who a request comes from, by the name of its header, for a 401 (RFC 9110, 11.6.1).
    fn challenge(self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated => Some("x-juno-jwt"),
            Self::InvalidSignature => Some("x-payload-digest"),
            Self::UnknownCaller => Some("AWS4-HMAC-SHA256"),
            Self::InvalidParameter { .. }
            | Self::InvalidRequest
            | Self::TooLarge
            | Self::Blocked
            | Self::UnknownUser
            | Self::StepConflict
            | Self::VerificationRequired
            | Self::NoApplicant
            | Self::Decided(_)
            | Self::RateLimited { .. }
            | Self::Internal
            | Self::TokenFailed { .. }
            | Self::ProviderUnavailable { .. } => None,
        }
    }

    /// Returns the value of `Retry-After` in whole seconds, rounded up: earlier would be too early.
    fn retry_after(self) -> Option<u64> {
        let seconds = |after: Duration| after.as_secs() + u64::from(after.subsec_nanos() > 0);
        match self {
            Self::TokenFailed { retry_after } | Self::ProviderUnavailable { retry_after } => {
                retry_after.map(seconds)
            }
            Self::RateLimited { retry_after } => Some(seconds(retry_after)),
            Self::InvalidParameter { .. }
            | Self::InvalidRequest
            | Self::UnknownCaller
            | Self::TooLarge
            | Self::Blocked
            | Self::UnknownUser
            | Self::StepConflict
            | Self::Unauthenticated
            | Self::InvalidSignature
            | Self::VerificationRequired
            | Self::NoApplicant
            | Self::Decided(_)
            | Self::Internal => None,
        }
    }
}

/// The prefix of the `type` of errors.
#[derive(Debug, Clone)]
pub struct ErrorTypes(String);

impl ErrorTypes {
    /// Makes a prefix of a base such as `https://api.sumvin.com/errors`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self(base.trim_end_matches('/').to_owned())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    error_code: &'a str,
    trace_id: &'a str,
    /// The onboarding step that the user stands on, for the next try (an extension member: RFC 9457, 3.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    current_step: Option<&'a str>,
}

/// A problem with its cause. The cause is for the log, never for the caller.
#[derive(Debug)]
pub struct Failure {
    problem: Problem,
    /// The detail of this occurrence, instead of the problem's own.
    detail: Option<String>,
    /// The onboarding step that the user stands on.
    current_step: Option<Step>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// Makes a failure of a problem that has a cause.
    pub fn new(problem: Problem, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..problem.into()
        }
    }

    /// Makes a failure of a request that cannot be read. `detail` says to the caller what would be.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Problem::InvalidRequest.into()
        }
    }

    /// Maps a failure to get a token: the contract has one code for all of them.
    #[must_use]
    pub fn of_token(error: ServiceError) -> Self {
        match error {
            ServiceError::Decided(status) => Problem::Decided(status).into(),
            ServiceError::RateLimited { retry_after } => {
                Problem::RateLimited { retry_after }.into()
            }
            ServiceError::Provider(error) => Self::new(
                Problem::TokenFailed {
                    retry_after: error.retry_after(),
                },
                error,
            ),
            error @ (ServiceError::Repository(_)
            | ServiceError::NoApplicant
            | ServiceError::UnknownUser
            | ServiceError::Step(_)
            | ServiceError::Unverified(_)
            | ServiceError::Secret(_)) => {
                Self::new(Problem::TokenFailed { retry_after: None }, error)
            }
        }
    }

    /// Returns the cause.
    pub(super) fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn Error + 'static))
    }

    /// Returns the problem if the caller is at fault, who gets no other answer by asking again.
    pub(super) fn refusal(&self) -> Option<Problem> {
        let (status, ..) = self.problem.parts();
        status.is_client_error().then_some(self.problem)
    }

    /// Returns the code of the error.
    pub(super) fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// Returns the response.
    pub(super) fn response(&self, types: &ErrorTypes, instance: &str, trace_id: &str) -> Response {
        let (status, code, title, detail) = self.problem.parts();
        let body = Body {
            r#type: format!("{}/{}", types.0, code.to_ascii_lowercase()),
            title,
            status: status.as_u16(),
            detail: self.detail.as_deref().unwrap_or(&detail),
            instance,
            error_code: code,
            trace_id,
            current_step: self.current_step.as_ref().map(Step::as_str),
        };
        // Strings and a number are always JSON.
        let body = serde_json::to_string(&body).unwrap_or_default();
        let problem = self.problem;
        Response::problem(status, problem.retry_after(), problem.challenge(), body)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            detail: None,
            current_step: None,
            cause: None,
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::NoApplicant => Problem::NoApplicant.into(),
            ServiceError::Decided(status) => Problem::Decided(status).into(),
            ServiceError::RateLimited { retry_after } => {
                Problem::RateLimited { retry_after }.into()
            }
            ServiceError::UnknownUser => Problem::UnknownUser.into(),
            ServiceError::Step(StepConflict { present }) => Self {
                detail: Some(format!("The user stands on {present}")),
                current_step: Some(present),
                ..Problem::StepConflict.into()
            },
            ServiceError::Unverified(error) => Self::new(Problem::InvalidSignature, error),
            ServiceError::Provider(error) => error.into(),
            ServiceError::Repository(error) => error.into(),
            ServiceError::Secret(error) => Self::new(Problem::Internal, error),
        }
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::new(
            Problem::ProviderUnavailable {
                retry_after: error.retry_after(),
            },
            error,
        )
    }
}

impl From<RepositoryError> for Failure {
    fn from(error: RepositoryError) -> Self {
        Self::new(Problem::Internal, error)
    }
}

impl From<Unavailable> for Failure {
    fn from(error: Unavailable) -> Self {
        Self::new(Problem::Internal, error)
    }
}
