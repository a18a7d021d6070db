//! Where a user's verification stands.

use super::{Recorder, ServiceError};
use crate::kyc::{User, UserId, apply, erase};
use crate::provider::{Provider, Sighting, Subject};
use crate::repository::UserStore;
use crate::runtime::{Deadline, metrics};

/// What history calls the cause of a change that a poll found.
const CAUSE: &str = "refresh";

/// The user as the provider sees it now: one read there, which is stored like any other observation.
///
/// # Errors
/// [`ServiceError::NoApplicant`] when the provider knows no applicant of the user.
pub async fn refresh<S: UserStore>(
    recorder: &Recorder<S>,
    provider: &impl Provider,
    id: &UserId,
    deadline: Deadline,
) -> Result<User, ServiceError> {
    let result = refreshed(recorder, provider, id, deadline).await;
    let outcome = match &result {
        Ok(Refreshed { changed: true, .. }) => "changed",
        Ok(Refreshed { changed: false, .. }) => "unchanged",
        Err(ServiceError::NoApplicant) => "no_applicant",
        Err(_) => "failed",
    };
    metrics::count("Refreshes", ("outcome", outcome));
    result.map(|refreshed| refreshed.user)
}

struct Refreshed {
    user: User,
    /// Whether the status is another one than before.
    changed: bool,
}

async fn refreshed<S: UserStore>(
    recorder: &Recorder<S>,
    provider: &impl Provider,
    id: &UserId,
    deadline: Deadline,
) -> Result<Refreshed, ServiceError> {
    let (stored, sighting) = tokio::join!(
        recorder.load(id),
        provider.observe(Subject::User(id), deadline)
    );
    let (stored, sighting) = (stored?, sighting?);
    match sighting {
        Sighting::Nobody => Err(ServiceError::NoApplicant),
        Sighting::Deleted { at } => {
            recorder
                .record_read(stored, CAUSE, |user| erase(user, at))
                .await?;
            Err(ServiceError::NoApplicant)
        }
        Sighting::Applicant(snapshot) => {
            let before = stored.review.status();
            let user = recorder
                .record_read(stored, CAUSE, |user| {
                    apply(user, &snapshot.observation, &recorder.onboarding)
                })
                .await?;
            let changed = user.review.status() != before;
            Ok(Refreshed { user, changed })
        }
    }
}
