//! What can go wrong at a provider.

use std::time::Duration;

use crate::runtime::SecretError;

/// Why a call of the provider failed. Holds nothing of a body but the provider's correlation id.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Our credentials cannot be had.
    #[error("the provider's credentials cannot be loaded")]
    Credentials(#[source] SecretError),
    /// Our credentials are not accepted (401, 403).
    #[error("the provider refuses our credentials: {status}, correlation id {correlation_id}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What the provider's support asks for; `-` when there is none.
        correlation_id: String,
    },
    /// Too many requests (429).
    #[error("the provider throttles us")]
    Throttled {
        /// How long the provider wants us to wait.
        retry_after: Option<Duration>,
    },
    /// The provider is away (5xx).
    #[error("the provider fails: {status}, correlation id {correlation_id}")]
    Unavailable {
        /// HTTP status.
        status: u16,
        /// What the provider's support asks for; `-` when there is none.
        correlation_id: String,
    },
    /// The provider cannot be reached, or not in time.
    #[error("the provider cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The answer took too long.
    #[error("the provider did not answer in time")]
    TimedOut,
    /// Not even asked: it failed a moment ago.
    #[error("the provider was not asked, because it just failed")]
    Suspended {
        /// When it is asked again.
        retry_after: Duration,
    },
    /// A status that the call does not know, such as the 404 of an unknown level.
    #[error("the provider answers unexpectedly: {status}, correlation id {correlation_id}")]
    Unexpected {
        /// HTTP status.
        status: u16,
        /// What the provider's support asks for; `-` when there is none.
        correlation_id: String,
    },
    /// An answer that cannot be read. Its content may be personal, so nothing of it is kept.
    #[error("the provider's answer cannot be read")]
    Malformed,
}

impl ProviderError {
    /// When it is worth asking again: after what the provider says, or a short while; none when waiting does not help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        const SHORTLY: Duration = Duration::from_secs(3);
        match self {
            Self::Throttled { retry_after } => Some(retry_after.unwrap_or(SHORTLY)),
            Self::Suspended { retry_after } => Some(*retry_after),
            Self::Unavailable { .. } | Self::Unreachable(_) | Self::TimedOut => Some(SHORTLY),
            Self::Credentials(_)
            | Self::Refused { .. }
            | Self::Unexpected { .. }
            | Self::Malformed => None,
        }
    }

    /// What metrics call it: `credentials` need somebody to act, `throttled` and `not_asked` pass, `failed` is the provider's.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Credentials(_) | Self::Refused { .. } => "credentials",
            Self::Throttled { .. } => "throttled",
            Self::Suspended { .. } => "not_asked",
            Self::Unavailable { .. }
            | Self::Unreachable(_)
            | Self::TimedOut
            | Self::Unexpected { .. }
            | Self::Malformed => "failed",
        }
    }

    /// Whether one more try of a read may help at once.
    #[must_use]
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Unreachable(_) => true,
            Self::Credentials(_)
            | Self::Refused { .. }
            | Self::Throttled { .. }
            | Self::TimedOut
            | Self::Suspended { .. }
            | Self::Unexpected { .. }
            | Self::Malformed => false,
        }
    }
}
