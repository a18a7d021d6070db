//! The decision on who may do what needs a verified identity.

use crate::kyc::{Status, UserId};
use crate::repository::{RepositoryError, UserStore, Users};

/// Admits users whose verification is approved. Knows nobody else, and asks no provider.
#[derive(Debug)]
pub struct Gate<S = Users> {
    /// The store of users.
    pub users: S,
}

impl<S: UserStore> Gate<S> {
    /// Returns whether the user is approved. A user of whom nothing is stored is not.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn admits(&self, id: &UserId) -> Result<bool, RepositoryError> {
        let user = self.users.get(id).await?;
        Ok(user.is_some_and(|user| user.review.status() == Status::Approved))
    }
}
