//! Applicants and what may happen to them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::clock::Moment;

/// The level an applicant gets where none is named.
pub(crate) const BASIC_LEVEL: &str = "basic-kyc-level";
/// The level that also asks for a proof of residence.
pub(crate) const ENHANCED_LEVEL: &str = "enhanced-kyc-level";

/// Whether the account has such a level.
pub(crate) fn is_level(name: &str) -> bool {
    [BASIC_LEVEL, ENHANCED_LEVEL].contains(&name)
}

/// One applicant. Not `Debug`, nor is anything below that holds personal data.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Applicant {
    pub(crate) id: String,
    pub(crate) inspection: String,
    pub(crate) user: String,
    pub(crate) level: String,
    pub(crate) created: Moment,
    /// What was read from the documents; nothing before there were any.
    pub(crate) person: Option<Person>,
    pub(crate) images: Vec<Image>,
    pub(crate) review: Review,
    pub(crate) deleted: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) dob: String,
    pub(crate) nationality: String,
    pub(crate) country: String,
}

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

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) created: Moment,
    pub(crate) decided: Option<Moment>,
    pub(crate) status: ReviewStatus,
    /// Counts only while the status is `completed`: a GREEN stays here through a reset, as it does at the provider.
    pub(crate) result: Option<ReviewResult>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ReviewStatus {
    Init,
    Pending,
    Queued,
    Prechecked,
    OnHold,
    AwaitingUser,
    AwaitingService,
    Completed,
}

/// A verdict, in the provider's words and in the order of its members on the wire.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReviewResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) moderation_comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_comment: Option<String>,
    pub(crate) review_answer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reject_labels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) review_reject_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) button_ids: Option<Vec<String>>,
}

impl ReviewResult {
    pub(crate) fn is_green(&self) -> bool {
        self.review_answer == "GREEN"
    }

    /// What the provider makes of a verdict: GREEN stands alone, anything else has its lists.
    pub(crate) fn completed(self) -> Self {
        if self.is_green() {
            Self {
                moderation_comment: None,
                client_comment: None,
                review_answer: self.review_answer,
                reject_labels: None,
                review_reject_type: None,
                button_ids: None,
            }
        } else {
            Self {
                reject_labels: Some(self.reject_labels.unwrap_or_default()),
                button_ids: Some(self.button_ids.unwrap_or_default()),
                ..self
            }
        }
    }
}

/// What an applicant says about themselves; a default stands in for what is left out.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Details {
    first_name: Option<String>,
    last_name: Option<String>,
    dob: Option<String>,
    nationality: Option<String>,
    country: Option<String>,
}

impl Details {
    /// These details, and the person's own where one is left out.
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

/// A document that an applicant shows.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    pub(crate) id_doc_type: String,
    pub(crate) country: Option<String>,
}

/// What an applicant hands in.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Submission {
    #[serde(flatten)]
    pub(crate) details: Details,
    pub(crate) documents: Vec<Document>,
}

/// Something that happens to an applicant.
pub(crate) enum Change {
    /// The SDK is opened: the applicant comes to be, unless there is one.
    Start { level: Option<String> },
    /// Details and documents are handed in, by somebody new too.
    Submit(Submission),
    /// The verdict.
    Review(ReviewResult),
    /// A step on the way to the verdict.
    Status(ReviewStatus),
    /// Everything from the start again.
    Reset,
    /// The details are corrected.
    Correct(Details),
    /// Another level is asked for: a new review of what is there.
    Level(String),
    /// The applicant is deleted.
    Delete,
}

/// The ids of a new applicant.
pub(crate) struct Identity {
    pub(crate) applicant: String,
    pub(crate) inspection: String,
}

/// Something the provider tells of: the applicant as it was right then.
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    pub(crate) at: Moment,
    pub(crate) status: ReviewStatus,
    pub(crate) result: Option<ReviewResult>,
    pub(crate) previous_level: Option<String>,
}

/// The applicant after a change, and what there is to tell of it, each event in a millisecond of its own.
pub(crate) struct Outcome {
    pub(crate) applicant: Applicant,
    pub(crate) events: Vec<Event>,
}

/// Why a change is not possible.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Refused {
    #[error("There is no such applicant.")]
    NoApplicant,
    #[error("There is no such level.")]
    UnknownLevel,
    #[error("This status is reached by a start, a reset or a review only.")]
    UnreachableStatus,
    #[error("The applicant has not submitted anything yet.")]
    NothingSubmitted,
}
