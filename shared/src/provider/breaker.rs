//! The circuit breaker in front of the provider.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ProviderError;

/// Keeps a function from waiting for a provider that just failed.
///
/// After a call that the provider did not answer, or answered with a 5xx, all calls of this instance fail at once for 3 s; after
/// a 429 for as long as that asks for, 30 s at most. Then calls go through again, and the first one decides anew. A recovery
/// is therefore hidden for 3 s at most, and an outage costs each instance one time-out in 3 s.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Option<Instant>>);

const AWAY: Duration = Duration::from_secs(3);

impl Breaker {
    /// Lets a call through, or fails at once.
    ///
    /// # Errors
    /// [`ProviderError::Suspended`] while the breaker is open.
    pub(super) fn check(&self) -> Result<(), ProviderError> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) => Err(ProviderError::Suspended { retry_after: left }),
            None => Ok(()),
        }
    }

    /// Records the result of a call.
    pub(super) fn record<T>(&self, result: &Result<T, ProviderError>) {
        let pause = match result {
            Err(
                ProviderError::Unavailable { .. }
                | ProviderError::Unreachable(_)
                | ProviderError::TimedOut,
            ) => Some(AWAY),
            Err(ProviderError::Throttled { retry_after }) => Some(
                retry_after
                    .unwrap_or(AWAY)
                    .min(ProviderError::LONGEST_PAUSE),
            ),
            Ok(_)
            | Err(
                ProviderError::Credentials(_)
                | ProviderError::SandboxCredentials
                | ProviderError::Refused { .. }
                | ProviderError::Suspended { .. }
                | ProviderError::Unexpected { .. }
                | ProviderError::Malformed
                | ProviderError::OtherUser,
            ) => None,
        };
        if let Some(pause) = pause {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSED: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_probed_every_three_seconds() {
        let breaker = Breaker::default();
        assert!(breaker.check().is_ok());
        breaker.record::<()>(&Err(ProviderError::TimedOut));
        let Err(ProviderError::Suspended { retry_after }) = breaker.check() else {
            panic!()
        };
        assert_eq!(retry_after, PAUSED);
        tokio::time::advance(PAUSED).await;
        assert!(breaker.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttling_provider_is_not_asked_before_retry_after() {
        let breaker = Breaker::default();
        for (asked, waited) in [(Some(7), 7), (Some(3_600), 30), (None, 3)] {
            breaker.record::<()>(&Err(ProviderError::Throttled {
                retry_after: asked.map(Duration::from_secs),
            }));
            let waited = Duration::from_secs(waited);
            tokio::time::advance(waited.checked_sub(Duration::from_millis(1)).unwrap()).await;
            assert!(breaker.check().is_err());
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(breaker.check().is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_of_one_request_does_not_open_the_breaker() {
        let breaker = Breaker::default();
        breaker.record(&Ok(()));
        breaker.record::<()>(&Err(ProviderError::Malformed));
        breaker.record::<()>(&Err(ProviderError::Unexpected {
            status: 404,
            correlation_id: String::new(),
        }));
        assert!(breaker.check().is_ok());
    }
}
