//! Users in DynamoDB.
//!
//! One table, key `user_id` + `sk`. Beside the user (`USER`) lie, under the same `user_id`, what happened to it
//! (`HISTORY#…`, one item per transition, no personal data) and which deliveries were dealt with (`EVENT#…`, with a TTL).
//! An effect is one write of all of these or of none.

mod item;
mod store;
mod users;

pub use store::{CommitError, EventRecord, Loaded, RepositoryError, Shard, UserStore};
pub use users::Users;
