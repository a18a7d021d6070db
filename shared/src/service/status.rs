//! The status as the provider sees it now.

use super::store::Read;
use super::{KycService, ServiceError};
use crate::kyc::{User, UserId};
use crate::platform::{Deadline, metrics};
use crate::provider::Provider;
use crate::repository::UserStore;

/// Cause in the history.
const CAUSE: &str = "refresh";

impl<S: UserStore, P: Provider> KycService<S, P> {
    /// Reads the provider and returns the user as stored afterwards. A read that changes nothing is not stored.
    ///
    /// # Errors
    /// [`ServiceError::NoApplicant`] if the provider knows no active applicant of the user.
    pub async fn refresh(&self, id: &UserId, deadline: Deadline) -> Result<User, ServiceError> {
        let result = self.refreshed(id, deadline).await;
        let outcome = match &result {
            Ok(read) if read.user.review.status() != read.before.review.status() => "changed",
            Ok(_) => "unchanged",
            Err(ServiceError::NoApplicant) => "no_applicant",
            Err(_) => "failed",
        };
        metrics::count("Refreshes", ("outcome", outcome));
        result.map(|read| read.user)
    }

    async fn refreshed(&self, id: &UserId, deadline: Deadline) -> Result<Read, ServiceError> {
        let user = self.user(id).await?;
        let read = self.read(user, CAUSE.into(), deadline).await?;
        if read.lookup.is_active_for(&read.user) {
            Ok(read)
        } else {
            Err(ServiceError::NoApplicant)
        }
    }
}
