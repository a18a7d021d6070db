//! What is in the database before the first request.

use crate::Error;

/// Puts a first user into the table, if it is not there yet.
///
/// # Errors
/// The database refuses.
#[expect(clippy::unused_async, reason = "the body is to come")]
pub async fn seed(_endpoint: &str, _table: &str) -> Result<(), Error> {
    Ok(())
}
