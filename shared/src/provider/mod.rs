//! The verification provider, in words of our own. One adapter: [`sumsub`].
//!
//! An adapter owns everything that is particular to its provider: how requests are signed, what the wire looks like and
//! what it means, and how a delivery is proven to come from there.

mod breaker;
mod error;
pub mod sumsub;

use std::future::Future;

use http::HeaderMap;
use secrecy::SecretString;

use crate::kyc::{ApplicantId, Document, DocumentType, Observation, Personal, Timestamp, UserId};
use crate::runtime::Deadline;
pub use error::ProviderError;

/// What we ask of a provider. Every call ends by its deadline, and says what went wrong in a [`ProviderError`].
pub trait Provider: Sync {
    /// Makes a token with which the user's browser can open the provider's SDK for [`SESSION_SECONDS`].
    fn create_session(
        &self,
        user: &UserId,
        deadline: Deadline,
    ) -> impl Future<Output = Result<SecretString, ProviderError>> + Send;

    /// Reads where a verification stands, and what the provider knows of the person, in one request.
    fn observe(
        &self,
        subject: Subject<'_>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Sighting, ProviderError>> + Send;

    /// Reads the submitted documents. None: there is no such applicant.
    fn documents(
        &self,
        applicant: &ApplicantId,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Option<Vec<Document>>, ProviderError>> + Send;
}

/// How long a session token lives, in seconds: the contract's `expires_in`.
pub const SESSION_SECONDS: u32 = 600;

/// By which name the provider is asked for an applicant.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// Ours.
    User(&'a UserId),
    /// The provider's.
    Applicant(&'a ApplicantId),
}

/// What a look at the provider finds.
#[derive(Debug, Clone)]
pub enum Sighting {
    /// Nobody: verification was not started.
    Nobody,
    /// Somebody who was deleted there.
    Deleted {
        /// The moment the look began.
        at: Timestamp,
    },
    /// Somebody.
    Applicant(Box<Snapshot>),
}

/// An applicant at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The user whom the applicant belongs to, if the id is one of ours.
    pub user: Option<UserId>,
    /// What is to be applied to that user.
    pub observation: Observation,
    /// What is passed on to the user, and never stored.
    pub person: Option<Person>,
    /// Type and issuing country of each document that was read.
    pub document_countries: Vec<(DocumentType, Personal)>,
}

/// What the provider read from a person's documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// First name or names.
    pub first_name: Option<Personal>,
    /// Last name or names.
    pub last_name: Option<Personal>,
    /// As `YYYY-MM-DD`.
    pub date_of_birth: Option<Personal>,
    /// ISO 3166-1 alpha-3.
    pub nationality: Option<Personal>,
    /// ISO 3166-1 alpha-3.
    pub country_of_residence: Option<Personal>,
}

/// The receiving end of a provider's webhook. A delivery that was not verified cannot be parsed: [`Verified`] is made
/// by [`Webhook::verify`] only.
pub trait Webhook: Sync {
    /// What deliveries are signed with.
    type Secrets;

    /// Checks that the bytes come from the provider, in time that does not depend on how far a digest is right.
    ///
    /// # Errors
    /// [`Unverified`] says why not.
    fn verify<'a>(
        &self,
        secrets: &Self::Secrets,
        headers: &HeaderMap,
        body: &'a [u8],
    ) -> Result<Verified<'a>, Unverified>;

    /// Reads what happened.
    ///
    /// # Errors
    /// [`Unreadable`] when the delivery is no event.
    fn parse(&self, delivery: Verified<'_>, received_at: Timestamp) -> Result<Event, Unreadable>;
}

/// The body of a delivery that is known to come from the provider.
pub struct Verified<'a>(&'a [u8]);

/// Why a delivery is not taken for the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// There is no digest, or more than one.
    #[error("the delivery carries no single digest")]
    Digest,
    /// The digest algorithm is not one that is accepted, or named more than once.
    #[error("the digest algorithm is not accepted")]
    Algorithm,
    /// The digest does not belong to these bytes under any secret.
    #[error("the digest does not match")]
    Mismatch,
    /// No secret is configured, so that nothing can be verified.
    #[error("no webhook secret is configured")]
    NoSecret,
}

impl Unverified {
    /// Whether newer secrets may help.
    #[must_use]
    pub fn seems_old(self) -> bool {
        match self {
            Self::Mismatch | Self::NoSecret => true,
            Self::Digest | Self::Algorithm => false,
        }
    }
}

/// Why a delivery of the provider cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is larger than any event.
    #[error("the delivery is larger than 256 KiB")]
    TooLarge,
    /// It is no JSON object with a type.
    #[error("the delivery is no JSON object with a type")]
    NoEvent,
}

/// Something that happened at the provider.
#[derive(Debug, Clone)]
pub struct Event {
    /// The same for each delivery of this event, different for each other event.
    pub key: EventKey,
    /// The provider's word for what happened, for logs and history.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// Whom it happened to, by our id.
    pub user: Option<UserId>,
    /// Whom it happened to, by the provider's id.
    pub applicant: Option<ApplicantId>,
    /// In which world it happened.
    pub origin: Origin,
    /// What it means.
    pub news: News,
}

/// Identifies an event, to recognise that it was delivered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKey(String);

impl EventKey {
    /// From a digest over what makes the event unique.
    #[must_use]
    pub fn new(digest: String) -> Self {
        Self(digest)
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The world an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Real persons.
    Production,
    /// The provider's sandbox.
    Sandbox,
    /// A test of the connection, about nobody.
    Test,
}

/// What an event means for the user.
#[derive(Debug, Clone)]
pub enum News {
    /// The verification was seen in this state.
    Observed(Observation),
    /// What is known of the person changed.
    PersonChanged,
    /// The provider erased the person.
    Erased,
    /// Nothing.
    Irrelevant,
    /// It is not known whether it means anything.
    Unknown,
}
