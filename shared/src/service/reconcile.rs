//! Finding out what no webhook told.

use std::time::Duration;

use super::{Recorder, ServiceError};
use crate::kyc::{Transition, User, UserId, apply, erase};
use crate::provider::{Provider, Sighting, Subject};
use crate::repository::{RepositoryError, Shard, UserStore};
use crate::runtime::{Deadline, chain};

/// What history calls the cause of a change that was found here.
const CAUSE: &str = "reconcile";

/// How much time there is at least between two looks: a third of the requests that the provider allows an account (300 in
/// 5 s). The rest is for users who are waiting.
pub const PACE: Duration = Duration::from_millis(50);

/// How many users of a shard are taken at a time.
const BATCH: u8 = 20;

/// After how many failures in a row the provider or the table is taken to be away, and the rest left to the next run.
const AWAY: u32 = 5;

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Users looked at.
    pub checked: u32,
    /// Users among them whose status changed, or whose missing name was filled in.
    pub repaired: u32,
    /// Users who could not be looked at, and come again later.
    pub failed: u32,
    /// How long the one of those looked at had waited whose turn came latest.
    pub longest_wait: Duration,
}

/// Looks at users of whom something is awaited and overdue, one in `pace` at most, until there are none or the deadline comes.
///
/// A run needs nothing from the one before: who was looked at is due later, also when that failed, so that a user who fails
/// again and again does not keep the others from their turn.
///
/// # Errors
/// [`RepositoryError`] when the users who are due cannot be listed. What goes wrong with a single user is logged and counted.
pub async fn reconcile<S: UserStore>(
    recorder: &Recorder<S>,
    provider: &impl Provider,
    pace: Duration,
    deadline: Deadline,
) -> Result<Reconciled, RepositoryError> {
    let mut sum = Reconciled::default();
    let mut failures_in_a_row = 0;
    loop {
        let checked_before = sum.checked;
        for shard in Shard::all() {
            for id in recorder.users.due(shard, (recorder.clock)(), BATCH).await? {
                if deadline.has_passed() || failures_in_a_row == AWAY {
                    return Ok(sum);
                }
                let (look, ()) = tokio::join!(
                    look(recorder, provider, &id, deadline),
                    tokio::time::sleep(pace)
                );
                failures_in_a_row = if look.is_ok() {
                    0
                } else {
                    failures_in_a_row + 1
                };
                match look {
                    Ok(Look::NotDue) => {}
                    Ok(Look::Checked { repaired, waited }) => {
                        sum.checked += 1;
                        sum.repaired += u32::from(repaired);
                        sum.longest_wait = sum.longest_wait.max(waited);
                    }
                    Err(error) => {
                        sum.failed += 1;
                        tracing::warn!(user = %id, error = %chain(&error), "user not reconciled");
                    }
                }
            }
        }
        if sum.checked == checked_before {
            return Ok(sum);
        }
    }
}

/// What became of a user who was listed as due.
enum Look {
    /// Somebody else was faster.
    NotDue,
    /// The provider was asked.
    Checked {
        /// Whether it knew something that we did not.
        repaired: bool,
        /// How long the user had been due.
        waited: Duration,
    },
}

async fn look<S: UserStore>(
    recorder: &Recorder<S>,
    provider: &impl Provider,
    id: &UserId,
    deadline: Deadline,
) -> Result<Look, ServiceError> {
    let user = recorder.load(id).await?;
    let now = (recorder.clock)();
    let Some(due) = user.due_at().filter(|due| *due <= now) else {
        return Ok(Look::NotDue);
    };
    let sighting = provider.observe(Subject::User(id), deadline).await;
    let seen = |user: &User| {
        let user = match &sighting {
            Ok(Sighting::Applicant(snapshot)) => {
                apply(user, &snapshot.observation, &recorder.onboarding)
            }
            Ok(Sighting::Deleted { at }) => erase(user, *at),
            Ok(Sighting::Nobody) | Err(_) => user.clone(),
        };
        User {
            checked_at: user.checked_at.max(Some(now)),
            ..user
        }
    };
    let after = recorder.record_read(user.clone(), CAUSE, seen).await?;
    sighting?;
    let repaired =
        Transition::between(&user, &after).is_some() || (user.lacks_name() && !after.lacks_name());
    let waited = now.since(due);
    Ok(Look::Checked { repaired, waited })
}
