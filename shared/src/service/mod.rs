//! The use cases: what a function calls once it knows who asks for what.

mod batches;
mod details;
mod gate;
mod operations;
mod rate_limiter;
mod reconcile;
mod session;
mod status;
mod store;
mod webhook;

pub use batches::{ErasedAgain, Import, Replay};
pub use details::Details;
pub use gate::{Admission, Gate};
pub use operations::{Erasure, HistoryPage, Waiting};
pub use rate_limiter::RateLimiter;
pub use reconcile::{PACE, Reconciled};
pub use webhook::{DeliveryOutcome, WebhookReceiver};

use std::time::Duration;

use crate::kyc::{Policy, Standing, Status, StepConflict, User, UserId};
use crate::platform::{Clock, Unavailable};
use crate::provider::sumsub::Sumsub;
use crate::provider::{DeliveryError, ProviderError};
use crate::repository::{RepositoryError, UserStore, Users};

/// The use cases about users. `P` is the provider, or `()` where it is never asked.
#[derive(Debug)]
pub struct KycService<S = Users, P = Sumsub> {
    /// The store of users.
    pub users: S,
    /// The verification provider.
    pub provider: P,
    /// The rules of the core.
    pub policy: Policy,
    /// The clock that the use cases read.
    pub clock: Clock,
}

impl<S: UserStore, P> KycService<S, P> {
    /// Reads the standing of a user, or that of a new one if none is stored.
    ///
    /// # Errors
    /// [`RepositoryError`] if the user cannot be read.
    pub async fn standing(&self, id: &UserId) -> Result<Standing, RepositoryError> {
        let stored = self.users.standing(id).await?;
        Ok(stored.unwrap_or_else(|| self.new_user(id).into()))
    }

    /// Loads a user, or makes a new one if none is stored.
    ///
    /// # Errors
    /// [`RepositoryError`] if the user cannot be read.
    pub async fn user(&self, id: &UserId) -> Result<User, RepositoryError> {
        let stored = self.users.get(id).await?;
        Ok(stored.unwrap_or_else(|| self.new_user(id)))
    }

    fn new_user(&self, id: &UserId) -> User {
        User::new(id.clone(), self.policy.onboarding.first().clone())
    }
}

/// A use case that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The provider knows no applicant of this user.
    #[error("the user has no applicant at the provider")]
    NoApplicant,
    /// The verdict is final, so that there is nothing to start.
    #[error("the verification is {} already", .0.as_str())]
    Decided(Status),
    /// The user reached a rate limit.
    #[error("the user's rate limit is reached")]
    RateLimited {
        /// The time until the next window.
        retry_after: Duration,
    },
    /// Nothing is stored of the user.
    #[error("nothing is stored of the user")]
    UnknownUser,
    /// The step that an operator wants does not go with the present one.
    #[error(transparent)]
    Step(#[from] StepConflict),
    /// The delivery is not proven to be the provider's.
    #[error(transparent)]
    Unverified(DeliveryError),
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] Unavailable),
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The table failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
