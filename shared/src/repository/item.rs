//! The items of the tables.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::HashMap;

use crate::kyc::{
    ApplicantId, Cause, Confirmation, DocumentStatus, DocumentType, DocumentsRead, Doubt,
    ErasedApplicant, Inconsistent, Name, Personal, ProviderTime, Reason, Review, Standing, Status,
    Step, StoredDocument, Timestamp, Transition, User, UserId,
};

pub(super) type Item = HashMap<String, AttributeValue>;

/// Returns a number of an item.
pub(super) fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Returns a text of an item.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Returns the user whose item it is.
pub(super) fn user_id(item: &Item) -> Result<UserId, InvalidAttribute> {
    let id = text(item, "user_id").and_then(|id| UserId::parse(id).ok());
    id.ok_or(InvalidAttribute::Attribute("user_id"))
}

/// An attribute of an item that cannot be what we wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttribute {
    /// An attribute is missing or invalid.
    #[error("attribute {0} is missing or invalid")]
    Attribute(&'static str),
    /// The attributes contradict each other.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
}

/// The user object, without the two attributes that put it into the index. Absent members are left out of the item.
#[derive(Serialize, Deserialize)]
pub(super) struct UserItem {
    user_id: String,
    version: u64,
    /// Absent: pending. A function that may only open sessions needs no right to write a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    onboarding_step: String,
    /// The date of a verdict, by the provider's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applicant_id: Option<String>,
    /// By the provider's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    /// By the provider's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hinted_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt_since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt_ends_with: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_since: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    erased_applicants: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_names: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Vec<DocumentItem>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents_read_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread_since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<i64>,
    /// Absent if the user has no history.
    #[serde(skip_serializing_if = "Option::is_none")]
    history_sequence: Option<u64>,
}

/// The members of a user object that make a [`Standing`].
#[derive(Deserialize)]
pub(super) struct StandingItem {
    status: Option<String>,
    decided_at: Option<i64>,
    reason: Option<String>,
    applicant_id: Option<String>,
    waiting_since: Option<i64>,
    blocked_since: Option<i64>,
}

impl StandingItem {
    /// The attributes to be read. `#status` stands for `status`, which expressions reserve.
    pub(super) const ATTRIBUTES: &str =
        "#status, decided_at, reason, applicant_id, waiting_since, blocked_since";
}

#[derive(Serialize, Deserialize)]
struct DocumentItem {
    document_type: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    submitted_at: Option<i64>,
}

/// A transition of a user, which EventBridge makes an event of. What the pipe of the template reads is always there: AWS does not say
/// what becomes of a path that leads nowhere.
#[derive(Serialize)]
pub(super) struct HistoryItem<'a> {
    user_id: &'a str,
    sequence: u64,
    event: &'static str,
    from: &'static str,
    to: &'static str,
    /// The onboarding step afterwards.
    step: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    onboarding_advanced_to: Option<&'a str>,
    cause: &'a str,
    /// The ARN of the operator who asked for the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    /// The operator's words, which no event tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'a str>,
    /// The date of the verdict, by the provider's clock; empty if there is none.
    decided_at: String,
    recorded_at: i64,
}

impl<'a> HistoryItem<'a> {
    pub(super) fn new(
        after: &'a User,
        transition: &'a Transition,
        cause: Cause<'a>,
        recorded_at: Timestamp,
    ) -> Self {
        let operation = cause.operation;
        let decided_at = after.review.verified_at().or(after.review.rejected_at());
        Self {
            user_id: after.id.as_str(),
            sequence: after.sequence,
            event: transition.kind().as_str(),
            from: transition.from.as_str(),
            to: transition.to.as_str(),
            step: after.step.as_str(),
            onboarding_advanced_to: transition.advanced_to.as_ref().map(Step::as_str),
            cause: cause.word,
            caller: operation.map(|operation| operation.caller.as_str()),
            justification: operation
                .and_then(|operation| operation.justification.as_ref())
                .map(|words| words.text().reveal()),
            decided_at: decided_at.map_or_else(String::new, |at| at.millis().to_string()),
            recorded_at: recorded_at.millis(),
        }
    }
}

/// An item of a user's history, as it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HistoryEntry {
    /// The number of the item among those of the user, from 1 on.
    pub sequence: u64,
    /// The kind of transition, as in events.
    pub event: String,
    /// The status before.
    pub from: String,
    /// The status after.
    pub to: String,
    /// The onboarding step afterwards.
    pub step: String,
    /// A word for the cause.
    pub cause: String,
    /// The ARN of the operator who asked for the change.
    pub caller: Option<String>,
    /// The operator's words.
    #[serde(default, deserialize_with = "personal")]
    pub justification: Option<Personal>,
    /// The date of the verdict in milliseconds, by the provider's clock; empty if there is none.
    pub decided_at: String,
    /// The time of the change in milliseconds.
    pub recorded_at: i64,
}

fn personal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Personal>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Personal::new))
}

/// An event that was dealt with.
#[derive(Serialize)]
pub(super) struct DeliveryItem<'a> {
    pub(super) event_key: &'a str,
    pub(super) user_id: &'a str,
    pub(super) kind: &'a str,
    /// In seconds, as DynamoDB's time to live wants it.
    pub(super) expires_at: i64,
}

impl From<&User> for UserItem {
    fn from(user: &User) -> Self {
        let review = &user.review;
        let name = review.name();
        let ours = |time: Option<Timestamp>| time.map(Timestamp::millis);
        let theirs = |time: Option<ProviderTime>| time.map(ProviderTime::millis);
        let revealed = |part: Option<&Personal>| part.map(|part| part.reveal().to_owned());
        let erased = user.erased.iter().map(|erased| erased.digest().to_owned());
        Self {
            user_id: user.id.as_str().to_owned(),
            version: user.version,
            status: match review.status() {
                Status::Pending => None,
                status => Some(status.as_str().to_owned()),
            },
            onboarding_step: user.step.as_str().to_owned(),
            decided_at: theirs(review.verified_at().or(review.rejected_at())),
            reason: review.reason().map(|reason| reason.reveal().to_owned()),
            applicant_id: user.applicant.as_ref().map(|id| id.as_str().to_owned()),
            started_at: theirs(user.started_at),
            reported_at: theirs(user.reported_at),
            hinted_at: ours(user.hinted_at),
            doubt_since: ours(user.doubt.map(|doubt| doubt.since)),
            doubt_ends_with: user.doubt.map(|doubt| word(doubt.ends_with).to_owned()),
            missing_since: ours(user.missing_since),
            erased_applicants: erased.collect(),
            first_name: revealed(name.and_then(Name::first)),
            last_names: revealed(name.and_then(Name::last)),
            documents: user
                .documents
                .as_ref()
                .map(|read| read.documents.iter().map(DocumentItem::from).collect()),
            documents_read_at: ours(user.documents.as_ref().map(|read| read.read_at)),
            blocked_since: ours(user.blocked_since),
            registered_at: ours(user.registered_at),
            unread_since: ours(user.unread_since),
            session_at: ours(user.session_at),
            waiting_since: ours(user.waiting_since),
            checked_at: ours(user.checked_at),
            history_sequence: (user.sequence > 0).then_some(user.sequence),
        }
    }
}

impl From<&StoredDocument> for DocumentItem {
    fn from(document: &StoredDocument) -> Self {
        Self {
            document_type: document.kind.as_str().to_owned(),
            status: document.status.as_str().to_owned(),
            submitted_at: document.submitted_at.map(ProviderTime::millis),
        }
    }
}

const CONFIRMATIONS: [Confirmation; 2] = [Confirmation::AgreeingRead, Confirmation::SettledRead];

const fn word(confirmation: Confirmation) -> &'static str {
    match confirmation {
        Confirmation::AgreeingRead => "agreeing_read",
        Confirmation::SettledRead => "settled_read",
    }
}

/// Finds the value that is stored under a word.
fn named<T: Copy>(
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
    text: &str,
    attribute: &'static str,
) -> Result<T, InvalidAttribute> {
    all.into_iter()
        .find(|value| name(*value) == text)
        .ok_or(InvalidAttribute::Attribute(attribute))
}

/// Makes the review of the attributes that are about it.
fn review(
    status: Option<&str>,
    decided_at: Option<i64>,
    reason: Option<&str>,
    name: Option<Name>,
) -> Result<Review, InvalidAttribute> {
    let decided_at = decided_at.map(ProviderTime::from_millis);
    let at = || decided_at.ok_or(InvalidAttribute::Attribute("decided_at"));
    let reason = || {
        let reason = reason.and_then(Reason::explained);
        reason.ok_or(InvalidAttribute::Attribute("reason"))
    };
    let status = match status {
        Some(text) => named(Status::ALL, Status::as_str, text, "status")?,
        None => Status::Pending,
    };
    Ok(match status {
        Status::Pending => Review::Pending,
        Status::InProgress => Review::InProgress,
        Status::Retry => Review::Retry { reason: reason()? },
        Status::Rejected => Review::Rejected {
            at: at()?,
            reason: reason()?,
        },
        Status::Approved => Review::Approved { at: at()?, name },
    })
}

fn applicant(id: Option<String>) -> Result<Option<ApplicantId>, InvalidAttribute> {
    let applicant = id.map(ApplicantId::parse).transpose();
    applicant.map_err(|_| InvalidAttribute::Attribute("applicant_id"))
}

impl TryFrom<StandingItem> for Standing {
    type Error = InvalidAttribute;

    fn try_from(item: StandingItem) -> Result<Self, InvalidAttribute> {
        let (status, reason) = (item.status.as_deref(), item.reason.as_deref());
        Ok(Self {
            review: review(status, item.decided_at, reason, None)?,
            applicant: applicant(item.applicant_id)?,
            waiting_since: item.waiting_since.map(Timestamp::from_millis),
            blocked_since: item.blocked_since.map(Timestamp::from_millis),
        })
    }
}

impl TryFrom<UserItem> for User {
    type Error = InvalidAttribute;

    fn try_from(item: UserItem) -> Result<Self, InvalidAttribute> {
        let ours = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let theirs = |millis: Option<i64>| millis.map(ProviderTime::from_millis);
        let review = review(
            item.status.as_deref(),
            item.decided_at,
            item.reason.as_deref(),
            Name::new(
                item.first_name.map(Personal::new),
                item.last_names.map(Personal::new),
            ),
        )?;
        let doubt = match (ours(item.doubt_since), &item.doubt_ends_with) {
            (Some(since), Some(text)) => Some(Doubt {
                since,
                ends_with: named(CONFIRMATIONS, word, text, "doubt_ends_with")?,
            }),
            _ => None,
        };
        let documents: Option<Vec<StoredDocument>> = item
            .documents
            .map(|documents| {
                documents
                    .into_iter()
                    .map(StoredDocument::try_from)
                    .collect()
            })
            .transpose()?;
        let erased = item.erased_applicants.into_iter();
        let user = Self {
            id: UserId::parse(item.user_id).map_err(|_| InvalidAttribute::Attribute("user_id"))?,
            review,
            applicant: applicant(item.applicant_id)?,
            started_at: theirs(item.started_at),
            step: Step::new(item.onboarding_step),
            documents: documents
                .zip(ours(item.documents_read_at))
                .map(|(documents, read_at)| DocumentsRead { read_at, documents }),
            reported_at: theirs(item.reported_at),
            hinted_at: ours(item.hinted_at),
            doubt,
            missing_since: ours(item.missing_since),
            erased: erased.map(ErasedApplicant::from_digest).collect(),
            blocked_since: ours(item.blocked_since),
            registered_at: ours(item.registered_at),
            unread_since: ours(item.unread_since),
            session_at: ours(item.session_at),
            waiting_since: ours(item.waiting_since),
            checked_at: ours(item.checked_at),
            sequence: item.history_sequence.unwrap_or_default(),
            version: item.version,
        };
        user.check()?;
        Ok(user)
    }
}

impl TryFrom<DocumentItem> for StoredDocument {
    type Error = InvalidAttribute;

    fn try_from(item: DocumentItem) -> Result<Self, InvalidAttribute> {
        Ok(Self {
            kind: named(
                DocumentType::ALL,
                DocumentType::as_str,
                &item.document_type,
                "documents.document_type",
            )?,
            status: named(
                DocumentStatus::ALL,
                DocumentStatus::as_str,
                &item.status,
                "documents.status",
            )?,
            submitted_at: item.submitted_at.map(ProviderTime::from_millis),
        })
    }
}
