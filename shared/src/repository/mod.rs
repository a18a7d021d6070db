//! Users in DynamoDB.
//!
//! One table, key `user_id` + `sk`. Beside the user (`USER`) lie, under the same `user_id`, what happened to it
//! (`HISTORY#…`, one item per transition, no personal data), which deliveries were dealt with (`EVENT#…`, with a TTL) and how often
//! the provider was asked because of them (`SPENT#…`, with a TTL).
//! An effect is one write of user, history and event, or of none.

mod item;
mod store;
mod users;
mod write;

pub use store::{CommitError, EventRecord, Loaded, RepositoryError, Shard, UserStore};
pub use users::Users;
