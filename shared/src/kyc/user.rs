//! The user object.

use super::{
    ApplicantId, DocumentsRead, ErasedApplicant, Name, ProviderTime, Review, SETTLING, Step,
    Timestamp, UserId,
};

/// A user and the state of their verification and onboarding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The state of the verification.
    pub review: Review,
    /// The user's present applicant. `None` before verification started and after an erasure.
    pub applicant: Option<ApplicantId>,
    /// The creation time of the applicant.
    pub started_at: Option<ProviderTime>,
    /// The onboarding step that the user stands on.
    pub step: Step,
    /// The documents as they were last read.
    pub documents: Option<DocumentsRead>,
    /// The latest time at which an event or a verdict that was read told of the review. Older events are stale.
    pub reported_at: Option<ProviderTime>,
    /// The time at which the last hint that told of the review was received.
    pub hinted_at: Option<Timestamp>,
    /// The doubt about the stored state. `None`: the user is settled.
    pub doubt: Option<Doubt>,
    /// The time at which the applicant's own id was first unknown to the provider. `None` while the applicant can be read.
    pub missing_since: Option<Timestamp>,
    /// The applicants of this user that were erased, at the provider or here, the latest last.
    pub erased: Vec<ErasedApplicant>,
    /// The time since which operators keep the user out, whatever the provider says. `None`: nobody does.
    pub blocked_since: Option<Timestamp>,
    /// The time at which the user was registered by an operator or an import.
    pub registered_at: Option<Timestamp>,
    /// The time of an import since which the provider was not read. `None`: the user was not imported, or was read since.
    pub unread_since: Option<Timestamp>,
    /// The time at which a session of the provider's SDK was last opened.
    pub session_at: Option<Timestamp>,
    /// The beginning of the present wait: for a verdict, a submission, or the next sweep. `None` for a user never stored.
    pub waiting_since: Option<Timestamp>,
    /// The time of the last check by the schedule, whether or not it learned anything.
    pub checked_at: Option<Timestamp>,
    /// The number of items that the user's history has.
    pub sequence: u64,
    /// The number of times the user was stored; 0 for a user who never was. Writes are conditional on it.
    pub version: u64,
}

/// A reason to read the provider before the stored state is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// The beginning of the doubt.
    pub since: Timestamp,
    /// The read that ends the doubt.
    pub ends_with: Confirmation,
}

/// The read that ends a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Any read that agrees with the stored state.
    AgreeingRead,
    /// A read after the settling time: an earlier one may come from a replica that lags.
    SettledRead,
}

/// A state that no user can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user cannot have {0}")]
pub struct Inconsistent(&'static str);

impl User {
    /// Erased applicants that are remembered for each user: far more than anybody has.
    pub(super) const MAX_ERASED: usize = 16;

    /// Makes a user of whom nothing is known yet.
    #[must_use]
    pub fn new(id: UserId, step: Step) -> Self {
        Self {
            id,
            review: Review::Pending,
            applicant: None,
            started_at: None,
            step,
            documents: None,
            reported_at: None,
            hinted_at: None,
            doubt: None,
            missing_since: None,
            erased: Vec::new(),
            blocked_since: None,
            registered_at: None,
            unread_since: None,
            session_at: None,
            waiting_since: None,
            checked_at: None,
            sequence: 0,
            version: 0,
        }
    }

    /// Makes a user who is registered without having opened a session.
    #[must_use]
    pub fn registered(id: UserId, step: Step, now: Timestamp) -> Self {
        Self {
            registered_at: Some(now),
            waiting_since: Some(now),
            ..Self::new(id, step)
        }
    }

    /// Returns the name, of approved users only.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.review.name()
    }

    /// Returns whether the user is one of ours: somebody who opened a session or was registered. The provider's dashboard can
    /// make applicants for anybody, whose names are none of our business.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.session_at.is_some() || self.registered_at.is_some()
    }

    /// Returns whether anything of the user may be at the provider: a session was opened, or the provider told of them. Who was not
    /// registered is only stored because of one of the two.
    #[must_use]
    pub(crate) fn has_begun(&self) -> bool {
        self.registered_at.is_none()
            || self.session_at.is_some()
            || self.applicant.is_some()
            || self.started_at.is_some()
            || self.reported_at.is_some()
            || !self.erased.is_empty()
    }

    /// Returns whether the name is to be read from the provider: it is missing, and the person was not erased.
    #[must_use]
    pub fn lacks_name(&self) -> bool {
        matches!(self.review, Review::Approved { name: None, .. })
            && self.applicant.is_some()
            && self.is_ours()
    }

    /// Returns whether this applicant was erased, at the provider or here.
    #[must_use]
    pub fn has_erased(&self, applicant: &ApplicantId) -> bool {
        self.erased.iter().any(|erased| erased.is(applicant))
    }

    /// Returns the applicant of whom the user has a link, a name or a reason that was not stored `before`.
    #[must_use]
    pub fn brings(&self, before: &Self) -> Option<&ApplicantId> {
        let is_stored = self.applicant == before.applicant
            && (self.name().is_none() || self.name() == before.name())
            && (self.review.reason().is_none() || self.review.reason() == before.review.reason());
        self.applicant.as_ref().filter(|_| !is_stored)
    }

    /// Returns the user with a session that was opened at `now`.
    #[must_use]
    pub fn with_session(&self, now: Timestamp) -> Self {
        Self {
            session_at: self.session_at.max(Some(now)),
            waiting_since: self.waiting_since.max(Some(now)),
            ..self.clone()
        }
    }

    /// Returns the user with documents that were just read.
    #[must_use]
    pub fn with_documents(mut self, read: DocumentsRead) -> Self {
        if self.applicant.is_some() {
            self.documents = Some(read);
        }
        self
    }

    /// Returns whether the stored documents may be shown without asking the provider: for 5 minutes, unless the provider may have
    /// shown documents from before the state that is stored: in doubt, and within the settling time after a verdict.
    #[must_use]
    pub(crate) fn has_fresh_documents(&self, now: Timestamp) -> bool {
        let may_be_old = |read_at| {
            let is_young = self.is_hinted(read_at) || self.has_just_changed(read_at);
            self.doubt.is_some() || (self.review.status().is_verdict() && is_young)
        };
        let documents = self.documents.as_ref();
        documents.is_some_and(|read| read.is_fresh(now) && !may_be_old(read.read_at))
    }

    /// Returns whether a hint came so lately that a read which began at `read_at` may not show it yet.
    pub(super) fn is_hinted(&self, read_at: Timestamp) -> bool {
        self.hinted_at
            .is_some_and(|hinted_at| read_at < hinted_at.plus(SETTLING))
    }

    /// Returns whether the stored state is so young that a read which began at `read_at` may show an older one.
    pub(super) fn has_just_changed(&self, read_at: Timestamp) -> bool {
        self.waiting_since
            .is_some_and(|since| read_at < since.plus(SETTLING))
    }

    /// Checks what must hold for every user, and the types do not say.
    ///
    /// # Errors
    /// [`Inconsistent`] names the combination that cannot be.
    pub fn check(&self) -> Result<(), Inconsistent> {
        let without_applicant = self.applicant.is_none();
        let impossible = [
            (
                self.name().is_some() && !self.is_ours(),
                "a name without being ours",
            ),
            (
                self.name().is_some() && without_applicant,
                "a name without an applicant",
            ),
            (
                self.documents.is_some() && without_applicant,
                "documents without an applicant",
            ),
            (
                self.missing_since.is_some() && without_applicant,
                "a missing applicant without its id",
            ),
            (
                self.applicant
                    .as_ref()
                    .is_some_and(|id| self.has_erased(id)),
                "an applicant who was erased",
            ),
            (
                self.waiting_since.is_none()
                    && (self.doubt.is_some()
                        || self.session_at.is_some()
                        || self.unread_since.is_some()),
                "a check to come without a beginning of the wait",
            ),
        ];
        match impossible.into_iter().find(|(holds, _)| *holds) {
            Some((_, what)) => Err(Inconsistent(what)),
            None => Ok(()),
        }
    }
}
