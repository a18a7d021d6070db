//! The result of a verification.

use super::{Name, Personal, ProviderTime};

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

    /// Returns the name on the wire and in the table.
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

    /// Returns whether the user may enter the provider's SDK: until there is a final verdict. A user in `in_progress` may, too,
    /// because a session token may expire in the middle of the capture.
    #[must_use]
    pub(crate) const fn may_start_verification(self) -> bool {
        match self {
            Self::Pending | Self::InProgress | Self::Retry => true,
            Self::Approved | Self::Rejected => false,
        }
    }

    /// Returns whether this is a verdict, whatever may follow it.
    pub(super) const fn is_verdict(self) -> bool {
        match self {
            Self::Retry | Self::Approved | Self::Rejected => true,
            Self::Pending | Self::InProgress => false,
        }
    }

    /// Returns whether all required documents have been submitted.
    #[must_use]
    pub(crate) const fn is_submitted(self) -> bool {
        match self {
            Self::InProgress | Self::Approved | Self::Rejected => true,
            Self::Pending | Self::Retry => false,
        }
    }
}

/// The reason of a rejection or of a request to try again: a sentence that only the user may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(Personal);

impl Reason {
    const MAX_CHARS: usize = 1000;
    const UNEXPLAINED_RETRY: &str = "Your verification could not be completed. Please check your documents and submit them again.";
    /// Leaves it to the client to direct the user to support, which the contract asks of it.
    const UNEXPLAINED_REJECTION: &str = "Your identity could not be verified.";

    /// Makes a reason from the provider's explanation: trimmed, cut to 1,000 characters, without control characters other than line breaks.
    /// Returns `None` if nothing is left.
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

    /// Returns our sentence for a request to try again that came without an explanation.
    #[must_use]
    pub(crate) fn unexplained_retry() -> Self {
        Self(Personal::new(Self::UNEXPLAINED_RETRY))
    }

    /// Returns our sentence for a rejection that came without an explanation.
    #[must_use]
    pub fn unexplained_rejection() -> Self {
        Self(Personal::new(Self::UNEXPLAINED_REJECTION))
    }

    /// Returns the sentence.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

/// The state of a verification, with everything that exists in that state and nothing that does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// The user has not started verification.
    Pending,
    /// The result is awaited.
    InProgress,
    /// The verification passed.
    Approved {
        /// The time of the provider's decision, in whole seconds: a read shows no more.
        at: ProviderTime,
        /// The name on the documents. Events carry none, so it may be missing.
        name: Option<Name>,
    },
    /// The user has to submit again.
    Retry {
        /// The correction that is needed.
        reason: Reason,
    },
    /// The verification failed for good.
    Rejected {
        /// The time of the provider's decision, in whole seconds.
        at: ProviderTime,
        /// The reason of the rejection.
        reason: Reason,
    },
}

impl Review {
    /// Returns whether `other` differs in nothing but the name.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.status() == other.status()
            && self.verified_at() == other.verified_at()
            && self.rejected_at() == other.rejected_at()
            && self.reason() == other.reason()
    }

    /// Returns the same review without a name.
    #[must_use]
    pub(crate) fn without_name(mut self) -> Self {
        if let Self::Approved { name, .. } = &mut self {
            *name = None;
        }
        self
    }

    /// Returns what is kept of the review of a person who is erased at their own request: the verdict and its date, without a name, and
    /// with our sentence in the place of the provider's.
    pub(super) fn of_erased(self) -> Self {
        match self {
            Self::Pending | Self::InProgress | Self::Retry { .. } => Self::Pending,
            Self::Approved { at, .. } => Self::Approved { at, name: None },
            Self::Rejected { at, .. } => Self::Rejected {
                at,
                reason: Reason::unexplained_rejection(),
            },
        }
    }

    /// Returns the status that clients see.
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

    /// Returns the time of the approval, of approved users only.
    #[must_use]
    pub const fn verified_at(&self) -> Option<ProviderTime> {
        match self {
            Self::Approved { at, .. } => Some(*at),
            Self::Pending | Self::InProgress | Self::Retry { .. } | Self::Rejected { .. } => None,
        }
    }

    /// Returns the time of the final rejection, of rejected users only.
    #[must_use]
    pub const fn rejected_at(&self) -> Option<ProviderTime> {
        match self {
            Self::Rejected { at, .. } => Some(*at),
            Self::Pending | Self::InProgress | Self::Retry { .. } | Self::Approved { .. } => None,
        }
    }

    /// Returns the reason of a rejection or of a request to try again.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Retry { reason } | Self::Rejected { reason, .. } => Some(reason),
            Self::Pending | Self::InProgress | Self::Approved { .. } => None,
        }
    }

    /// Returns the name, of approved users only.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Approved { name, .. } => name.as_ref(),
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
