//! Sumsub's JSON, as far as we read it. Members come and go: everything is optional, nothing unknown is refused, and a member
//! of an unexpected type counts as missing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::time::WireTime;
use crate::kyc::Personal;
use crate::platform::json::Unambiguous;

/// Reads an object. Serde by itself takes the elements of an array for the members of a struct, in their order.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    let Unambiguous(value) = serde_json::from_slice(json).ok()?;
    if value.is_object() {
        T::deserialize(value).ok()
    } else {
        None
    }
}

/// Takes what does not have the expected form for missing, so that one odd member does not cost the whole message.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// Reads a struct. Anything but a JSON object, or an object that does not fit, is the default.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let members: Option<Map<String, Value>> = lenient(deserializer)?;
    Ok(members
        .and_then(|members| T::deserialize(Value::Object(members)).ok())
        .unwrap_or_default())
}

/// Reads a list of structs. An object that does not fit is the default; anything but a list of objects is an empty list.
fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let list: Vec<Map<String, Value>> = lenient(deserializer)?;
    Ok(list
        .into_iter()
        .map(|members| T::deserialize(Value::Object(members)).unwrap_or_default())
        .collect())
}

fn personal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Personal>, D::Error> {
    let text: Option<String> = lenient(deserializer)?;
    Ok(text
        .filter(|text| !text.trim().is_empty())
        .map(Personal::new))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionRequest<'a> {
    pub(super) user_id: &'a str,
    pub(super) level_name: &'a str,
    pub(super) ttl_in_secs: u32,
}

#[derive(Deserialize)]
pub(super) struct SessionResponse {
    pub(super) token: secrecy::SecretString,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorResponse {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) correlation_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) enum ReviewStatus {
    Init,
    Pending,
    Queued,
    Prechecked,
    OnHold,
    AwaitingService,
    AwaitingUser,
    /// Old accounts say whether the verdict was sent, too.
    #[serde(alias = "completedSent", alias = "completedSentFailure")]
    Completed,
    #[serde(other)]
    Unknown,
}

impl ReviewStatus {
    /// Returns a name that never changes, for the idempotency key.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Prechecked => "prechecked",
            Self::OnHold => "onHold",
            Self::AwaitingService => "awaitingService",
            Self::AwaitingUser => "awaitingUser",
            Self::Completed => "completed",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ReviewAnswer {
    Green,
    Red,
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum RejectType {
    Retry,
    Final,
    #[serde(other)]
    Unknown,
}

/// The verdict. `clientComment` and `rejectLabels` are not even read: they may hold findings that no user may see.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ReviewResult {
    #[serde(deserialize_with = "lenient")]
    pub(super) review_answer: Option<ReviewAnswer>,
    #[serde(deserialize_with = "lenient")]
    pub(super) review_reject_type: Option<RejectType>,
    #[serde(deserialize_with = "personal")]
    pub(super) moderation_comment: Option<Personal>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ReviewState {
    #[serde(rename = "reviewDate", deserialize_with = "lenient")]
    pub(super) date: Option<WireTime>,
    #[serde(rename = "levelName", deserialize_with = "lenient")]
    pub(super) level_name: Option<String>,
    #[serde(rename = "reviewStatus", deserialize_with = "lenient")]
    pub(super) status: Option<ReviewStatus>,
    #[serde(rename = "reviewResult", deserialize_with = "object")]
    pub(super) result: ReviewResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicantJson {
    pub(super) id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) created_at: Option<WireTime>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) external_user_id: Option<String>,
    #[serde(default, deserialize_with = "object")]
    pub(super) info: Option<Info>,
    #[serde(default, deserialize_with = "object")]
    pub(super) fixed_info: Option<Info>,
    #[serde(default, deserialize_with = "object")]
    pub(super) review: ReviewState,
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) applicant_type: Option<String>,
    /// Deactivated, in spite of the name.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) deleted: bool,
}

/// The data about a person: read from the documents, or supplied by the client.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Info {
    #[serde(deserialize_with = "personal")]
    pub(super) first_name: Option<Personal>,
    #[serde(deserialize_with = "personal")]
    pub(super) first_name_en: Option<Personal>,
    #[serde(deserialize_with = "personal")]
    pub(super) middle_name: Option<Personal>,
    #[serde(deserialize_with = "personal")]
    pub(super) middle_name_en: Option<Personal>,
    #[serde(deserialize_with = "personal")]
    pub(super) last_name: Option<Personal>,
    #[serde(deserialize_with = "personal")]
    pub(super) last_name_en: Option<Personal>,
    #[serde(deserialize_with = "personal")]
    pub(super) dob: Option<Personal>,
    #[serde(deserialize_with = "personal")]
    pub(super) country: Option<Personal>,
    #[serde(deserialize_with = "personal")]
    pub(super) nationality: Option<Personal>,
    #[serde(deserialize_with = "objects")]
    pub(super) addresses: Vec<Address>,
    #[serde(deserialize_with = "objects")]
    pub(super) id_docs: Vec<IdDocument>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    #[serde(deserialize_with = "personal")]
    pub(super) country: Option<Personal>,
}

/// A document, in an applicant and in its images alike. The number, the dates and the file name are not even read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct IdDocument {
    #[serde(deserialize_with = "lenient")]
    pub(super) id_doc_type: String,
    /// The side of the document.
    #[serde(deserialize_with = "lenient")]
    pub(super) id_doc_sub_type: Option<String>,
    #[serde(deserialize_with = "personal")]
    pub(super) country: Option<Personal>,
}

#[derive(Deserialize)]
pub(super) struct Resources {
    #[serde(default, deserialize_with = "objects")]
    pub(super) items: Vec<Resource>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Resource {
    #[serde(deserialize_with = "lenient")]
    pub(super) added_date: Option<WireTime>,
    #[serde(deserialize_with = "object")]
    pub(super) id_doc_def: IdDocument,
    #[serde(deserialize_with = "object")]
    pub(super) review_result: ReviewResult,
    #[serde(deserialize_with = "lenient")]
    pub(super) deactivated: bool,
}

/// A delivery of the webhook.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryJson {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) applicant_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) applicant_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) level_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) external_user_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) created_at: Option<WireTime>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) created_at_ms: Option<WireTime>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) review_status: Option<ReviewStatus>,
    #[serde(default, deserialize_with = "object")]
    pub(super) review_result: ReviewResult,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) sandbox_mode: Flag,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) test_mode: Flag,
}

/// A yes or no that is sent as a boolean or as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::Bool(flag) => flag,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }))
    }
}
