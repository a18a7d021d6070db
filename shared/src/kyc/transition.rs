//! The meaning of an event or a read for a user. The only place where a status changes.
//!
//! All functions are pure and total. An event is a hint: it is stored at once, and leaves the user in doubt until a read of the
//! provider confirms it. A read is the truth, unless it contradicts a hint that is younger than the settling time. Times of the
//! provider are compared with times of the provider, ours with ours.

use super::observation::Verdict;
use super::{
    ApplicantId, ApprovalLevels, Confirmation, Doubt, ErasedApplicant, EventEffect, EventTime,
    Hint, Observation, Onboarding, ProviderTime, Review, ReviewSchedule, SETTLING, Status, Step,
    Timestamp, User,
};

/// The configured rules of the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The steps of the onboarding.
    pub onboarding: Onboarding,
    /// The levels whose GREEN approves.
    pub approval_levels: ApprovalLevels,
    /// The pace of the checks.
    pub schedule: ReviewSchedule,
}

/// Applies an event that was received at `now`.
///
/// | Event | Effect |
/// |---|---|
/// | about an applicant that was erased | none |
/// | erasure of the stored applicant, or of one while none is stored | [`erase`] |
/// | about another applicant than the stored one | doubt: a read by our user id says whose applicant is the user's |
/// | without a readable time | doubt: it orders nothing |
/// | certainly older than what was reported | none |
/// | GREEN without level or applicant type | doubt: a read says what it is about |
/// | a review state that is stored already | applicant id, start and time are kept |
/// | another review state | stored at once, with doubt |
/// | reset | `pending`, whatever the level |
/// | change of the person's data | doubt; the old name stays until a newer one is read |
/// | deactivation | a rejected user becomes `pending`; else none |
/// | activation | doubt |
#[must_use]
pub fn apply_hint(user: &User, hint: &Hint, now: Timestamp, policy: &Policy) -> User {
    if hint
        .applicant
        .as_ref()
        .is_some_and(|id| user.has_erased(id))
    {
        return user.clone();
    }
    let is_other =
        matches!((&hint.applicant, &user.applicant), (Some(one), Some(other)) if one != other);
    let next = match (&hint.effect, &hint.applicant, hint.at) {
        (EventEffect::Erased, Some(applicant), _) if !is_other => erase(user, applicant, now),
        (EventEffect::Erased, _, _) | (_, _, None) => doubted(user, now),
        _ if is_other => doubted(user, now),
        (_, _, Some(at))
            if user
                .reported_at
                .is_some_and(|reported| at.is_before(reported)) =>
        {
            user.clone()
        }
        (effect, applicant, Some(at)) => hinted(user, effect, applicant.as_ref(), at, now, policy),
    };
    advanced(next, policy)
}

/// Applies an event about the user's own applicant that is not stale.
fn hinted(
    user: &User,
    effect: &EventEffect,
    applicant: Option<&ApplicantId>,
    at: EventTime,
    now: Timestamp,
    policy: &Policy,
) -> User {
    let mut next = user.clone();
    next.applicant = user.applicant.clone().or_else(|| applicant.cloned());
    next.reported_at = user.reported_at.max(Some(at.earliest()));
    next.waiting_since = user.waiting_since.or(Some(now));
    let review = match effect {
        EventEffect::PersonChanged => {
            next.documents = None;
            return doubted(&next, now);
        }
        EventEffect::Activated | EventEffect::Erased => return doubted(&next, now),
        EventEffect::Deactivated if user.review.status() != Status::Rejected => return next,
        EventEffect::Deactivated | EventEffect::Reset => Review::Pending,
        EventEffect::Reviewed(seen) => {
            next.started_at = earliest(user.started_at, seen.started_at);
            let is_green = matches!(seen.review, Review::Approved { .. });
            if is_green && (seen.level.is_none() || seen.applicant_type.is_none()) {
                return doubted(&next, now);
            }
            match seen.verdict(user.review.status(), &policy.approval_levels) {
                Verdict::Aside => return next,
                Verdict::Counts(review) => review,
            }
        }
    };
    if review.is_same_as(&user.review) {
        return next;
    }
    next.hinted_at = Some(now);
    next.doubt = Some(Doubt {
        since: now,
        // What else is in doubt stays so.
        ends_with: user
            .doubt
            .map_or(Confirmation::AgreeingRead, |doubt| doubt.ends_with),
    });
    reviewed(next, review, now)
}

/// Applies a read that began at `read_at`, after the user was loaded, and found an active applicant.
///
/// A read shows whose applicant is the user's now. Its state replaces the stored one, except within the settling time after a
/// hint that says otherwise: then a replica may lag, and the user stays in doubt. A review date later than the hint is newer
/// nevertheless, since both are the provider's times.
#[must_use]
pub fn apply_read(user: &User, seen: &Observation, read_at: Timestamp, policy: &Policy) -> User {
    if seen
        .applicant
        .as_ref()
        .is_some_and(|id| user.has_erased(id))
    {
        return settled(user, read_at, false);
    }
    let mut next = user.clone();
    next.missing_since = None;
    let Verdict::Counts(review) = seen.verdict(user.review.status(), &policy.approval_levels)
    else {
        name(&mut next, seen);
        return advanced(settled(&next, read_at, true), policy);
    };
    let agrees = agrees(user, seen, &review);
    if user.is_hinted(read_at) && !agrees && !is_newer(user, seen.reviewed_at) {
        name(&mut next, seen);
        let doubt = Doubt {
            since: read_at,
            ends_with: Confirmation::AgreeingRead,
        };
        next.doubt = user.doubt.or(Some(doubt));
        return advanced(next, policy);
    }
    let same_applicant = seen.applicant.is_none() || seen.applicant == user.applicant;
    next.started_at = if same_applicant {
        earliest(user.started_at, seen.started_at)
    } else {
        next.documents = None;
        next.review = next.review.without_name();
        seen.started_at
    };
    next.applicant = seen.applicant.clone().or(next.applicant);
    if !agrees {
        next.hinted_at = None;
    }
    if is_verdict(&seen.review) {
        next.reported_at = user.reported_at.max(seen.reviewed_at);
    }
    let review = dated(review, seen.reviewed_at, &user.review);
    next = reviewed(next, review, read_at);
    name(&mut next, seen);
    advanced(
        settled(&next, read_at, agrees || is_newer(user, seen.reviewed_at)),
        policy,
    )
}

/// Applies a read that began at `read_at` and found that the user's applicant is inactive, or no applicant by our user id.
///
/// Name, link and verdict stay, except that a rejected user becomes `pending`: that is how the provider lets a person start
/// over.
#[must_use]
pub fn apply_inactive(user: &User, read_at: Timestamp) -> User {
    match user.review.status() {
        Status::Pending => settled(user, read_at, true),
        // The replica may not know of what the hint says.
        _ if user.is_hinted(read_at) => user.clone(),
        Status::Rejected => settled(
            &reviewed(user.clone(), Review::Pending, read_at),
            read_at,
            true,
        ),
        Status::InProgress | Status::Retry | Status::Approved => settled(user, read_at, true),
    }
}

/// Applies a read that began at `read_at` and did not find the applicant by its own id, either.
///
/// Twice, a day apart, while other applicants could be read (`others_found`), is an erasure whose event was lost.
#[must_use]
pub fn apply_missing(user: &User, read_at: Timestamp, others_found: bool) -> User {
    const APART: std::time::Duration = std::time::Duration::from_hours(24);
    let Some(applicant) = &user.applicant else {
        return user.clone();
    };
    match user.missing_since {
        Some(since) if others_found && since.plus(APART) <= read_at => {
            erase(user, applicant, read_at)
        }
        Some(_) => user.clone(),
        None => User {
            missing_since: Some(read_at),
            ..user.clone()
        },
    }
}

/// Returns the user after the provider erased this applicant: name, reason, link and documents are gone. An approval and its
/// time stay; whoever was not approved starts over.
#[must_use]
pub fn erase(user: &User, applicant: &ApplicantId, now: Timestamp) -> User {
    let review = match &user.review {
        Review::Approved { .. } => user.review.clone().without_name(),
        Review::Pending | Review::InProgress | Review::Retry { .. } | Review::Rejected { .. } => {
            Review::Pending
        }
    };
    let mut next = user.clone();
    next.erased.push(ErasedApplicant::from(applicant));
    if next.erased.len() > User::MAX_ERASED {
        next.erased.remove(0);
    }
    next.applicant = None;
    next.started_at = None;
    next.documents = None;
    next.hinted_at = None;
    next.missing_since = None;
    next.review = next.review.without_name();
    // The person may have another applicant by now, whose events did not count while this one was stored.
    doubted(&reviewed(next, review, now), now)
}

/// Returns the user with a new review. Documents from before a change of status are not shown after it, and the wait begins anew.
fn reviewed(mut next: User, review: Review, now: Timestamp) -> User {
    let changed = review.status() != next.review.status();
    if changed {
        next.documents = None;
    }
    if changed || next.waiting_since.is_none() {
        next.waiting_since = Some(now);
    }
    let known = next.review.name().cloned();
    next.review = review;
    if let Review::Approved { name, .. } = &mut next.review {
        *name = known;
    }
    next
}

/// Takes the name over that a read shows, for an approved user of ours. A read without a name leaves the old one.
fn name(user: &mut User, seen: &Observation) {
    let is_theirs = user.is_ours() && user.applicant.is_some() && seen.applicant == user.applicant;
    if let (Review::Approved { name, .. }, Some(read), true) =
        (&mut user.review, &seen.name, is_theirs)
    {
        *name = Some(read.clone());
    }
}

/// Returns the review with the date of the decision that is stored, if the read shows none.
fn dated(mut review: Review, reviewed_at: Option<ProviderTime>, stored: &Review) -> Review {
    match (&mut review, stored) {
        (Review::Approved { at, .. }, Review::Approved { at: stored, .. })
        | (Review::Rejected { at, .. }, Review::Rejected { at: stored, .. })
            if reviewed_at.is_none() =>
        {
            *at = *stored;
        }
        _ => {}
    }
    review
}

/// Returns whether a read confirms the stored state: the same status of the same applicant, and no verdict from before the last
/// report.
fn agrees(user: &User, seen: &Observation, review: &Review) -> bool {
    let is_current = match (seen.reviewed_at, user.reported_at) {
        (Some(reviewed), Some(reported)) => reviewed >= reported.truncated_to_seconds(),
        (None, Some(_)) => false,
        (_, None) => true,
    };
    review.status() == user.review.status()
        && (user.applicant.is_none() || seen.applicant == user.applicant)
        && (!is_verdict(review) || is_current)
}

fn is_verdict(review: &Review) -> bool {
    match review.status() {
        Status::Pending | Status::InProgress => false,
        Status::Retry | Status::Approved | Status::Rejected => true,
    }
}

fn is_newer(user: &User, reviewed_at: Option<ProviderTime>) -> bool {
    reviewed_at.is_some_and(|at| user.reported_at.is_none_or(|reported| at > reported))
}

/// Returns the user in doubt from `now` on, until a read after the settling time.
fn doubted(user: &User, now: Timestamp) -> User {
    User {
        doubt: Some(Doubt {
            since: now,
            ends_with: Confirmation::SettledRead,
        }),
        waiting_since: user.waiting_since.or(Some(now)),
        ..user.clone()
    }
}

/// Returns the user without doubt, if the read that began at `read_at` ends it.
fn settled(user: &User, read_at: Timestamp, agrees: bool) -> User {
    let ends = user.doubt.is_some_and(|doubt| {
        let has_settled = doubt.since.plus(SETTLING) <= read_at;
        match doubt.ends_with {
            Confirmation::AgreeingRead => agrees || has_settled,
            Confirmation::SettledRead => has_settled,
        }
    });
    User {
        doubt: user.doubt.filter(|_| !ends),
        ..user.clone()
    }
}

/// Moves the onboarding of an approved user on, never back.
fn advanced(mut user: User, policy: &Policy) -> User {
    if let (Status::Approved, Some(step)) = (
        user.review.status(),
        policy.onboarding.after_approval(&user.step),
    ) {
        user.step = step.clone();
    }
    debug_assert_eq!(user.check(), Ok(()));
    user
}

fn earliest(one: Option<ProviderTime>, other: Option<ProviderTime>) -> Option<ProviderTime> {
    one.into_iter().chain(other).min()
}

/// One item of a user's history: the difference between two states of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The status before.
    pub from: Status,
    /// The status after.
    pub to: Status,
    /// The onboarding step that was reached, if the onboarding moved on.
    pub advanced_to: Option<Step>,
    /// Whether the person was erased.
    pub erased: bool,
}

impl Transition {
    /// Returns the difference between two states, if it belongs into the history.
    #[must_use]
    pub fn between(before: &User, after: &User) -> Option<Self> {
        let (from, to) = (before.review.status(), after.review.status());
        let advanced_to = (before.step != after.step).then(|| after.step.clone());
        let erased = before.erased != after.erased;
        (from != to || advanced_to.is_some() || erased).then_some(Self {
            from,
            to,
            advanced_to,
            erased,
        })
    }
}

#[cfg(test)]
mod tests;
