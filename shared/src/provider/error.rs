//! Failures of calls to the provider, and of deliveries from it.

use std::time::Duration;

use crate::platform::{TransportError, Unavailable};

/// A call of the provider that failed. Holds nothing of a body but the provider's correlation id.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Our credentials cannot be had.
    #[error("the provider's credentials cannot be loaded")]
    Credentials(#[source] Unavailable),
    /// Our credentials are the sandbox's, in production.
    #[error(
        "the provider's app token is one of the sandbox, and PROVIDER_ENVIRONMENT is production"
    )]
    SandboxCredentials,
    /// Our credentials are not accepted (401, 403).
    #[error("the provider refuses our credentials: {status}, correlation id {correlation_id}")]
    Refused {
        /// The HTTP status of the response.
        status: u16,
        /// The id by which the provider's support finds the request; `-` if the response has none.
        correlation_id: String,
    },
    /// Too many requests (429).
    #[error("the provider throttles us")]
    Throttled {
        /// The delay that the provider asks for, if it names one.
        retry_after: Option<Duration>,
    },
    /// The provider is away (5xx).
    #[error("the provider fails: {status}, correlation id {correlation_id}")]
    Unavailable {
        /// The HTTP status of the response.
        status: u16,
        /// The id by which the provider's support finds the request; `-` if the response has none.
        correlation_id: String,
    },
    /// The provider cannot be reached, or not in time.
    #[error("the provider cannot be reached")]
    Unreachable(#[source] TransportError),
    /// The answer took too long.
    #[error("the provider did not answer in time")]
    TimedOut,
    /// Not even asked: it failed a moment ago.
    #[error("the provider was not asked, because it just failed")]
    Suspended {
        /// The time until the provider is asked again.
        retry_after: Duration,
    },
    /// A status that the call does not know, such as the 404 of an unknown level.
    #[error("the provider answers unexpectedly: {status}, correlation id {correlation_id}")]
    Unexpected {
        /// The HTTP status of the response.
        status: u16,
        /// The id by which the provider's support finds the request; `-` if the response has none.
        correlation_id: String,
    },
    /// The answer cannot be read. Its content may be personal, so nothing of it is kept.
    #[error("the provider's answer cannot be read")]
    Malformed,
    /// The answer is about another user than the one asked for.
    #[error("the provider's answer is about another user")]
    OtherUser,
}

impl ProviderError {
    /// Longest time for which a provider that throttles is left alone, whatever it asks for.
    pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

    /// Returns the delay after which another call may succeed. `None`: waiting does not help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        const SHORTLY: Duration = Duration::from_secs(3);
        match self {
            Self::Throttled { retry_after } => {
                Some(retry_after.unwrap_or(SHORTLY).min(Self::LONGEST_PAUSE))
            }
            Self::Suspended { retry_after } => Some(*retry_after),
            Self::Unavailable { .. } | Self::Unreachable(_) | Self::TimedOut => Some(SHORTLY),
            Self::Credentials(_)
            | Self::SandboxCredentials
            | Self::Refused { .. }
            | Self::Unexpected { .. }
            | Self::Malformed
            | Self::OtherUser => None,
        }
    }

    /// Returns the outcome in metrics: `credentials` and `other_user` need somebody to act, `throttled` and `not_asked` pass, `failed`
    /// is the provider's.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Credentials(_) | Self::SandboxCredentials | Self::Refused { .. } => "credentials",
            Self::Throttled { .. } => "throttled",
            Self::Suspended { .. } => "not_asked",
            Self::Unavailable { .. }
            | Self::Unreachable(_)
            | Self::TimedOut
            | Self::Unexpected { .. }
            | Self::Malformed => "failed",
            Self::OtherUser => "other_user",
        }
    }

    /// Returns whether one more try of a read may help at once.
    #[must_use]
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Unreachable(_) => true,
            Self::Credentials(_)
            | Self::SandboxCredentials
            | Self::Refused { .. }
            | Self::Throttled { .. }
            | Self::TimedOut
            | Self::Suspended { .. }
            | Self::Unexpected { .. }
            | Self::Malformed
            | Self::OtherUser => false,
        }
    }
}

/// A delivery that is no event of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// There is no digest, or more than one.
    #[error("the delivery carries no single digest")]
    NoDigest,
    /// The digest algorithm is not accepted, or named more than once.
    #[error("the digest algorithm is not accepted")]
    Algorithm,
    /// The digest does not belong to these bytes under any secret.
    #[error("the digest does not match")]
    Mismatch,
    /// No secret is configured, so that nothing can be verified.
    #[error("no webhook secret is configured")]
    NoSecret,
    /// The provider signed more bytes than any event has.
    #[error("the delivery is larger than 256 KiB")]
    TooLarge,
    /// The provider signed something that is no JSON object with a type.
    #[error("the delivery is no JSON object with a type")]
    NoEvent,
}

impl DeliveryError {
    /// Returns whether newer secrets may help.
    #[must_use]
    pub(crate) fn suggests_old_secrets(self) -> bool {
        matches!(self, Self::Mismatch | Self::NoSecret)
    }

    /// Returns whether the delivery is the provider's all the same: its digest matches.
    #[must_use]
    pub fn is_verified(self) -> bool {
        match self {
            Self::TooLarge | Self::NoEvent => true,
            Self::NoDigest | Self::Algorithm | Self::Mismatch | Self::NoSecret => false,
        }
    }
}
