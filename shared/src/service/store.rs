//! Storing a change of a user, and reading the provider in between.

use std::time::Duration;

use super::{KycService, ServiceError};
use crate::kyc::{
    ApprovalLevels, Cause, ErasedApplicant, Observation, Review, Status, Timestamp, Transition,
    User, UserId, apply_inactive, apply_not_found, apply_read, apply_registered_erasure,
};
use crate::platform::{Deadline, metrics};
use crate::provider::{ApplicantLookup, Provider};
use crate::repository::{Commit, CommitError, EventRecord, RepositoryError, UserStore};

/// Maximum number of tries to store a change while others change the same user.
pub(super) const ATTEMPTS: u32 = 8;

/// Maximum number of reads of the provider while others change the same user.
const READS: u32 = 3;

/// The result of storing a change.
#[derive(Debug)]
pub(super) enum Stored {
    /// The change is stored, or there was nothing to store.
    Done(Box<User>),
    /// Somebody else changed the user since it was loaded.
    Conflict,
    /// The event was dealt with before.
    Duplicate,
}

/// A read of the provider whose result is stored.
#[derive(Debug)]
pub(super) struct Read {
    /// The user before the read.
    pub(super) before: User,
    /// The user as stored afterwards.
    pub(super) user: User,
    /// The result of the read.
    pub(super) lookup: ApplicantLookup,
}

impl<S: UserStore, P> KycService<S, P> {
    /// Stores the change from `before` to `after`, if there is one, and the event that caused it.
    pub(super) async fn store(
        &self,
        before: &User,
        after: &User,
        cause: Cause<'_>,
        event: Option<EventRecord<'_>>,
    ) -> Result<Stored, ServiceError> {
        if before == after && event.is_none() {
            return Ok(Stored::Done(Box::new(after.clone())));
        }
        self.commit(before, after, cause, event).await
    }

    /// Stores a user again as they are, so that the index shows them where the present rules put them.
    pub(super) async fn rewrite(&self, user: &User, cause: Cause<'_>) -> Result<(), ServiceError> {
        // Whoever else stores the user meanwhile does it as well.
        self.commit(user, user, cause, None).await.map(|_| ())
    }

    async fn commit(
        &self,
        before: &User,
        after: &User,
        cause: Cause<'_>,
        event: Option<EventRecord<'_>>,
    ) -> Result<Stored, ServiceError> {
        let now = (self.clock)();
        // Otherwise a restored table, a late event or a read would bring an erased person back.
        let returned = match after.brings(before) {
            Some(applicant) if self.users.is_erased(&applicant.into()).await? => {
                Some(apply_registered_erasure(before, applicant, now))
            }
            _ => None,
        };
        let is_new = |erased: &&ErasedApplicant| !before.erased.contains(erased);
        let erased: Vec<_> = after.erased.iter().filter(is_new).cloned().collect();
        let after = returned.as_ref().unwrap_or(after);
        let change = Commit {
            before,
            after,
            due: self.policy.schedule.due(after),
            cause,
            event,
            erased: &erased,
            now,
        };
        match self.users.commit(change).await {
            Ok(stored) => {
                announce(before, &stored, cause);
                Ok(Stored::Done(Box::new(stored)))
            }
            Err(CommitError::Conflict) => Ok(Stored::Conflict),
            Err(CommitError::Duplicate) => Ok(Stored::Duplicate),
            Err(CommitError::Repository(error)) => Err(error.into()),
        }
    }

    /// Loads a user and stores the change of it that `apply` returns, before and after, on condition that nobody stored the user
    /// meanwhile. Otherwise begins again, a bounded number of times.
    pub(super) async fn change(
        &self,
        id: &UserId,
        cause: Cause<'_>,
        apply: impl Fn(Option<User>) -> Result<(User, User), ServiceError>,
    ) -> Result<User, ServiceError> {
        for attempt in 0..ATTEMPTS {
            let (before, after) = apply(self.users.get(id).await?)?;
            match self.store(&before, &after, cause, None).await? {
                Stored::Done(stored) => return Ok(*stored),
                Stored::Conflict | Stored::Duplicate => self.back_off(attempt).await,
            }
        }
        Err(RepositoryError::Contention.into())
    }

    /// Waits a short random time, longer after each attempt.
    pub(super) async fn back_off(&self, attempt: u32) {
        let most = 10 << attempt.min(4);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..most))).await;
    }
}

impl<S: UserStore, P: Provider> KycService<S, P> {
    /// Reads the applicant of a loaded user, and stores the result on condition that nobody stored the user meanwhile: a read
    /// is later than everything that was stored before it began. Otherwise loads the user and reads again, a bounded number of
    /// times.
    pub(super) async fn read(
        &self,
        mut user: User,
        cause: Cause<'_>,
        deadline: Deadline,
    ) -> Result<Read, ServiceError> {
        for attempt in 0..READS {
            let read_at = (self.clock)();
            let lookup = self.provider.applicant_of(&user.id, deadline).await?;
            let after = self.apply_lookup(&user, &lookup, read_at);
            match self.store(&user, &after, cause, None).await? {
                Stored::Done(stored) => {
                    return Ok(Read {
                        before: user,
                        user: *stored,
                        lookup,
                    });
                }
                Stored::Conflict | Stored::Duplicate => self.back_off(attempt).await,
            }
            user = self.user(&user.id).await?;
        }
        Err(RepositoryError::Contention.into())
    }

    /// Returns the user after a read by our user id that began at `read_at`.
    pub(super) fn apply_lookup(
        &self,
        user: &User,
        lookup: &ApplicantLookup,
        read_at: Timestamp,
    ) -> User {
        match lookup {
            ApplicantLookup::NotFound => apply_not_found(user, read_at),
            ApplicantLookup::Inactive(applicant) => apply_inactive(user, applicant, read_at),
            ApplicantLookup::Active(record) => {
                let seen = &record.observation;
                let after = apply_read(user, seen, read_at, &self.policy);
                report_ignored_green(user, &after, seen, &self.policy.approval_levels);
                after
            }
        }
    }
}

/// Logs and counts a transition.
fn announce(before: &User, after: &User, cause: Cause<'_>) {
    let Some(transition) = Transition::between(before, after) else {
        return;
    };
    let advanced_to = transition.advanced_to.as_ref().map(tracing::field::display);
    let (from, to) = (transition.from.as_str(), transition.to.as_str());
    let cause = cause.word;
    tracing::info!(
        user = %after.id, sequence = after.sequence, from, to, advanced_to, blocked = transition.blocked, cause,
        "verification changed"
    );
    if transition.from != transition.to {
        metrics::count("StatusReached", ("status", to));
    }
}

/// Logs a GREEN that does not approve, once: when it changes the status of somebody who was not approved. Without a level nobody
/// can be approved, so that is an error each time.
fn report_ignored_green(before: &User, after: &User, seen: &Observation, levels: &ApprovalLevels) {
    if !matches!(seen.review, Review::Approved { .. }) || seen.approves(levels) {
        return;
    }
    if seen.level.is_none() {
        tracing::error!(user = %before.id, "an approval without a level does not count");
        metrics::count("UnusableReads", ("cause", "no_level"));
    } else if before.review.status() != after.review.status()
        && before.review.status() != Status::Approved
    {
        let level = seen.level.as_ref().map(tracing::field::display);
        tracing::warn!(user = %before.id, level, "an approval of another level, or of no person, does not count");
    }
}
