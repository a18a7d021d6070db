//! Finding out on a schedule what no webhook told.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::store::Stored;
use super::{KycService, ServiceError};
use crate::kyc::{Due, Queue, Timestamp, Transition, User, UserId, apply_missing};
use crate::platform::metrics::{self, Measure};
use crate::platform::{Deadline, chain};
use crate::provider::{ApplicantLookup, Provider};
use crate::repository::{DueUser, RepositoryError, Shard, UserStore};

/// Cause in the history.
const CAUSE: &str = "reconcile";

/// Minimum time between two checks: a third of the requests that the provider allows an account (300 in 5 s). The rest is for
/// users who are waiting.
pub const PACE: Duration = Duration::from_millis(50);

/// Users of a shard that are listed at a time.
const BATCH: u8 = 20;

/// Shards that are listed at the same time: an idle run does little else.
const LISTED_AT_ONCE: usize = 4;

/// Failures in a row after which provider or table count as away, and the rest is left to the next run.
const AWAY: u32 = 5;

/// The result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Users who were checked.
    pub checked: u32,
    /// Checked users whose stored state was stale.
    pub repaired: u32,
    /// Users whom provider or table kept from being checked. They come again later.
    pub failed: u32,
    /// Users whose item cannot be read or written, whoever tries.
    pub unusable: u32,
    /// Longest time that any checked user who is not decided was overdue.
    pub longest_wait: Duration,
}

/// A run under way.
struct Run {
    sum: Reconciled,
    failures_in_a_row: u32,
    /// True once the applicant of any user could be read with the same credentials.
    has_found: bool,
}

impl<S: UserStore, P: Provider> KycService<S, P> {
    /// Checks overdue users, at most one per `pace`, until none remain or the deadline passes: first the unsettled, then those in
    /// flight, then the decided. Counts the result.
    ///
    /// A run needs nothing from the run before: whoever was checked is due later, also if the check failed. A user who cannot be
    /// checked keeps nobody else from their turn.
    ///
    /// # Errors
    /// [`RepositoryError`] if the users who are due cannot be listed. Failures of single users are logged and counted.
    pub async fn reconcile(
        &self,
        pace: Duration,
        deadline: Deadline,
    ) -> Result<Reconciled, RepositoryError> {
        let reconciled = self.run(pace, deadline).await?;
        metrics::put(
            None,
            &[
                ("ReconcileChecked", Measure::Count(reconciled.checked)),
                ("ReconcileRepaired", Measure::Count(reconciled.repaired)),
                ("ReconcileFailed", Measure::Count(reconciled.failed)),
                ("ReconcileUnusable", Measure::Count(reconciled.unusable)),
                (
                    "ReconcileLongestWait",
                    Measure::Waited(reconciled.longest_wait),
                ),
            ],
        );
        Ok(reconciled)
    }

    async fn run(&self, pace: Duration, deadline: Deadline) -> Result<Reconciled, RepositoryError> {
        let mut run = Run {
            sum: Reconciled::default(),
            failures_in_a_row: 0,
            has_found: false,
        };
        for queue in Queue::ALL {
            // The shards take turns, so that none waits for the end of another.
            let mut shards: Vec<(Shard, Option<DueUser>)> =
                Shard::all().map(|shard| (shard, None)).collect();
            while !shards.is_empty() {
                let mut unfinished = Vec::new();
                for group in shards.chunks(LISTED_AT_ONCE) {
                    let now = (self.clock)();
                    let lists = group.iter().map(|(shard, last)| {
                        self.users.due(queue, *shard, now, last.as_ref(), BATCH)
                    });
                    for ((shard, _), batch) in group.iter().zip(try_join_all(lists).await?) {
                        for listed in &batch {
                            if deadline.has_passed() || run.failures_in_a_row == AWAY {
                                return Ok(run.sum);
                            }
                            tokio::join!(
                                self.check_counted(&mut run, queue, listed, deadline),
                                tokio::time::sleep(pace)
                            );
                        }
                        if batch.len() == usize::from(BATCH) {
                            unfinished.push((*shard, batch.into_iter().last()));
                        }
                    }
                }
                shards = unfinished;
            }
        }
        Ok(run.sum)
    }

    async fn check_counted(&self, run: &mut Run, queue: Queue, user: &DueUser, deadline: Deadline) {
        let result = self.check(run, queue, user, deadline).await;
        match result {
            Ok(Check::NotDue) => run.failures_in_a_row = 0,
            Ok(Check::Done { repaired, waited }) => {
                run.failures_in_a_row = 0;
                run.sum.checked += 1;
                run.sum.repaired += u32::from(repaired);
                if queue != Queue::Decided {
                    run.sum.longest_wait = run.sum.longest_wait.max(waited);
                }
            }
            Err(error) => {
                tracing::warn!(user = %user.id, error = %chain(&error), "user not reconciled");
                if matches!(&error, ServiceError::Repository(error) if error.is_of_one_user()) {
                    run.sum.unusable += 1;
                } else {
                    run.sum.failed += 1;
                    run.failures_in_a_row += 1;
                }
            }
        }
    }

    async fn check(
        &self,
        run: &mut Run,
        queue: Queue,
        listed: &DueUser,
        deadline: Deadline,
    ) -> Result<Check, ServiceError> {
        let Some(user) = self.users.get(&listed.id).await? else {
            return Ok(Check::NotDue);
        };
        let now = (self.clock)();
        let due = self.policy.schedule.due(&user);
        let Some(Due { at: due_at, .. }) = due.filter(|due| due.queue == queue && due.at <= now)
        else {
            // Somebody else was faster, or the rules have changed since the user was stored.
            let place = Due {
                queue,
                at: listed.at,
            };
            if due != Some(place) {
                self.rewrite(&user, CAUSE.into()).await?;
            }
            return Ok(Check::NotDue);
        };
        let lookup = self.provider.applicant_of(&user.id, deadline).await;
        let mut after = match &lookup {
            Ok(lookup) => self.apply_lookup(&user, lookup, now),
            Err(_) => user.clone(),
        };
        let mut by_own_id = Ok(());
        let is_shown = |lookup: &ApplicantLookup| lookup.applicant() == after.applicant.as_ref();
        if lookup.as_ref().is_ok_and(|lookup| !is_shown(lookup)) {
            let missing = self.missing(run, &after, now, deadline).await;
            by_own_id = missing.map(|missing| after = missing);
        }
        after.checked_at = user.checked_at.max(Some(now));
        let stored = self.store(&user, &after, CAUSE.into(), None).await?;
        by_own_id?;
        if let ApplicantLookup::Active(_) = lookup? {
            run.has_found = true;
        }
        let is_stored = matches!(stored, Stored::Done(_));
        // The first read after an import is no repair.
        let repaired = user.unread_since.is_none()
            && (Transition::between(&user, &after).is_some()
                || (user.lacks_name() && !after.lacks_name()));
        Ok(Check::Done {
            repaired: is_stored && repaired,
            waited: now.since(due_at),
        })
    }
}

impl<S: UserStore, P: Provider> KycService<S, P> {
    /// Looks for the applicant of a user by its own id, after our user id was unknown to the provider.
    async fn missing(
        &self,
        run: &mut Run,
        user: &User,
        read_at: Timestamp,
        deadline: Deadline,
    ) -> Result<User, ServiceError> {
        let Some(applicant) = &user.applicant else {
            return Ok(user.clone());
        };
        match self.provider.applicant(applicant, deadline).await? {
            ApplicantLookup::NotFound => {
                if !run.has_found {
                    run.has_found = self.finds_another(&user.id, deadline).await?;
                }
                Ok(apply_missing(user, read_at, run.has_found))
            }
            ApplicantLookup::Inactive(_) | ApplicantLookup::Active(_) => Ok(User {
                missing_since: None,
                ..user.clone()
            }),
        }
    }

    /// Returns whether the applicant of another user can be read, whether or not that user is due. With the credentials of
    /// another account, none can.
    async fn finds_another(&self, id: &UserId, deadline: Deadline) -> Result<bool, ServiceError> {
        const READS: usize = 5;
        let mut reads = 0;
        for queue in [Queue::Decided, Queue::InFlight] {
            for shard in Shard::all() {
                let page = self
                    .users
                    .due(queue, shard, Timestamp::MAX, None, 2)
                    .await?;
                for other in page.iter().filter(|other| other.id != *id) {
                    let lookup = self.provider.applicant_of(&other.id, deadline).await?;
                    if let ApplicantLookup::Active(_) = lookup {
                        return Ok(true);
                    }
                    reads += 1;
                    if reads == READS {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(false)
    }
}

/// The result of checking a user who was listed as due.
enum Check {
    /// The user is not due.
    NotDue,
    /// The provider was asked.
    Done {
        /// True if the stored state was stale.
        repaired: bool,
        /// The time for which the user had been due.
        waited: Duration,
    },
}
