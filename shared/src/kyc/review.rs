//! The result of a verification.

use super::{Name, Personal, Timestamp};

/// The five statuses that clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The user has not started verification.
    Pending,
    /// Verification started, awaiting the result.
    InProgress,
    /// Additional information requested; the user can resubmit.
    Retry,
    /// Verification passed.
    Approved,
    /// Verification failed; the user cannot retry.
    Rejected,
}

impl Status {
    /// All statuses in the order of the contract.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::InProgress,
        Self::Retry,
        Self::Approved,
        Self::Rejected,
    ];

    /// The name on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Retry => "retry",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// Whether the user may enter the provider's SDK: until there is a final verdict, and also while one is awaited,
    /// because a session token may expire in the middle of the capture.
    #[must_use]
    pub const fn may_start_verification(self) -> bool {
        match self {
            Self::Pending | Self::InProgress | Self::Retry => true,
            Self::Approved | Self::Rejected => false,
        }
    }

    /// Whether all required documents have been submitted.
    #[must_use]
    pub const fn is_submitted(self) -> bool {
        match self {
            Self::InProgress | Self::Approved | Self::Rejected => true,
            Self::Pending | Self::Retry => false,
        }
    }
}

/// Why a user was rejected or has to try again: a sentence for the user's eyes only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason(Personal);

impl Reason {
    const MAX_CHARS: usize = 1000;
    const UNEXPLAINED_RETRY: &str = "Your verification could not be completed. Please check your documents and submit them again.";
    const UNEXPLAINED_REJECTION: &str =
        "Your identity could not be verified. Please contact support.";

    /// The provider's explanation without control characters other than line breaks, trimmed, at most 1,000 characters;
    /// none when nothing is left.
    #[must_use]
    pub fn explained(text: &str) -> Option<Self> {
        let text: String = text
            .trim()
            .chars()
            .filter(|character| *character == '\n' || !character.is_control())
            .take(Self::MAX_CHARS)
            .collect();
        let text = text.trim();
        (!text.is_empty()).then(|| Self(Personal::new(text)))
    }

    /// Our sentence for a request to try again that came without an explanation.
    #[must_use]
    pub fn unexplained_retry() -> Self {
        Self(Personal::new(Self::UNEXPLAINED_RETRY))
    }

    /// Our sentence for a rejection that came without an explanation.
    #[must_use]
    pub fn unexplained_rejection() -> Self {
        Self(Personal::new(Self::UNEXPLAINED_REJECTION))
    }

    /// The sentence itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

/// A name together with the time as of which it was true.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameRead {
    /// The name on the documents.
    pub name: Name,
    /// The provider's state that it was read from.
    pub read_at: Timestamp,
}

/// Where a verification stands, with everything that exists in that status and nothing that does not.
///
/// The order of the variants, and of their fields, settles which of two contradicting observations of the same
/// millisecond counts: a verdict before none, and the stricter verdict before the milder one. See [`super::apply`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Review {
    /// Not started.
    Pending,
    /// Awaiting the result.
    InProgress,
    /// Passed.
    Approved {
        /// When the provider decided.
        at: Timestamp,
        /// The name on the documents. Webhooks carry none, so it may still be missing.
        name: Option<NameRead>,
    },
    /// To be submitted again.
    Retry {
        /// What needs correction.
        reason: Reason,
    },
    /// Failed for good.
    Rejected {
        /// When the provider decided.
        at: Timestamp,
        /// Why.
        reason: Reason,
    },
}

impl Review {
    /// The status that clients see.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::InProgress => Status::InProgress,
            Self::Retry { .. } => Status::Retry,
            Self::Approved { .. } => Status::Approved,
            Self::Rejected { .. } => Status::Rejected,
        }
    }

    /// When the provider approved, if it did.
    #[must_use]
    pub const fn verified_at(&self) -> Option<Timestamp> {
        match self {
            Self::Approved { at, .. } => Some(*at),
            Self::Pending | Self::InProgress | Self::Retry { .. } | Self::Rejected { .. } => None,
        }
    }

    /// When the provider rejected for good, if it did.
    #[must_use]
    pub const fn rejected_at(&self) -> Option<Timestamp> {
        match self {
            Self::Rejected { at, .. } => Some(*at),
            Self::Pending | Self::InProgress | Self::Retry { .. } | Self::Approved { .. } => None,
        }
    }

    /// Why the user was rejected or has to try again.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Retry { reason } | Self::Rejected { reason, .. } => Some(reason),
            Self::Pending | Self::InProgress | Self::Approved { .. } => None,
        }
    }

    /// The name, of approved users only.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Approved { name, .. } => name.as_ref().map(|read| &read.name),
            Self::Pending | Self::InProgress | Self::Retry { .. } | Self::Rejected { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_trimmed_capped_and_free_of_control_characters() {
        assert_eq!(
            Reason::explained("We could not verify your profile.\n\n")
                .unwrap()
                .reveal(),
            "We could not verify your profile."
        );
        assert_eq!(
            Reason::explained("one\r\n\u{1b}[31mtwo").unwrap().reveal(),
            "one\n[31mtwo"
        );
        assert_eq!(
            Reason::explained(&"ü".repeat(2000))
                .unwrap()
                .reveal()
                .chars()
                .count(),
            1000
        );
        assert_eq!(Reason::explained(" \n\t "), None);
    }

    #[test]
    fn a_reason_is_not_printed() {
        assert!(!format!("{:?}", Reason::explained("blurry")).contains("blurry"));
    }
}
