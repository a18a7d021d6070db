//! Keeps one user, or whoever holds their token, from running up the provider's bill.

use super::ServiceError;
use crate::kyc::{Allowance, UserId};
use crate::repository::Users;
use crate::runtime::Clock;

/// Counts what a user does that costs, across all instances of a function.
#[derive(Debug)]
pub struct Meter {
    /// Where it is counted.
    pub users: Users,
    /// How much there is for each user.
    pub allowance: Allowance,
    /// When.
    pub clock: Clock,
}

impl Meter {
    /// Takes one off what the user may do. What cannot be counted is not done.
    ///
    /// # Errors
    /// [`ServiceError::Exhausted`] when nothing is left, [`ServiceError::Repository`] when the table cannot be used.
    pub async fn spend(&self, id: &UserId) -> Result<(), ServiceError> {
        let now = (self.clock)();
        let ends_at = self.allowance.window_end(now);
        if self.users.spend(id, &self.allowance, ends_at).await? {
            Ok(())
        } else {
            Err(ServiceError::Exhausted {
                retry_after: ends_at.since(now),
            })
        }
    }
}
