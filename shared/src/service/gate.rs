//! The decision on who may do what needs a verified identity.

use crate::kyc::{ProviderTime, Review, UserId};
use crate::repository::{RepositoryError, UserStore, Users};

/// Admits users whose verification is approved. Knows nobody else, and asks no provider.
#[derive(Debug)]
pub struct Gate<S = Users> {
    /// The store of users.
    pub users: S,
}

impl<S: UserStore> Gate<S> {
    /// Returns the date of the approval, or `None` for a user who is not approved. A user of whom nothing is stored is not.
    ///
    /// # Errors
    /// [`RepositoryError`] if the user cannot be read.
    pub async fn approval(&self, id: &UserId) -> Result<Option<ProviderTime>, RepositoryError> {
        let user = self.users.get(id).await?;
        Ok(user.and_then(|user| match user.review {
            Review::Approved { at, .. } => Some(at),
            Review::Pending
            | Review::InProgress
            | Review::Retry { .. }
            | Review::Rejected { .. } => None,
        }))
    }
}
