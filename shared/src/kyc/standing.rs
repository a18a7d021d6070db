//! What is shown of a user, or decided by.

use super::{ApplicantId, Review, Step, Timestamp, User};

/// The part of a user that callers are shown and that lets them in. It is read alone, and cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The state of the verification. Without the name where that was not asked for.
    pub review: Review,
    /// The user's applicant at the provider.
    pub applicant: Option<ApplicantId>,
    /// The present onboarding step.
    pub step: Step,
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
            step: user.step,
            waiting_since: user.waiting_since,
            blocked_since: user.blocked_since,
        }
    }
}

/// Says whether names are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// They are shown.
    Read,
    /// Nobody is shown them, so that they stay in the table.
    LeftOut,
}
