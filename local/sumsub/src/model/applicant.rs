//! Applicants.

use serde::{Deserialize, Serialize};

use super::Moment;

/// An applicant. Not `Debug`, like all types below with personal data.
#[derive(Clone, Serialize, Deserialize)]
pub struct Applicant {
    /// The id that the provider gave.
    pub id: String,
    /// The id of the inspection.
    pub(crate) inspection: String,
    /// The external user id: the customer's.
    pub user: String,
    /// The verification level.
    pub level: String,
    /// The type: person or company.
    #[serde(default)]
    pub applicant_type: ApplicantType,
    /// The time of the creation.
    pub created: Moment,
    /// The details read from the documents. `None` before a submission and after an erasure.
    pub person: Option<Person>,
    pub(crate) images: Vec<Image>,
    /// The present review.
    pub review: Review,
    /// The applicant is inactive, which is reversible.
    #[serde(default)]
    pub deactivated: bool,
    /// The person was erased.
    pub deleted: bool,
}

impl Applicant {
    /// Returns `false` for an applicant that acts as if it did not exist.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.deactivated && !self.deleted
    }
}

/// The type of an applicant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicantType {
    /// A natural person.
    #[default]
    Individual,
    /// An applicant that is a company.
    Company,
}

/// The details of a person.
#[derive(Clone, Serialize, Deserialize)]
pub struct Person {
    /// The first names.
    pub first_name: String,
    /// The last names.
    pub last_name: String,
    pub(crate) dob: String,
    pub(crate) nationality: String,
    pub(crate) country: String,
}

/// An uploaded image.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) id: i64,
    pub(crate) added: Moment,
    pub(crate) doc_type: String,
    pub(crate) side: Option<String>,
    pub(crate) country: String,
    pub(crate) answer: Option<String>,
    pub(crate) deactivated: bool,
}

/// A review of an applicant.
#[derive(Clone, Serialize, Deserialize)]
pub struct Review {
    /// The time of its creation.
    pub created: Moment,
    /// The time of the verdict.
    pub decided: Option<Moment>,
    /// The status of the review.
    pub status: ReviewStatus,
    /// The verdict, which counts only while the status is `completed`. A GREEN stays after a reset, as at the provider.
    pub result: Option<ReviewResult>,
}

/// The status of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReviewStatus {
    /// Nothing was submitted.
    Init,
    /// Documents were submitted.
    Pending,
    /// The review waits for its turn.
    Queued,
    /// An automatic check has ended.
    Prechecked,
    /// A reviewer paused the review.
    OnHold,
    /// The applicant must do something.
    AwaitingUser,
    /// Another service must do something.
    AwaitingService,
    /// There is a verdict.
    Completed,
}

/// A verdict. Its members have the order of the wire.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewResult {
    /// The explanation for the applicant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation_comment: Option<String>,
    /// The explanation for the customer only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_comment: Option<String>,
    /// `GREEN`, `RED`, or anything that a test wants.
    pub review_answer: String,
    /// The labels of the reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_labels: Option<Vec<String>>,
    /// `RETRY` or `FINAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_reject_type: Option<String>,
    /// The ids of the reviewer's buttons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button_ids: Option<Vec<String>>,
}

impl ReviewResult {
    /// Creates an approval.
    #[must_use]
    pub fn green() -> Self {
        Self {
            moderation_comment: None,
            client_comment: None,
            review_answer: "GREEN".to_owned(),
            reject_labels: None,
            review_reject_type: None,
            button_ids: None,
        }
    }

    /// Creates a rejection: `RETRY` or `FINAL`.
    #[must_use]
    pub fn red(reject_type: &str) -> Self {
        Self {
            review_answer: "RED".to_owned(),
            review_reject_type: Some(reject_type.to_owned()),
            ..Self::green()
        }
    }

    pub(crate) fn is_green(&self) -> bool {
        self.review_answer == "GREEN"
    }

    /// Returns the verdict as the provider reports it: a GREEN without details, others with their lists.
    pub(crate) fn completed(self) -> Self {
        if self.is_green() {
            return Self::green();
        }
        Self {
            reject_labels: Some(self.reject_labels.unwrap_or_default()),
            button_ids: Some(self.button_ids.unwrap_or_default()),
            ..self
        }
    }
}

/// Details of a person. The person's own, or defaults, replace what is missing.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Details {
    /// The first names.
    pub first_name: Option<String>,
    /// The last names.
    pub last_name: Option<String>,
    /// The date of birth, as `YYYY-MM-DD`.
    pub dob: Option<String>,
    /// The nationality, as ISO 3166-1 alpha-3.
    pub nationality: Option<String>,
    /// The country of residence, as ISO 3166-1 alpha-3.
    pub country: Option<String>,
}

impl Details {
    /// Returns these details, completed by those of a person.
    pub(crate) fn over(self, person: Person) -> Person {
        Person {
            first_name: self.first_name.unwrap_or(person.first_name),
            last_name: self.last_name.unwrap_or(person.last_name),
            dob: self.dob.unwrap_or(person.dob),
            nationality: self.nationality.unwrap_or(person.nationality),
            country: self.country.unwrap_or(person.country),
        }
    }
}

/// A submitted document.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// The type, such as `PASSPORT`.
    pub id_doc_type: String,
    /// The issuing country. By default the country of residence.
    pub country: Option<String>,
}

/// The details and documents that an applicant submits.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Submission {
    /// The details.
    #[serde(flatten)]
    pub details: Details,
    /// The documents. By default a passport, and always a selfie.
    pub documents: Vec<Document>,
}
