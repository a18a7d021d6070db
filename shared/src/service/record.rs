//! Making a change of a user durable.

use std::time::Duration;

use super::ServiceError;
use crate::kyc::{Onboarding, Transition, User, UserId};
use crate::repository::{CommitError, EventRecord, RepositoryError, UserStore, Users};
use crate::runtime::{Clock, metrics};

/// How often a change is tried while others change the same user.
const ATTEMPTS: u32 = 8;

/// Keeps what was learned about users.
#[derive(Debug)]
pub struct Recorder<S = Users> {
    /// Where.
    pub users: S,
    /// What an approval advances.
    pub onboarding: Onboarding,
    /// When.
    pub clock: Clock,
}

/// What became of a change.
#[derive(Debug)]
pub(super) enum Recorded {
    /// It is stored, or there was nothing to store. The user as it is now.
    Done(Box<User>),
    /// The event that caused it was dealt with before.
    Duplicate,
}

impl<S: UserStore> Recorder<S> {
    /// The user as stored, or a new one.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn load(&self, id: &UserId) -> Result<User, RepositoryError> {
        Ok(self
            .users
            .get(id)
            .await?
            .unwrap_or_else(|| self.new_user(id)))
    }

    /// A user of whom nothing is stored yet.
    pub(super) fn new_user(&self, id: &UserId) -> User {
        User::new(id.clone(), self.onboarding.first().clone())
    }

    /// Applies `change` to `user` and stores the result. When somebody else changed the user meanwhile, it is loaded and changed
    /// again, a bounded number of times.
    pub(super) async fn record(
        &self,
        mut user: User,
        cause: &str,
        event: Option<EventRecord<'_>>,
        change: impl Fn(&User) -> User,
    ) -> Result<Recorded, ServiceError> {
        for attempt in 0..ATTEMPTS {
            let changed = change(&user);
            match self
                .users
                .commit(&user, &changed, cause, event, (self.clock)())
                .await
            {
                Ok(()) => {
                    if let Some(transition) = Transition::between(&user, &changed) {
                        let advanced_to =
                            transition.advanced_to.as_ref().map(tracing::field::display);
                        let (from, to) = (transition.from.as_str(), transition.to.as_str());
                        tracing::info!(user = %user.id, from, to, advanced_to, cause, "verification changed");
                        if transition.from != transition.to {
                            metrics::count("StatusReached", ("status", to));
                        }
                    }
                    return Ok(Recorded::Done(Box::new(changed)));
                }
                Err(CommitError::Duplicate) => return Ok(Recorded::Duplicate),
                Err(CommitError::Repository(error)) => return Err(error.into()),
                Err(CommitError::Conflict) => {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(
                        0..10 << attempt.min(4),
                    )))
                    .await;
                    user = self.load(&user.id).await?;
                }
            }
        }
        Err(RepositoryError::Contention.into())
    }

    /// The same for a change that no event caused.
    pub(super) async fn record_read(
        &self,
        user: User,
        cause: &str,
        change: impl Fn(&User) -> User,
    ) -> Result<User, ServiceError> {
        let id = user.id.clone();
        match self.record(user, cause, None, change).await? {
            Recorded::Done(user) => Ok(*user),
            Recorded::Duplicate => Ok(self.load(&id).await?),
        }
    }
}
