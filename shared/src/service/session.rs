//! Opening a session of the provider's SDK.

use secrecy::SecretString;

use super::{KycService, ServiceError};
use crate::kyc::{Level, UserId};
use crate::platform::Deadline;
use crate::provider::Provider;
use crate::repository::UserStore;

/// Cause in the history. A session changes no status, so that the history never shows it.
const CAUSE: &str = "session";

impl<S: UserStore, P: Provider> KycService<S, P> {
    /// Creates a token for the provider's SDK, unless the verdict is final: then nothing is left to verify, and each session costs.
    ///
    /// The session is stored first: the schedule checks its user even if no webhook ever arrives.
    ///
    /// # Errors
    /// [`ServiceError::Decided`] for approved and rejected users, otherwise the failure of table or provider.
    pub async fn open_session(
        &self,
        id: &UserId,
        level: &Level,
        deadline: Deadline,
    ) -> Result<SecretString, ServiceError> {
        self.change(id, CAUSE.into(), |user| {
            let user = user.unwrap_or_else(|| self.new_user(id));
            let status = user.review.status();
            if !status.may_start_verification() {
                return Err(ServiceError::Decided(status));
            }
            let opened = user.with_session((self.clock)());
            Ok((user, opened))
        })
        .await?;
        Ok(self.provider.create_session(id, level, deadline).await?)
    }
}
