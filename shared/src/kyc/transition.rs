//! The meaning of an event or a read for a user. The only place where a status changes.
//!
//! All functions are pure and total. An event is a hint: it is stored at once, and leaves the user in doubt until a read of the
//! provider confirms it. A read is the truth, unless it contradicts a hint that is younger than the settling time. Times of the
//! provider are compared with times of the provider, ours with ours.

use super::schedule::MISSING_FOR;
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
/// The status afterwards, by the status before. `?`: in doubt until a read agrees. `??`: in doubt until a read after the settling
/// time, because the order of the events is not certain, or the event does not tell its result.
///
#[doc = include_str!("transition/hints.md")]
///
/// An erasure takes effect whatever its time: name, reason, link and documents are gone, an approval and its date stay. Of an
/// erasure of another applicant only that is remembered, so that no read brings that applicant back.
///
/// Nothing that may contradict the stored state is dropped without a read, whatever the clocks say: an event that seems old may
/// come from a clock that was set back. Only events about the review order others. An event on a level that is not on the list
/// orders none, since an approval that arrives after it may be from before it.
#[must_use]
pub fn apply_hint(user: &User, hint: &Hint, now: Timestamp, policy: &Policy) -> User {
    let applicant = hint.applicant.as_ref();
    if applicant.is_some_and(|id| user.has_erased(id)) {
        return user.clone();
    }
    let is_other = matches!((applicant, &user.applicant), (Some(one), Some(other)) if one != other);
    let next = match (&hint.effect, applicant, hint.at) {
        (EventEffect::Erased, Some(applicant), _) if is_other => {
            doubted(without_return_of(user.clone(), applicant), now)
        }
        (EventEffect::Erased, Some(applicant), _) => erase(user, applicant, now),
        (EventEffect::Erased, None, _) | (_, _, None) => doubted(user.clone(), now),
        _ if is_other => doubted(user.clone(), now),
        // It may be a late event about the erased one.
        (_, None, _) if user.applicant.is_none() && !user.erased.is_empty() => {
            doubted(user.clone(), now)
        }
        (effect, applicant, Some(at)) => hinted(user, effect, applicant, at, now, policy),
    };
    advanced(next, policy)
}

/// Applies an event with a time that is not about another applicant.
fn hinted(
    user: &User,
    effect: &EventEffect,
    applicant: Option<&ApplicantId>,
    at: EventTime,
    now: Timestamp,
    policy: &Policy,
) -> User {
    let status = user.review.status();
    // An applicant who was not verified is not linked: their name must not stand beside an approval.
    let linked = user.applicant.clone().or_else(|| applicant.cloned());
    let mut next = User {
        missing_since: None,
        waiting_since: user.waiting_since.or(Some(now)),
        ..user.clone()
    };
    let (review, is_elsewhere) = match effect {
        EventEffect::Created => {
            next.started_at = earliest(user.started_at, Some(at.earliest()));
            if user.applicant.is_none() && status != Status::Pending {
                return doubted(user.clone(), now);
            }
            next.applicant = linked;
            return next;
        }
        EventEffect::PersonChanged => {
            next.documents = None;
            return doubted(next, now);
        }
        EventEffect::Activated => {
            // A read counts again that a deactivation contradicts.
            if user.reported_at.is_none_or(|told| !at.is_before(told)) {
                next.hinted_at = None;
            }
            return doubted(next, now);
        }
        EventEffect::Erased | EventEffect::Unclear => return doubted(next, now),
        // A rejection that came before it may be read or reported after it.
        EventEffect::Deactivated if status != Status::Rejected => return doubted(next, now),
        EventEffect::Deactivated | EventEffect::Reset => (Review::Pending, false),
        EventEffect::Reviewed(seen) => {
            next.started_at = earliest(user.started_at, seen.started_at);
            if seen.is_unclear(status) {
                return doubted(next, now);
            }
            let levels = &policy.approval_levels;
            match seen.review_for(status, levels) {
                Some(review) => (review, seen.is_elsewhere(levels)),
                None => return doubted(next, now),
            }
        }
    };
    next.applicant = linked;
    let is_known = review.is_same_as(&user.review);
    // A workflow tells of one verdict twice, a second apart: only a read shows its date for certain.
    let review = dated(review, None, &user.review);
    if user.reported_at.is_some_and(|told| at.is_before(told)) {
        return if is_known { next } else { doubted(next, now) };
    }
    next.hinted_at = user.hinted_at.max(Some(now));
    if is_elsewhere {
        // Its time says nothing about the order of the others.
        return doubted(reviewed(next, review, now), now);
    }
    next.reported_at = user.reported_at.max(Some(at.earliest()));
    let is_last = user.reported_at.is_none_or(|told| at.is_after(told));
    if is_known || !is_last && review.is_same_as(&user.review) {
        return next;
    }
    let is_certain = is_last && *effect != EventEffect::Deactivated;
    let ends_with = match user.doubt.map(|doubt| doubt.ends_with) {
        None | Some(Confirmation::AgreeingRead) if is_certain => Confirmation::AgreeingRead,
        _ => Confirmation::SettledRead,
    };
    next.doubt = Some(Doubt {
        since: now,
        ends_with,
    });
    reviewed(next, review, now)
}

/// Applies a read that began at `read_at`, after the user was loaded, and found an active applicant.
///
/// A read shows whose applicant is the user's now. Its state replaces the stored one, except within the settling time after a
/// hint that says otherwise: then the read may come from a replica that lags. A verdict with a date later than everything that
/// was reported is newer nevertheless, since both are the provider's times, and so is another applicant who was created later. The
/// status afterwards, by the status before, with
/// `?` and `??` as for [`apply_hint`]:
///
#[doc = include_str!("transition/reads.md")]
///
/// A read that says otherwise than a state which is younger than the settling time is taken, but leaves the user in doubt:
/// either of the two may have come from a replica that lags. A name that a read shows of the user's own applicant is taken in any
/// case, and a missing one leaves the old. A read of an applicant that was erased changes nothing.
#[must_use]
pub fn apply_read(user: &User, seen: &Observation, read_at: Timestamp, policy: &Policy) -> User {
    let applicant = seen.applicant.as_ref();
    let mut next = User {
        unread_since: None,
        ..user.clone()
    };
    if applicant.is_some_and(|id| user.has_erased(id)) {
        return settled(next, read_at, false);
    }
    let is_other = matches!((applicant, &user.applicant), (Some(one), Some(other)) if one != other);
    if !is_other {
        next.missing_since = None;
    }
    let review = seen.review_for(user.review.status(), &policy.approval_levels);
    let Some(review) = review.map(|review| dated(review, seen.reviewed_at, &user.review)) else {
        // It says nothing about the approval, and confirms none.
        name(&mut next, seen);
        return advanced(settled(next, read_at, false), policy);
    };
    let agrees = !is_other && agrees(user, seen, &review);
    let is_newer = is_newer(user, seen.reviewed_at) || is_other && is_newer(user, seen.started_at);
    if user.is_hinted(read_at) && !agrees && !is_newer {
        name(&mut next, seen);
        return advanced(contradicted(next, read_at), policy);
    }
    let is_changed = is_other || !review.is_same_as(&user.review);
    if is_other {
        // All of this was about the applicant before.
        next.started_at = None;
        next.hinted_at = None;
        next.documents = None;
        next.missing_since = None;
        next.waiting_since = None;
        next.review = next.review.without_name();
    }
    next.applicant = applicant.cloned().or(next.applicant);
    next.started_at = earliest(next.started_at, seen.started_at);
    if review.status().is_verdict() && seen.reviewed_at > user.reported_at {
        next.reported_at = seen.reviewed_at;
        next.documents = None;
    }
    next = reviewed(next, review, read_at);
    name(&mut next, seen);
    next = settled(next, read_at, agrees || is_newer);
    if is_changed && !is_newer && user.has_just_changed(read_at) {
        next = contradicted(next, read_at);
    }
    advanced(next, policy)
}

/// Applies a read that began at `read_at` and found an inactive `applicant`.
///
/// Name, link and verdict stay, except that a rejected user becomes `pending`: that is how the provider lets a person start
/// over. Another applicant than the stored one tells nothing about the stored one, who may be erased.
#[must_use]
pub(crate) fn apply_inactive(user: &User, applicant: &ApplicantId, read_at: Timestamp) -> User {
    let mut next = apply_not_found(user, read_at);
    if next.applicant.as_ref() == Some(applicant) {
        next.missing_since = None;
    }
    next
}

/// Applies a read that began at `read_at` and found no applicant by our user id: whoever had one is inactive.
#[must_use]
pub(crate) fn apply_not_found(user: &User, read_at: Timestamp) -> User {
    let next = User {
        unread_since: None,
        ..user.clone()
    };
    match user.review.status() {
        Status::Pending => settled(next, read_at, true),
        // A person who was erased here, by their own wish. That is no way to start over.
        Status::Rejected if user.applicant.is_none() && !user.erased.is_empty() => {
            settled(next, read_at, true)
        }
        Status::Rejected if user.is_hinted(read_at) => contradicted(next, read_at),
        Status::Rejected => {
            let next = settled(reviewed(next, Review::Pending, read_at), read_at, true);
            if user.has_just_changed(read_at) {
                contradicted(next, read_at)
            } else {
                next
            }
        }
        // The replica may not know the applicant yet that the hint told of.
        Status::InProgress | Status::Retry | Status::Approved => settled(next, read_at, false),
    }
}

/// Applies a read that began at `read_at` and did not find the applicant by its own id, either.
///
/// Twice, a day apart, is an erasure whose event was lost. It counts only while another applicant can be read with the same
/// credentials (`others_found`).
#[must_use]
pub(crate) fn apply_missing(user: &User, read_at: Timestamp, others_found: bool) -> User {
    let next = user.clone();
    match (&user.applicant, user.missing_since) {
        (Some(applicant), Some(since)) if others_found && since.plus(MISSING_FOR) <= read_at => {
            erase(user, applicant, read_at)
        }
        (Some(_), None) if others_found => User {
            missing_since: Some(read_at),
            ..next
        },
        _ => next,
    }
}

/// Returns the user after the provider erased this applicant: name, reason, link and documents are gone. An approval and its
/// time stay; whoever was not approved starts over.
fn erase(user: &User, applicant: &ApplicantId, now: Timestamp) -> User {
    let mut next = unlinked(without_return_of(user.clone(), applicant));
    next.review = next.review.without_name();
    let review = match next.review.status() {
        Status::Approved => next.review.clone(),
        Status::Pending | Status::InProgress | Status::Retry | Status::Rejected => Review::Pending,
    };
    // The person may have another applicant by now, whose events did not count while this one was stored.
    doubted(reviewed(next, review, now), now)
}

/// Returns the user without the link to their applicant, and without what is known from there but the review.
pub(super) fn unlinked(user: User) -> User {
    User {
        applicant: None,
        started_at: None,
        documents: None,
        hinted_at: None,
        missing_since: None,
        ..user
    }
}

/// Remembers that an applicant was erased, so that no event or read brings anything of it back.
pub(super) fn without_return_of(mut user: User, applicant: &ApplicantId) -> User {
    if !user.has_erased(applicant) {
        user.erased.push(ErasedApplicant::from(applicant));
    }
    if user.erased.len() > User::MAX_ERASED {
        user.erased.remove(0);
    }
    user
}

/// Returns the user with a new review. Documents from before a change are not shown after it, and the wait begins anew.
pub(super) fn reviewed(mut next: User, review: Review, now: Timestamp) -> User {
    let is_changed = !review.is_same_as(&next.review);
    if is_changed {
        next.documents = None;
    }
    if is_changed || next.waiting_since.is_none() {
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

/// Returns whether a read confirms the stored state: the same status, and no verdict from before the last report.
fn agrees(user: &User, seen: &Observation, review: &Review) -> bool {
    let is_current = match (seen.reviewed_at, user.reported_at) {
        (Some(reviewed), Some(reported)) => reviewed >= reported.truncated_to_seconds(),
        (None, Some(_)) => false,
        (_, None) => true,
    };
    review.status() == user.review.status() && (!review.status().is_verdict() || is_current)
}

/// Returns whether a date of the provider is certainly later than everything that was reported.
fn is_newer(user: &User, date: Option<ProviderTime>) -> bool {
    date.is_some_and(|at| {
        let at = EventTime::exact(at);
        user.reported_at
            .is_none_or(|reported| at.is_after(reported))
    })
}

/// Returns the user in doubt from `now` on, until a read after the settling time.
fn doubted(user: User, now: Timestamp) -> User {
    User {
        doubt: Some(Doubt {
            since: now,
            ends_with: Confirmation::SettledRead,
        }),
        waiting_since: user.waiting_since.or(Some(now)),
        ..user
    }
}

/// Returns the user after a read that says otherwise than what was told a moment ago: only a read after the settling time ends the
/// doubt, because the next one may lag as well.
fn contradicted(user: User, read_at: Timestamp) -> User {
    let since = user.doubt.map_or(read_at, |doubt| doubt.since);
    doubted(user, since)
}

/// Returns the user without doubt, if the read that began at `read_at` ends it.
fn settled(user: User, read_at: Timestamp, agrees: bool) -> User {
    let ends = user.doubt.is_some_and(|doubt| {
        let has_settled = doubt.since.plus(SETTLING) <= read_at;
        match doubt.ends_with {
            Confirmation::AgreeingRead => agrees || has_settled,
            Confirmation::SettledRead => has_settled,
        }
    });
    User {
        doubt: user.doubt.filter(|_| !ends),
        ..user
    }
}

/// Moves the onboarding of an approved user on, never back.
pub(super) fn advanced(mut user: User, policy: &Policy) -> User {
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
    /// True if the person was erased.
    pub erased: bool,
    /// True if an operator made the user known.
    pub registered: bool,
    /// True if operators blocked the user, false if they lifted the block. `None`: neither.
    pub blocked: Option<bool>,
}

/// The most important difference that an item of the history tells. The text is the `detail-type` of the event that the
/// item becomes (docs/events.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransitionKind {
    /// The person was erased; the status may have changed too.
    PersonErased,
    /// The status changed; the onboarding may have moved on too.
    StatusChanged,
    /// An operator blocked the user; nothing else changed.
    UserBlocked,
    /// An operator lifted the block; nothing else changed.
    UserUnblocked,
    /// The onboarding moved on or began, and no status changed. Only operators can force it back.
    OnboardingAdvanced,
}

impl TransitionKind {
    /// Returns its name in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PersonErased => "PersonErased",
            Self::StatusChanged => "KycStatusChanged",
            Self::UserBlocked => "UserBlocked",
            Self::UserUnblocked => "UserUnblocked",
            Self::OnboardingAdvanced => "OnboardingAdvanced",
        }
    }
}

impl Transition {
    /// Returns what it tells.
    #[must_use]
    pub fn kind(&self) -> TransitionKind {
        if self.erased {
            return TransitionKind::PersonErased;
        }
        if self.from != self.to {
            return TransitionKind::StatusChanged;
        }
        match self.blocked {
            Some(true) => TransitionKind::UserBlocked,
            Some(false) => TransitionKind::UserUnblocked,
            None => TransitionKind::OnboardingAdvanced,
        }
    }

    /// Returns the difference between two states, if it belongs into the history.
    #[must_use]
    pub fn between(before: &User, after: &User) -> Option<Self> {
        let (from, to) = (before.review.status(), after.review.status());
        let advanced_to = (before.step != after.step).then(|| after.step.clone());
        // Nothing else than an erasure makes a user of ours one who is not.
        let erased = before.erased != after.erased || before.is_ours() && !after.is_ours();
        let registered = before.registered_at.is_none() && after.registered_at.is_some();
        let is_blocked = after.blocked_since.is_some();
        let blocked = (before.blocked_since.is_some() != is_blocked).then_some(is_blocked);
        let is_told =
            from != to || advanced_to.is_some() || erased || registered || blocked.is_some();
        is_told.then_some(Self {
            from,
            to,
            advanced_to,
            erased,
            registered,
            blocked,
        })
    }
}

#[cfg(test)]
mod tests;
