//! What a piece of news about a user changes.

use super::{NameRead, Observation, Onboarding, Review, Status, Step, Timestamp, User};

/// The user after an observation. Pure and total; this is the only place where a status changes.
///
/// The newest observation counts, whatever the status was before: a reset or a later rejection takes an approval back. Of two
/// that contradict each other at the same millisecond the greater [`Review`] counts: a verdict before none, the stricter
/// verdict before the milder. The status afterwards:
///
#[doc = include_str!("transition/table.md")]
///
/// | Whatever its age | Effect |
/// |---|---|
/// | it saw the applicant's creation | `started_at` is the earliest that was seen |
/// | it carries a name, read at or after the decision that made the user approved | fills in a missing name, replaces an older one |
/// | it is not newer than the last erasure | carries neither a name nor an applicant any more |
/// | it is not newer than the last change of the person's data | carries no name any more |
/// | the user is approved afterwards and stands on `kyc_verification` | onboarding moves on, never back |
///
/// Because the newest observation decides, any number of observations in any order, each any number of times, ends in
/// the same verification state. (The onboarding moves on if the user was seen approved at any time.)
#[must_use]
pub fn apply(user: &User, observation: &Observation, onboarding: &Onboarding) -> User {
    let seen = without_stale(observation, user);
    let mut next = user.clone();
    next.started_at = earliest(user.started_at, seen.started_at);

    let newer = (Some(seen.at), &seen.review) > (user.observed_at, &user.review);
    if newer {
        next.observed_at = Some(seen.at);
        next.review = seen.review.clone();
        next.applicant = seen.applicant.or_else(|| user.applicant.clone());
        keep_name(&mut next.review, &user.review);
    } else {
        next.applicant = user.applicant.clone().or(seen.applicant);
        keep_name(&mut next.review, &seen.review);
    }

    if let (Status::Approved, Some(step)) =
        (next.review.status(), onboarding.after_approval(&next.step))
    {
        next.step = step.clone();
    }
    next
}

/// The user after the provider erased the person: the name, the link to the applicant and the documents are gone, as far
/// as they are not newer than the erasure. The verdict and its time stay.
#[must_use]
pub fn erase(user: &User, at: Timestamp) -> User {
    let mut next = user.clone();
    next.erased_at = user.erased_at.max(Some(at));
    if user.observed_at <= Some(at) {
        next.applicant = None;
    }
    drop_name(&mut next.review, at);
    if user
        .documents
        .as_ref()
        .is_some_and(|documents| documents.read_at <= at)
    {
        next.documents = None;
    }
    next
}

/// The user after the provider said that the person's data changed: a name that was read before is dropped, so that it is
/// read again, and so are the documents.
#[must_use]
pub fn rename(user: &User, at: Timestamp) -> User {
    let mut next = user.clone();
    next.renamed_at = user.renamed_at.max(Some(at));
    drop_name(&mut next.review, at);
    next.documents = None;
    next
}

/// Takes the name over from `other` when both are approvals and that name belongs to this decision and is the newer one.
fn keep_name(review: &mut Review, other: &Review) {
    let (
        Review::Approved {
            at: decided_at,
            name,
        },
        Review::Approved {
            name: Some(candidate),
            ..
        },
    ) = (review, other)
    else {
        return;
    };
    let is_newer = |name: &NameRead| candidate.read_at > name.read_at;
    if candidate.read_at >= *decided_at && name.as_ref().is_none_or(is_newer) {
        *name = Some(candidate.clone());
    }
}

/// The observation without what was erased or changed since.
fn without_stale(observation: &Observation, user: &User) -> Observation {
    let mut seen = observation.clone();
    if user.erased_at >= Some(seen.at) {
        seen.applicant = None;
    }
    if let Some(stale) = user.erased_at.max(user.renamed_at) {
        drop_name(&mut seen.review, stale);
    }
    seen
}

/// Drops a name that is not newer than `stale`.
fn drop_name(review: &mut Review, stale: Timestamp) {
    if let Review::Approved { name, .. } = review
        && name.as_ref().is_some_and(|name| name.read_at <= stale)
    {
        *name = None;
    }
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// A step in a user's history: what changed between two states of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The status before.
    pub from: Status,
    /// The status after.
    pub to: Status,
    /// The onboarding step that was reached, if it moved on.
    pub advanced_to: Option<Step>,
}

impl Transition {
    /// What changed, if anything that belongs into the history did.
    #[must_use]
    pub fn between(before: &User, after: &User) -> Option<Self> {
        let (from, to) = (before.review.status(), after.review.status());
        let advanced_to = (before.step != after.step).then(|| after.step.clone());
        (from != to || advanced_to.is_some()).then_some(Self {
            from,
            to,
            advanced_to,
        })
    }
}

#[cfg(test)]
mod tests;
