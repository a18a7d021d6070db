//! What a delivery of the provider's webhook brings about.

use std::time::Duration;

use super::record::Recorded;
use super::{Recorder, ServiceError};
use crate::kyc::{Observation, User, UserId, apply, erase, rename};
use crate::provider::{Event, News, Origin, Provider, Sighting, Subject, Verified, Webhook};
use crate::repository::{EventRecord, UserStore, Users};
use crate::runtime::{Deadline, chain};

/// The provider gives a delivery up after 5 s, so reading a name may take this long at most.
const READ: Duration = Duration::from_millis(2500);

/// Takes events in.
#[derive(Debug)]
pub struct Receiver<S = Users> {
    /// Where effects are kept.
    pub recorder: Recorder<S>,
    /// Whether events of the provider's sandbox have an effect.
    pub accepts_sandbox: bool,
}

/// What became of an event. In each case it needs no other delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is stored.
    Applied,
    /// It was dealt with before.
    Duplicate,
    /// It has no effect on any user of ours.
    Ignored,
}

impl Outcome {
    /// The name in answers and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
        }
    }
}

impl<S: UserStore> Receiver<S> {
    /// Stores the effect of a delivery. Returns only after that is durable, because the function freezes after its answer.
    ///
    /// # Errors
    /// [`ServiceError`] when the effect could not be stored: the provider must deliver again.
    pub async fn receive(
        &self,
        webhook: &impl Webhook,
        provider: &impl Provider,
        delivery: Verified<'_>,
        deadline: Deadline,
    ) -> Result<Outcome, ServiceError> {
        let event = match webhook.parse(delivery, (self.recorder.clock)()) {
            Ok(event) => event,
            // It is the provider's, so another delivery of the same bytes would help nobody.
            Err(error) => {
                tracing::warn!(error = %chain(&error), "unreadable delivery");
                return Ok(Outcome::Ignored);
            }
        };
        let outcome = self.handle(provider, &event, deadline).await?;
        tracing::info!(kind = event.kind, outcome = outcome.as_str(), "delivery");
        Ok(outcome)
    }

    async fn handle(
        &self,
        provider: &impl Provider,
        event: &Event,
        deadline: Deadline,
    ) -> Result<Outcome, ServiceError> {
        match (event.origin, self.accepts_sandbox) {
            (Origin::Test, _) | (Origin::Sandbox, false) => return Ok(Outcome::Ignored),
            (Origin::Sandbox, true) | (Origin::Production, _) => {}
        }
        match &event.news {
            News::Irrelevant => return Ok(Outcome::Ignored),
            News::Unknown => {
                tracing::warn!(kind = event.kind, "event of an unknown type");
                return Ok(Outcome::Ignored);
            }
            News::Observed(_) | News::PersonChanged | News::Erased => {}
        }
        let deadline = deadline.at_most(READ);
        let Some(id) = self.user(provider, event, deadline).await? else {
            tracing::warn!(kind = event.kind, "event about nobody we can know");
            return Ok(Outcome::Ignored);
        };
        self.apply(provider, event, &id, deadline).await
    }

    /// Whom an event is about. One that names only the applicant takes a look at the provider.
    async fn user(
        &self,
        provider: &impl Provider,
        event: &Event,
        deadline: Deadline,
    ) -> Result<Option<UserId>, ServiceError> {
        match (&event.user, &event.applicant) {
            (Some(user), _) => Ok(Some(user.clone())),
            (None, None) => Ok(None),
            (None, Some(applicant)) => Ok(
                match provider
                    .observe(Subject::Applicant(applicant), deadline)
                    .await?
                {
                    Sighting::Applicant(snapshot) => snapshot.user,
                    Sighting::Nobody | Sighting::Deleted { .. } => None,
                },
            ),
        }
    }

    async fn apply(
        &self,
        provider: &impl Provider,
        event: &Event,
        id: &UserId,
        deadline: Deadline,
    ) -> Result<Outcome, ServiceError> {
        let recorder = &self.recorder;
        let loaded = recorder
            .users
            .get_with_event(id, &event.key, (recorder.clock)())
            .await?;
        if loaded.event_known {
            return Ok(Outcome::Duplicate);
        }
        let user = loaded.user.unwrap_or_else(|| recorder.new_user(id));

        let news = |user: &User| match &event.news {
            News::Observed(observation) => apply(user, observation, &recorder.onboarding),
            News::PersonChanged => rename(user, event.at),
            News::Erased => erase(user, event.at),
            News::Irrelevant | News::Unknown => user.clone(),
        };
        let named = self
            .approval_with_name(provider, &news(&user), deadline)
            .await;
        let change = |user: &User| {
            let user = news(user);
            match &named {
                Some(named) => apply(&user, named, &recorder.onboarding),
                None => user,
            }
        };

        let record = EventRecord {
            key: &event.key,
            kind: &event.kind,
        };
        Ok(
            match recorder
                .record(user, &event.kind, Some(record), change)
                .await?
            {
                Recorded::Done(_) => Outcome::Applied,
                Recorded::Duplicate => Outcome::Duplicate,
            },
        )
    }

    /// The approval as the provider shows it, with the name that events do not carry, if the name is missing.
    ///
    /// An approval is not lost for a name: when it cannot be read, the next read of the applicant fills it in. A provider whose
    /// reads lag behind its events does not take the approval back: only an approval is taken from the read.
    async fn approval_with_name(
        &self,
        provider: &impl Provider,
        user: &User,
        deadline: Deadline,
    ) -> Option<Observation> {
        if !user.lacks_name() {
            return None;
        }
        match provider.observe(Subject::User(&user.id), deadline).await {
            Ok(Sighting::Applicant(snapshot)) if snapshot.observation.review.name().is_some() => {
                Some(snapshot.observation)
            }
            Ok(Sighting::Applicant(_) | Sighting::Nobody | Sighting::Deleted { .. }) => None,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "approved without the name");
                None
            }
        }
    }
}
