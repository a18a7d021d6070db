//! The verification provider, in words of our own. One adapter: [`sumsub`].
//!
//! An adapter owns everything that is particular to its provider: the signature of requests, the JSON and its meaning, and the
//! proof that a delivery comes from the provider.

mod breaker;
mod error;
pub mod sumsub;

use std::future::Future;

use secrecy::SecretString;

use crate::kyc::{
    ApplicantId, Document, DocumentType, EventKey, Hint, Level, Observation, Personal, User, UserId,
};
use crate::platform::Deadline;
pub use error::{DeliveryError, ProviderError};

/// The calls that the provider answers. Each ends by its deadline and fails with a [`ProviderError`].
pub trait Provider: Sync {
    /// Creates a token with which the user's browser can open the provider's SDK for `SESSION_SECONDS`.
    fn create_session(
        &self,
        user: &UserId,
        level: &Level,
        deadline: Deadline,
    ) -> impl Future<Output = Result<SecretString, ProviderError>> + Send;

    /// Reads the applicant that bears our user id.
    fn applicant_of(
        &self,
        user: &UserId,
        deadline: Deadline,
    ) -> impl Future<Output = Result<ApplicantLookup, ProviderError>> + Send;

    /// Reads an applicant by the provider's own id.
    fn applicant(
        &self,
        applicant: &ApplicantId,
        deadline: Deadline,
    ) -> impl Future<Output = Result<ApplicantLookup, ProviderError>> + Send;

    /// Reads the submitted documents. Returns `None` if there is no such applicant.
    fn documents(
        &self,
        applicant: &ApplicantId,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Option<Vec<Document>>, ProviderError>> + Send;
}

/// Lifetime of a session token in seconds: the contract's `expires_in`.
pub(crate) const SESSION_SECONDS: u32 = 600;

/// The result of looking for an applicant.
#[derive(Debug, Clone)]
pub enum ApplicantLookup {
    /// There is none.
    NotFound,
    /// There is this one, which acts as if it did not exist until it is activated.
    Inactive(ApplicantId),
    /// There is one.
    Active(Box<ApplicantRecord>),
}

impl ApplicantLookup {
    /// Returns the applicant that was found, active or not.
    pub(crate) fn applicant(&self) -> Option<&ApplicantId> {
        match self {
            Self::Active(record) => record.observation.applicant.as_ref(),
            Self::Inactive(found) => Some(found),
            Self::NotFound => None,
        }
    }

    /// Returns whether an active applicant was found, who is not erased for this user.
    pub(crate) fn is_active_for(&self, user: &User) -> bool {
        let is_erased = || self.applicant().is_some_and(|id| user.has_erased(id));
        matches!(self, Self::Active(_)) && !is_erased()
    }
}

/// An applicant at one moment.
#[derive(Debug, Clone)]
pub struct ApplicantRecord {
    /// The user whom the applicant belongs to, if the applicant bears an id of ours.
    pub user: Option<UserId>,
    /// The part that changes the user.
    pub observation: Observation,
    /// The part that is passed on to the user, and never stored.
    pub person: Option<Person>,
    /// Type and issuing country of each document that was read.
    pub document_countries: Vec<(DocumentType, Personal)>,
}

/// The data that the provider read from a person's documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// First name or names.
    pub first_name: Option<Personal>,
    /// Last name or names.
    pub last_name: Option<Personal>,
    /// Date of birth as `YYYY-MM-DD`.
    pub date_of_birth: Option<Personal>,
    /// Nationality, ISO 3166-1 alpha-3.
    pub nationality: Option<Personal>,
    /// Country of residence, ISO 3166-1 alpha-3.
    pub country_of_residence: Option<Personal>,
}

/// Something that happened at the provider, as a delivery of its webhook tells.
#[derive(Debug, Clone)]
pub struct Event {
    /// The idempotency key: the same for each delivery of this event, different for each other event.
    pub key: EventKey,
    /// The provider's word for the kind of event, for logs and history.
    pub kind: String,
    /// The user whom the event is about, by our id.
    pub user: Option<UserId>,
    /// The environment that the event comes from.
    pub origin: Origin,
    /// The meaning for the user.
    pub meaning: EventMeaning,
}

/// The environment that an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The environment of real persons.
    Production,
    /// The provider's sandbox.
    Sandbox,
    /// A test of the connection, about nobody.
    Test,
}

/// The meaning of an event for the user.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum EventMeaning {
    /// Something about the user's verification.
    Hint(Hint),
    /// Nothing: the event is about something else.
    Irrelevant,
    /// Unknown: the type of the event is new.
    Unknown,
}
