//! The decision on who may do what needs a verified identity.

use crate::kyc::{ProviderTime, Review, UserId};
use crate::repository::{RepositoryError, UserStore, Users};

/// Admits users whose verification is approved and whom no operator blocked. Knows nobody else, and asks no provider.
#[derive(Debug)]
pub struct Gate<S = Users> {
    /// The store of users.
    pub users: S,
}

/// The answer to a user who wants in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The user is approved since this date.
    Approved(ProviderTime),
    /// The user is not approved.
    Unapproved,
    /// Operators keep the user out, approved or not. Verification would not help.
    Blocked,
}

impl<S: UserStore> Gate<S> {
    /// Decides about a user. One of whom nothing is stored is not approved.
    ///
    /// # Errors
    /// [`RepositoryError`] if the user cannot be read.
    pub async fn admission(&self, id: &UserId) -> Result<Admission, RepositoryError> {
        let Some(user) = self.users.standing(id).await? else {
            return Ok(Admission::Unapproved);
        };
        if user.blocked_since.is_some() {
            return Ok(Admission::Blocked);
        }
        Ok(match user.review {
            Review::Approved { at, .. } => Admission::Approved(at),
            Review::Pending
            | Review::InProgress
            | Review::Retry { .. }
            | Review::Rejected { .. } => Admission::Unapproved,
        })
    }
}
