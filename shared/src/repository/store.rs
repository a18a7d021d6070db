//! The store of users, whatever it keeps them in.

use std::error::Error;
use std::future::Future;

use sha2::{Digest, Sha256};

use super::item::InvalidAttribute;
use crate::kyc::{Cause, Due, ErasedApplicant, EventKey, Queue, Standing, Timestamp, User, UserId};
use crate::platform::Unavailable;

/// A store of users.
pub trait UserStore: Sync {
    /// Reads a user, strongly consistent: a client that polls never sees an older state than before.
    fn get(
        &self,
        id: &UserId,
    ) -> impl Future<Output = Result<Option<User>, RepositoryError>> + Send;

    /// Reads the standing of a user, as consistent as [`get`](Self::get). A store that can reads no more than that.
    fn standing(
        &self,
        id: &UserId,
    ) -> impl Future<Output = Result<Option<Standing>, RepositoryError>> + Send {
        async { Ok(self.get(id).await?.map(Standing::from)) }
    }

    /// Reads a user, and whether an event was dealt with. An event past its expiry is unknown, also while it is still stored.
    fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Loaded, RepositoryError>> + Send;

    /// Stores a change of a user, its history item and its event, all or nothing. Returns the user as stored.
    ///
    /// A user who did not change is stored again if there is no event either: that renews their place in the index.
    fn commit(&self, change: Commit<'_>) -> impl Future<Output = Result<User, CommitError>> + Send;

    /// Returns whether the registry has an applicant as erased, whatever the user's item says: it may come from a backup.
    fn is_erased(
        &self,
        applicant: &ErasedApplicant,
    ) -> impl Future<Output = Result<bool, RepositoryError>> + Send;

    /// Lists users of a shard who are due in a queue, the longest due first, at most `limit`, beginning after the user `after`. A
    /// user may be listed a moment after they are not due any more.
    fn due(
        &self,
        queue: Queue,
        shard: Shard,
        now: Timestamp,
        after: Option<&DueUser>,
        limit: u8,
    ) -> impl Future<Output = Result<Vec<DueUser>, RepositoryError>> + Send;
}

/// A change to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// The user as loaded. The change is refused if the user was stored since.
    pub before: &'a User,
    /// The user as changed.
    pub after: &'a User,
    /// The next check of the changed user.
    pub due: Option<Due>,
    /// The cause, for the history.
    pub cause: Cause<'a>,
    /// The event that caused the change, if one did.
    pub event: Option<EventRecord<'a>>,
    /// Applicants to be registered as erased.
    pub erased: &'a [ErasedApplicant],
    /// The time of the change.
    pub now: Timestamp,
}

/// A user in the index of those who are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueUser {
    /// The id of the user.
    pub id: UserId,
    /// The time since which the user is due.
    pub at: Timestamp,
}

/// A part of the users. There are several, so that no partition of the index takes all writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard(u8);

impl Shard {
    const COUNT: u8 = 16;

    /// Returns all shards.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Returns the shard of a user.
    #[must_use]
    pub fn of(id: &UserId) -> Self {
        let first = Sha256::digest(id.as_str()).first().copied();
        Self(first.unwrap_or_default() % Self::COUNT)
    }

    /// Returns the partition of the index that holds a queue's users of this shard.
    pub(super) fn partition(self, queue: Queue) -> String {
        format!("{}#{}", queue.as_str(), self.0)
    }
}

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// DynamoDB fails or cannot be reached.
    #[error("DynamoDB: {operation} failed")]
    Dynamo {
        /// The operation of DynamoDB's API.
        operation: &'static str,
        /// The error of the AWS SDK.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// DynamoDB takes a request for invalid, whoever makes it and whenever.
    #[error("DynamoDB: {operation} is invalid")]
    Invalid {
        /// The operation of DynamoDB's API.
        operation: &'static str,
        /// The error of the AWS SDK.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// DynamoDB did not answer in time. Whether the request had an effect is unknown.
    #[error("DynamoDB: {operation} took too long")]
    TimedOut {
        /// The operation of DynamoDB's API.
        operation: &'static str,
    },
    /// DynamoDB has no capacity for the request, or for all of it.
    #[error("DynamoDB throttles us")]
    Throttled,
    /// The key of the registry of erased applicants cannot be had.
    #[error(transparent)]
    Secret(#[from] Unavailable),
    /// The key of the registry of erased applicants is none.
    #[error("the erasure secret holds no key")]
    NoErasureKey,
    /// An item is not what we write.
    #[error("the item of a user is damaged")]
    Item(#[from] InvalidAttribute),
    /// The user was changed by others too many times in a row.
    #[error("the user is changed by too many at once")]
    Contention,
}

impl RepositoryError {
    /// Returns whether the failure is one user's own, so that others can be stored all the same.
    #[must_use]
    pub(crate) fn is_of_one_user(&self) -> bool {
        match self {
            Self::Invalid { .. } | Self::Item(_) | Self::Contention => true,
            Self::Dynamo { .. }
            | Self::TimedOut { .. }
            | Self::Throttled
            | Self::Secret(_)
            | Self::NoErasureKey => false,
        }
    }
}

/// A change that was not stored. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The user was stored by somebody else since it was loaded.
    #[error("the user was changed meanwhile")]
    Conflict,
    /// The event was dealt with already.
    #[error("the event was dealt with already")]
    Duplicate,
    /// The tables cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// An event to be remembered together with its effect.
#[derive(Debug, Clone, Copy)]
pub struct EventRecord<'a> {
    /// The idempotency key.
    pub key: &'a EventKey,
    /// The provider's word for the kind of event.
    pub kind: &'a str,
}

/// A user and an event as stored.
#[derive(Debug)]
pub struct Loaded {
    /// The user, if there is one.
    pub user: Option<User>,
    /// True if the event was dealt with already.
    pub event_known: bool,
}
