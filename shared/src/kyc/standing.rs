//! The part of a user that a status shows and that the gate decides by.

use super::{ApplicantId, Review, Timestamp, User};

/// The state of a verification, with what keeps a user out. It is read alone, and cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The state of the verification. Where it was read alone, without the name.
    pub review: Review,
    /// The user's applicant at the provider.
    pub applicant: Option<ApplicantId>,
    /// The time since which something is awaited.
    pub waiting_since: Option<Timestamp>,
    /// The time since which an operator keeps the user out.
    pub blocked_since: Option<Timestamp>,
}

impl From<User> for Standing {
    fn from(user: User) -> Self {
        Self {
            review: user.review,
            applicant: user.applicant,
            waiting_since: user.waiting_since,
            blocked_since: user.blocked_since,
        }
    }
}
