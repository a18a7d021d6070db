//! What a store of users does, whatever it keeps them in.

use std::error::Error;
use std::future::Future;

use sha2::{Digest, Sha256};

use super::item::InvalidAttribute;
use crate::kyc::{Timestamp, User, UserId};
use crate::provider::EventKey;

/// Where users are kept.
pub trait UserStore: Sync {
    /// Reads a user, strongly consistent: who polls never sees an older state than before.
    fn get(
        &self,
        id: &UserId,
    ) -> impl Future<Output = Result<Option<User>, RepositoryError>> + Send;

    /// Reads a user, and whether an event was dealt with. An event past its time counts as unknown, also while it is still there.
    fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Loaded, RepositoryError>> + Send;

    /// Stores what became of a user, the transition if there was one, and the event that caused it: all or nothing.
    ///
    /// `before` must be as it was loaded; `after` is stored under the next version. `cause` is a word for the history.
    fn commit(
        &self,
        before: &User,
        after: &User,
        cause: &str,
        event: Option<EventRecord<'_>>,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Users of a shard who are due to be looked at, the longest due first. A user may be listed a moment after they are not due
    /// any more.
    fn due(
        &self,
        shard: Shard,
        now: Timestamp,
        limit: u8,
    ) -> impl Future<Output = Result<Vec<UserId>, RepositoryError>> + Send;
}

/// A part of the users in flight. There are several, so that no partition of the index takes all writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard(u8);

impl Shard {
    const COUNT: u8 = 16;

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// The one that a user is in.
    #[must_use]
    pub fn of(id: &UserId) -> Self {
        let first = Sha256::digest(id.as_str()).first().copied();
        Self(first.unwrap_or_default() % Self::COUNT)
    }

    /// Its key.
    pub(super) fn key(self) -> String {
        self.0.to_string()
    }
}

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// DynamoDB fails or cannot be reached.
    #[error("DynamoDB: {operation} failed")]
    Dynamo {
        /// Which operation.
        operation: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// DynamoDB did not answer in time. Whether it did what it was asked is not known.
    #[error("DynamoDB: {operation} took too long")]
    TimedOut {
        /// Which operation.
        operation: &'static str,
    },
    /// DynamoDB has no capacity for the request, or for all of it.
    #[error("DynamoDB throttles us")]
    Throttled,
    /// An item is not what we write.
    #[error("the item of a user is damaged")]
    Item(#[from] InvalidAttribute),
    /// The user changed under our hands too many times in a row.
    #[error("the user is changed by too many at once")]
    Contention,
}

/// Why a change was not stored. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The user was changed since it was loaded.
    #[error("the user was changed meanwhile")]
    Conflict,
    /// The event was dealt with already.
    #[error("the event was dealt with already")]
    Duplicate,
    /// The table cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// A delivery to be remembered together with its effect.
#[derive(Debug, Clone, Copy)]
pub struct EventRecord<'a> {
    /// Which event.
    pub key: &'a EventKey,
    /// What the provider calls it.
    pub kind: &'a str,
}

/// What is stored about a user and an event.
#[derive(Debug)]
pub struct Loaded {
    /// The user, if there is one.
    pub user: Option<User>,
    /// Whether the event was dealt with already.
    pub event_known: bool,
}
