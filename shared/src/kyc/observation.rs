//! What was seen at the provider.

use super::{ApplicantId, Review, Timestamp};

/// The state of a user's verification at the provider at one moment. A webhook, a refresh and a reconciliation all
/// make one of these, and nothing else changes a user's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The moment it was true: for a webhook the creation time of the event, for a read the time the read began.
    pub at: Timestamp,
    /// Who was verified, if the observation says so.
    pub applicant: Option<ApplicantId>,
    /// When the applicant was created, if the observation says so.
    pub started_at: Option<Timestamp>,
    /// Where the verification stood.
    pub review: Review,
}
