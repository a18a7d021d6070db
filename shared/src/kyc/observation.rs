//! The provider's word on an applicant.

use super::{ApplicantId, ApprovalLevels, EventTime, Level, Name, ProviderTime, Review, Status};

/// The state of an applicant at one moment, as a read shows it or an event reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The applicant. Missing in some events.
    pub applicant: Option<ApplicantId>,
    /// The creation time of the applicant, if it is told.
    pub started_at: Option<ProviderTime>,
    /// The level that the review is about, if it is told.
    pub level: Option<Level>,
    /// The type of the applicant, if it is told.
    pub applicant_type: Option<ApplicantType>,
    /// The date of the review, if the provider shows one.
    pub reviewed_at: Option<ProviderTime>,
    /// The state of the review, without regard to level and type, and without a name.
    pub review: Review,
    /// The person's name, if the provider shows it. Events never do.
    pub name: Option<Name>,
}

/// The kind of applicant that is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicantType {
    /// A natural person.
    Individual,
    /// A company, or anything else that is no person.
    Other,
}

/// The relation of a review to the approval of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// A person's review, on a level of the list.
    Approval,
    /// A review on another level, or of no person.
    Elsewhere,
    /// A review whose level is not told.
    Untold,
}

impl Observation {
    /// Returns whether this is a GREEN that may approve: of a person, on a level of the list. A missing type is a person's.
    #[must_use]
    pub fn approves(&self, levels: &ApprovalLevels) -> bool {
        self.review.status() == Status::Approved && self.scope(levels) == Scope::Approval
    }

    fn scope(&self, levels: &ApprovalLevels) -> Scope {
        let is_person = self.applicant_type != Some(ApplicantType::Other);
        match &self.level {
            None if is_person => Scope::Untold,
            Some(level) if is_person && levels.contains(level) => Scope::Approval,
            _ => Scope::Elsewhere,
        }
    }

    /// Returns the review that a user of status `current` has after this. `None`: an approved user keeps the approval.
    ///
    /// A RED counts on every level. A GREEN that does not approve leaves the user in `in_progress`. An approved user loses the
    /// approval neither by it nor by anything else than a RED on another level.
    pub(super) fn review_for(&self, current: Status, levels: &ApprovalLevels) -> Option<Review> {
        match (self.review.status(), self.scope(levels)) {
            (Status::Pending | Status::InProgress | Status::Approved, Scope::Elsewhere)
            | (Status::Approved, Scope::Untold)
                if current == Status::Approved =>
            {
                None
            }
            (Status::Approved, Scope::Elsewhere | Scope::Untold) => Some(Review::InProgress),
            _ => Some(self.review.clone()),
        }
    }

    /// Returns whether this is a state on another level, or of no person, and no RED. It says nothing about the order of what
    /// happens on the levels of the list: a GREEN there that arrives later may still approve.
    pub(super) fn is_elsewhere(&self, levels: &ApprovalLevels) -> bool {
        match self.review.status() {
            Status::Pending | Status::InProgress | Status::Approved => {
                self.scope(levels) == Scope::Elsewhere
            }
            Status::Retry | Status::Rejected => false,
        }
    }

    /// Returns whether an event lacks what decides on its meaning for a user of status `current`: level and type of a GREEN, or
    /// the level of a state that may take an approval back.
    pub(super) fn is_unclear(&self, current: Status) -> bool {
        match self.review.status() {
            Status::Approved => self.level.is_none() || self.applicant_type.is_none(),
            Status::Pending | Status::InProgress => {
                self.level.is_none() && current == Status::Approved
            }
            Status::Retry | Status::Rejected => false,
        }
    }
}

/// An event of the provider: a signed hint that something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The applicant that the event is about. Missing in some events.
    pub applicant: Option<ApplicantId>,
    /// The creation time of the event. `None` if none can be read: such an event orders nothing.
    pub at: Option<EventTime>,
    /// The meaning of the event.
    pub effect: EventEffect,
}

/// The meaning of an event for the applicant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventEffect {
    /// The applicant was created. Says nothing about the review: every other event about the applicant is later.
    Created,
    /// The review is in this state.
    Reviewed(Observation),
    /// The review was taken back, whatever its level.
    Reset,
    /// The review changed, and the event does not tell how.
    Unclear,
    /// The data about the person changed.
    PersonChanged,
    /// The applicant became inactive: it acts as if it did not exist, until it is activated.
    Deactivated,
    /// The applicant is active again.
    Activated,
    /// The provider erased the person.
    Erased,
}

impl EventEffect {
    /// Returns whether the event tells of the review. One that does not is as good as new when it comes again: at most it causes
    /// one more read.
    #[must_use]
    pub const fn tells_of_review(&self) -> bool {
        match self {
            Self::Reviewed(_) | Self::Reset | Self::Deactivated | Self::Erased => true,
            Self::Created | Self::Unclear | Self::PersonChanged | Self::Activated => false,
        }
    }
}
