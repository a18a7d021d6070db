//! The user object.

use super::{ApplicantId, DocumentsRead, Name, Review, Step, Timestamp, UserId};

/// A user and where their verification and onboarding stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Where the verification stands.
    pub review: Review,
    /// The moment of the observation that `review` comes from; none before the first.
    pub observed_at: Option<Timestamp>,
    /// The provider's id of the user; none before verification started and after an erasure.
    pub applicant: Option<ApplicantId>,
    /// When verification was started.
    pub started_at: Option<Timestamp>,
    /// When the provider last erased the person. What was observed before that brings no personal data back.
    pub erased_at: Option<Timestamp>,
    /// Where the onboarding stands.
    pub step: Step,
    /// The documents as they were last read.
    pub documents: Option<DocumentsRead>,
    /// How often the user was stored; 0 for one that never was. Writes are conditional on it.
    pub version: u64,
}

impl User {
    /// A user of whom nothing is known yet.
    #[must_use]
    pub fn new(id: UserId, step: Step) -> Self {
        Self {
            id,
            review: Review::Pending,
            observed_at: None,
            applicant: None,
            started_at: None,
            erased_at: None,
            step,
            documents: None,
            version: 0,
        }
    }

    /// The name, of approved users only.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.review.name()
    }

    /// Whether the name is to be read from the provider: the user is approved, and was not erased there.
    #[must_use]
    pub fn lacks_name(&self) -> bool {
        matches!(self.review, Review::Approved { name: None, .. }) && self.applicant.is_some()
    }

    /// The user with documents that were read, unless later ones are stored or the person was erased since.
    #[must_use]
    pub fn with_documents(mut self, read: DocumentsRead) -> Self {
        let is_older = |other: &DocumentsRead| read.read_at < other.read_at;
        if self.erased_at < Some(read.read_at) && !self.documents.as_ref().is_some_and(is_older) {
            self.documents = Some(read);
        }
        self
    }
}
