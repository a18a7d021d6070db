//! The effect of a delivery of the provider's webhook.

use std::time::Duration;

use http::HeaderMap;

use super::store::{ATTEMPTS, Stored};
use super::{KycService, ServiceError};
use crate::kyc::{Hint, ProviderTime, User, UserId, apply_hint};
use crate::platform::{ConfigError, Deadline, Environment, Secret, Variables, chain, metrics};
use crate::provider::sumsub::{WebhookSecrets, read_delivery};
use crate::provider::{ApplicantLookup, Event, EventMeaning, Origin, Provider};
use crate::repository::{EventRecord, RepositoryError, UserStore};

/// Maximum time to read the provider in a delivery: the provider gives the delivery up after 5 s.
const READ: Duration = Duration::from_millis(2500);

/// The result of a delivery. None of them needs another delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The effect is stored.
    Applied,
    /// The event was dealt with before.
    Duplicate,
    /// The event has no effect on any user of ours.
    Ignored,
}

impl DeliveryOutcome {
    /// Returns the name in responses, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
        }
    }
}

/// The receiving end of the provider's webhook.
pub struct WebhookReceiver {
    service: KycService,
    secrets: Secret<WebhookSecrets>,
    environment: Environment,
}

impl WebhookReceiver {
    /// Reads `PROVIDER_ENVIRONMENT`: events of the provider's sandbox have an effect everywhere but in `production`.
    ///
    /// # Errors
    /// [`ConfigError`] if the variable is missing or wrong.
    pub fn from_environment(
        variables: &Variables,
        service: KycService,
        secrets: Secret<WebhookSecrets>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            service,
            secrets,
            environment: Environment::from_environment(variables)?,
        })
    }

    /// Fetches the secrets and opens the connection to DynamoDB ahead of the first delivery. The provider's credentials are fetched by
    /// the first read: beside its time at the provider that is little.
    pub async fn prefetch(&self) {
        tokio::join!(self.secrets.prefetch(), self.service.users.connect());
    }

    /// Receives a delivery: proves that it is the provider's, and stores its effect. Counts its outcome.
    ///
    /// # Errors
    /// [`ServiceError::Unverified`] if it is not proven to be the provider's. Any other error: the effect could not be stored, and
    /// the provider must deliver again.
    pub async fn receive(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        deadline: Deadline,
    ) -> Result<DeliveryOutcome, ServiceError> {
        let result = self.received(headers, body, deadline).await;
        let outcome = match &result {
            Ok(outcome) => outcome.as_str(),
            Err(ServiceError::Unverified(_)) => "refused",
            Err(_) => "failed",
        };
        metrics::count("Deliveries", ("outcome", outcome));
        result
    }

    async fn received(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        deadline: Deadline,
    ) -> Result<DeliveryOutcome, ServiceError> {
        let now = ProviderTime::from_millis((self.service.clock)().millis());
        let read = |secrets: &_| read_delivery(secrets, headers, body, now);
        let event = self
            .secrets
            .check(read, |error| error.suggests_old_secrets());
        let event = match event.await? {
            Ok(event) => event,
            // It is the provider's, so another delivery of the same bytes would help nobody.
            Err(error) if error.is_verified() => {
                tracing::warn!(error = %chain(&error), "unreadable delivery");
                return Ok(DeliveryOutcome::Ignored);
            }
            Err(error) => return Err(ServiceError::Unverified(error)),
        };
        let is_effective = match event.origin {
            Origin::Production => true,
            Origin::Sandbox => self.environment == Environment::Sandbox,
            Origin::Test => false,
        };
        let outcome = if is_effective {
            self.service.receive(&event, deadline).await?
        } else {
            DeliveryOutcome::Ignored
        };
        tracing::info!(kind = event.kind, outcome = outcome.as_str(), "delivery");
        Ok(outcome)
    }
}

impl<S: UserStore, P: Provider> KycService<S, P> {
    /// Stores the effect of an event. Returns only after that is durable, because the function freezes after its response.
    ///
    /// The event itself is a hint. It is stored at once, so that a verdict is visible and survives an outage of the provider. Then
    /// the provider is read once; if that fails, or somebody else is faster, the user stays in doubt, and the schedule reads.
    ///
    /// # Errors
    /// [`ServiceError`] if the hint could not be stored: the provider must deliver again.
    pub async fn receive(
        &self,
        event: &Event,
        deadline: Deadline,
    ) -> Result<DeliveryOutcome, ServiceError> {
        let hint = match &event.meaning {
            EventMeaning::Hint(hint) => hint,
            EventMeaning::Irrelevant => return Ok(DeliveryOutcome::Ignored),
            EventMeaning::Unknown => {
                tracing::warn!(kind = event.kind, "event has an unknown type");
                return Ok(DeliveryOutcome::Ignored);
            }
        };
        let deadline = deadline.at_most(READ);
        let Some(id) = self.subject(event, hint, deadline).await? else {
            tracing::warn!(kind = event.kind, "event names no user that can be found");
            return Ok(DeliveryOutcome::Ignored);
        };
        let Some(user) = self.store_hint(&id, event, hint).await? else {
            return Ok(DeliveryOutcome::Duplicate);
        };
        if (user.doubt.is_some() || user.lacks_name())
            && let Err(error) = self.read(user, event.kind.as_str().into(), deadline).await
        {
            tracing::warn!(user = %id, error = %chain(&error), "event stored but not confirmed by a read");
        }
        Ok(DeliveryOutcome::Applied)
    }

    /// Returns the user whom an event is about. An event that names only the applicant takes a read.
    async fn subject(
        &self,
        event: &Event,
        hint: &Hint,
        deadline: Deadline,
    ) -> Result<Option<UserId>, ServiceError> {
        match (&event.user, &hint.applicant) {
            (Some(user), _) => Ok(Some(user.clone())),
            (None, None) => Ok(None),
            (None, Some(applicant)) => match self.provider.applicant(applicant, deadline).await? {
                ApplicantLookup::Active(record) => Ok(record.user),
                ApplicantLookup::NotFound | ApplicantLookup::Inactive(_) => Ok(None),
            },
        }
    }

    /// Stores a hint, together with the event's key if a repetition could change anything. Returns `None` if the event was dealt
    /// with before.
    async fn store_hint(
        &self,
        id: &UserId,
        event: &Event,
        hint: &Hint,
    ) -> Result<Option<User>, ServiceError> {
        let record = hint.effect.tells_of_review().then_some(EventRecord {
            key: &event.key,
            kind: &event.kind,
        });
        let now = (self.clock)();
        for attempt in 0..ATTEMPTS {
            let loaded = self.users.get_with_event(id, &event.key, now).await?;
            if loaded.event_known {
                return Ok(None);
            }
            let user = loaded.user.unwrap_or_else(|| self.new_user(id));
            let after = apply_hint(&user, hint, now, &self.policy);
            let cause = event.kind.as_str().into();
            match self.store(&user, &after, cause, record).await? {
                Stored::Done(user) => return Ok(Some(*user)),
                Stored::Duplicate => return Ok(None),
                Stored::Conflict => self.back_off(attempt).await,
            }
        }
        Err(RepositoryError::Contention.into())
    }
}
