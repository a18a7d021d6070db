//! Keeps one user, or whoever holds their token, from running up the provider's bill.

use super::ServiceError;
use crate::kyc::{RateLimit, UserId};
use crate::platform::Clock;
use crate::repository::Counters;

/// Counts the uses of a limit, across all instances of a function.
#[derive(Debug)]
pub struct RateLimiter {
    /// The counters of all users.
    pub counters: Counters,
    /// The limit of each user.
    pub limit: RateLimit,
    /// The clock by which windows begin and end.
    pub clock: Clock,
}

impl RateLimiter {
    /// Takes one use off the user's limit. A use that cannot be counted is refused.
    ///
    /// # Errors
    /// [`ServiceError::RateLimited`] if none is left, [`ServiceError::Repository`] if the table cannot be used.
    pub async fn take(&self, id: &UserId) -> Result<(), ServiceError> {
        let now = (self.clock)();
        let ends_at = self.limit.window_end(now);
        if self.counters.take(id, &self.limit, ends_at).await? {
            Ok(())
        } else {
            Err(ServiceError::RateLimited {
                retry_after: ends_at.since(now),
            })
        }
    }
}
