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
    /// A person.
    Individual,
    /// A company, or anything else that is no person.
    Other,
}

/// The meaning of a review for a user: what it makes of their status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts as it is.
    Counts(Review),
    /// It belongs to a level that is not about the approval, and says nothing against it.
    Aside,
}

impl Observation {
    /// Returns whether this is a GREEN that may approve: of a person, on a level of the list. A missing type is a person's.
    #[must_use]
    pub fn approves(&self, levels: &ApprovalLevels) -> bool {
        matches!(self.review, Review::Approved { .. }) && self.is_about_approval(levels)
    }

    fn is_about_approval(&self, levels: &ApprovalLevels) -> bool {
        self.applicant_type != Some(ApplicantType::Other)
            && self
                .level
                .as_ref()
                .is_some_and(|level| levels.contains(level))
    }

    /// Judges the review for a user whose status is `current`.
    ///
    /// A GREEN that does not approve leaves the user in `in_progress`. On a level that is not about the approval, an approved
    /// user loses the approval by a RED only, whatever else happens there.
    pub(super) fn verdict(&self, current: Status, levels: &ApprovalLevels) -> Verdict {
        let aside = !self.is_about_approval(levels);
        match &self.review {
            Review::Approved { .. } | Review::InProgress | Review::Pending
                if aside && current == Status::Approved =>
            {
                Verdict::Aside
            }
            Review::Approved { .. } if aside => Verdict::Counts(Review::InProgress),
            review => Verdict::Counts(review.clone()),
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
    /// The review is in this state.
    Reviewed(Observation),
    /// The review was taken back, whatever its level.
    Reset,
    /// The data about the person changed.
    PersonChanged,
    /// The applicant became inactive: it acts as if it did not exist, until it is activated.
    Deactivated,
    /// The applicant is active again.
    Activated,
    /// The provider erased the person.
    Erased,
}
