//! Opening a session of the provider's SDK.

use secrecy::SecretString;

use super::{Recorder, ServiceError};
use crate::kyc::{User, UserId};
use crate::provider::Provider;
use crate::repository::UserStore;
use crate::runtime::Deadline;

/// What history would call the cause; a session changes no status.
const CAUSE: &str = "session";

/// Makes a token for the provider's SDK, unless the verdict is final: then nothing is left to verify, and each session costs.
///
/// That there is a session is stored first. The reconciliation looks after its user even if no webhook ever arrives.
///
/// # Errors
/// [`ServiceError::Decided`] for approved and rejected users, otherwise what the table or the provider says.
pub async fn start_session<S: UserStore>(
    recorder: &Recorder<S>,
    provider: &impl Provider,
    id: &UserId,
    deadline: Deadline,
) -> Result<SecretString, ServiceError> {
    let user = recorder.load(id).await?;
    let status = user.review.status();
    if !status.may_start_verification() {
        return Err(ServiceError::Decided(status));
    }
    let now = (recorder.clock)();
    let opened = |user: &User| User {
        session_at: user.session_at.max(Some(now)),
        ..user.clone()
    };
    recorder.record_read(user, CAUSE, opened).await?;
    Ok(provider.create_session(id, deadline).await?)
}
