//! Users in DynamoDB.
//!
//! One table for each kind of item, so that rights and expiry can tell them apart:
//!
//! | Table | Key | Item | Removed |
//! |---|---|---|---|
//! | users | `user_id` | the user object | never |
//! | history | `user_id`, `sequence` | one transition, without personal data; numbered without gaps for each user | never |
//! | deliveries | `event_key` | an event that was dealt with | after 30 days (`expires_at`) |
//! | counters | `user_id`, `window` | the uses of a rate limit in one window | after its end (`expires_at`) |
//!
//! An effect is one transaction over users, history and deliveries. The index `due` of the users lists who is due for a check.

mod counters;
mod erasures;
mod history;
mod item;
mod store;
mod users;
mod write;

pub use counters::Counters;
pub use erasures::ErasureKey;
pub use history::{HistoryKey, HistoryKeys};
pub use item::{HistoryEntry, InvalidAttribute};
pub use store::{
    Commit, CommitError, DueUser, EventRecord, Loaded, RepositoryError, Shard, UserStore,
};
pub use users::{LinkedUsers, Users};
