//! Opening a session of the provider's SDK.

use secrecy::SecretString;

use super::ServiceError;
use crate::kyc::{Status, UserId};
use crate::provider::Provider;
use crate::repository::Users;
use crate::runtime::Deadline;

/// Makes a token for the provider's SDK, unless the verdict is final: then nothing is left to verify, and each session costs.
///
/// # Errors
/// [`ServiceError::Decided`] for approved and rejected users, otherwise what the table or the provider says.
pub async fn start_session(
    users: &Users,
    provider: &impl Provider,
    user: &UserId,
    deadline: Deadline,
) -> Result<SecretString, ServiceError> {
    let status = users
        .get(user)
        .await?
        .map_or(Status::Pending, |user| user.review.status());
    if !status.may_start_verification() {
        return Err(ServiceError::Decided(status));
    }
    Ok(provider.create_session(user, deadline).await?)
}
