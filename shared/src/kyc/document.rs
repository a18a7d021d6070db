//! Submitted documents.

use std::time::Duration;

use super::{Personal, ProviderTime, Timestamp};

/// The document types that the API shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentType {
    /// An international passport.
    Passport,
    /// A national identity card.
    IdCard,
    /// A driver's license.
    DriversLicense,
    /// A residence permit.
    ResidencePermit,
}

impl DocumentType {
    /// All types in the order of the contract.
    pub const ALL: [Self; 4] = [
        Self::Passport,
        Self::IdCard,
        Self::DriversLicense,
        Self::ResidencePermit,
    ];

    /// Returns the name on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passport => "PASSPORT",
            Self::IdCard => "ID_CARD",
            Self::DriversLicense => "DRIVERS_LICENSE",
            Self::ResidencePermit => "RESIDENCE_PERMIT",
        }
    }
}

/// The result of a document's check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentStatus {
    /// Accepted by the provider.
    Verified,
    /// Refused by the provider.
    Rejected,
    /// Not looked at yet.
    Pending,
}

impl DocumentStatus {
    /// All statuses of a document.
    pub const ALL: [Self; 3] = [Self::Verified, Self::Rejected, Self::Pending];

    /// Returns the name on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Rejected => "rejected",
            Self::Pending => "pending",
        }
    }
}

/// The stored part of a document: nothing that tells who the person is or where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// The type of the document.
    pub kind: DocumentType,
    /// The result of its check.
    pub status: DocumentStatus,
    /// The time of the first upload.
    pub submitted_at: Option<ProviderTime>,
}

/// A document as it is shown. The country comes from the provider for each request and is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The stored part.
    pub stored: StoredDocument,
    /// Issuing country, ISO 3166-1 alpha-3.
    pub country: Option<Personal>,
}

/// The documents of an applicant at the time they were read from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentsRead {
    /// The time at which the read began.
    pub read_at: Timestamp,
    /// The documents that were read.
    pub documents: Vec<StoredDocument>,
}

impl DocumentsRead {
    const FRESH_FOR: Duration = Duration::from_mins(5);

    /// Returns whether the documents may be shown without asking the provider: for 5 minutes.
    #[must_use]
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.read_at.plus(Self::FRESH_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_fresh_for_five_minutes() {
        let read = DocumentsRead {
            read_at: Timestamp::from_millis(1_000),
            documents: vec![],
        };
        assert!(read.is_fresh(Timestamp::from_millis(300_999)));
        assert!(!read.is_fresh(Timestamp::from_millis(301_000)));
    }
}
