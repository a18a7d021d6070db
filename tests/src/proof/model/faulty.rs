//! A store whose writes fail when they are told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::kyc::{Status, Timestamp, User, UserId};
use shared::provider::EventKey;
use shared::repository::{CommitError, EventRecord, Loaded, RepositoryError, Shard, UserStore};

/// The store.
pub(super) struct Faulty<S> {
    pub(super) store: S,
    /// Whether the next write fails, and if so, whether it has its effect all the same.
    pub(super) fault: Mutex<Option<bool>>,
    /// Whether the user was ever stored as approved, be it for a moment while somebody else was writing, too.
    pub(super) approved: AtomicBool,
}

impl<S: UserStore> UserStore for Faulty<S> {
    async fn get(&self, id: &UserId) -> Result<Option<User>, RepositoryError> {
        self.store.get(id).await
    }

    async fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        now: Timestamp,
    ) -> Result<Loaded, RepositoryError> {
        self.store.get_with_event(id, event, now).await
    }

    async fn commit(
        &self,
        before: &User,
        after: &User,
        cause: &str,
        event: Option<EventRecord<'_>>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let fault = self.fault.lock().unwrap().take();
        if fault != Some(false) {
            self.store.commit(before, after, cause, event, now).await?;
            if after.review.status() == Status::Approved {
                self.approved.store(true, Ordering::Relaxed);
            }
        }
        match fault {
            None => Ok(()),
            Some(_) => Err(RepositoryError::TimedOut {
                operation: "TransactWriteItems",
            }
            .into()),
        }
    }

    async fn due(
        &self,
        shard: Shard,
        now: Timestamp,
        limit: u8,
    ) -> Result<Vec<UserId>, RepositoryError> {
        self.store.due(shard, now, limit).await
    }
}
