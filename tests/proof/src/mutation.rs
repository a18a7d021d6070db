//! Planted bugs: rules of the core that are broken on purpose, so that the worlds prove that they would notice.
//!
//! The production code has no switch. Each mutation changes what goes into the use cases or comes out of them.

use std::time::Duration;

use shared::kyc::{
    ApprovalLevels, Due, ErasedApplicant, EventEffect, EventTime, Hint, Policy, ProviderTime,
    ReviewSchedule, SETTLING, Timestamp, User,
};

use crate::provider::applicant::LEVELS;
use crate::simulation::policy;
use crate::store::Memory;

/// A rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// A write does not depend on the version that was loaded.
    NoVersionCondition,
    /// An event from before the last write, by our clock, is dropped.
    TimeInsteadOfVersion,
    /// A read takes back what a hint says at once.
    NoSettlingTime,
    /// An event is taken to be about the stored applicant.
    ApplicantIgnored,
    /// A GREEN of any level approves.
    LevelIgnored,
    /// An erased applicant is not remembered.
    ErasedForgotten,
    /// Decided users are not swept.
    NoSweep,
    /// Nobody is ever in doubt.
    NoDoubt,
    /// A repeated delivery has its effect again.
    EventKeyIgnored,
    /// An event has its effect whatever its time.
    StaleEventApplied,
}

impl Mutation {
    /// All bugs that are planted, one at a time.
    pub const ALL: [Self; 10] = [
        Self::NoVersionCondition,
        Self::TimeInsteadOfVersion,
        Self::NoSettlingTime,
        Self::ApplicantIgnored,
        Self::LevelIgnored,
        Self::ErasedForgotten,
        Self::NoSweep,
        Self::NoDoubt,
        Self::EventKeyIgnored,
        Self::StaleEventApplied,
    ];

    /// Returns an empty store with this bug.
    pub(crate) fn memory(self) -> Memory {
        let memory = Memory::default();
        match self {
            Self::NoVersionCondition => memory.ignore_versions(),
            Self::EventKeyIgnored => memory.ignore_events(),
            _ => {}
        }
        memory
    }

    /// Returns the rules with this bug.
    pub(crate) fn policy(self, mut policy: Policy) -> Policy {
        match self {
            Self::LevelIgnored => {
                policy.approval_levels = ApprovalLevels::parse(&LEVELS.join(",")).unwrap();
            }
            Self::NoSweep => policy.schedule = ReviewSchedule::sweeping_after(0),
            _ => {}
        }
        policy
    }

    /// Returns a user as the use cases load it.
    pub(crate) fn loaded(self, mut user: User) -> User {
        if self == Self::NoSettlingTime {
            user.hinted_at = None;
            if let Some(doubt) = &mut user.doubt {
                doubt.since = earlier(doubt.since, SETTLING);
            }
        }
        user
    }

    /// Returns a user as stored, and the changed place in the index.
    pub(crate) fn stored(self, after: &User, due: Option<Due>) -> (User, Option<Due>) {
        let mut after = after.clone();
        let mut due = due;
        match self {
            Self::ErasedForgotten => after.erased.clear(),
            Self::NoDoubt => {
                after.doubt = None;
                due = policy().schedule.due(&after);
            }
            _ => {}
        }
        (after, due)
    }

    /// Returns the applicants that are registered as erased.
    pub(crate) fn registered(self, erased: &[ErasedApplicant]) -> &[ErasedApplicant] {
        match self {
            Self::ErasedForgotten => &[],
            _ => erased,
        }
    }

    /// Changes an event about a user. Returns `None` if it is dropped.
    pub(crate) fn event(
        self,
        hint: &Hint,
        user: Option<&User>,
        stored_at: Option<Timestamp>,
    ) -> Option<Hint> {
        let mut hint = hint.clone();
        match self {
            Self::TimeInsteadOfVersion => {
                let stored_at = stored_at.map(|at| ProviderTime::from_millis(at.millis()));
                let is_older = stored_at
                    .zip(hint.at)
                    .is_some_and(|(stored_at, at)| at.is_before(stored_at));
                return (!is_older).then_some(hint);
            }
            Self::ApplicantIgnored => {
                if let Some(applicant) = user.and_then(|user| user.applicant.clone()) {
                    hint.applicant = Some(applicant.clone());
                    if let EventEffect::Reviewed(seen) = &mut hint.effect {
                        seen.applicant = Some(applicant);
                    }
                }
            }
            Self::StaleEventApplied => {
                if let Some(reported) = user.and_then(|user| user.reported_at) {
                    hint.at = hint.at.map(|_| EventTime::exact(reported));
                }
            }
            _ => {}
        }
        Some(hint)
    }
}

fn earlier(time: Timestamp, duration: Duration) -> Timestamp {
    Timestamp::from_millis(time.millis() - i64::try_from(duration.as_millis()).unwrap())
}
