//! The items of the table.

use serde::{Deserialize, Serialize};

use super::Shard;
use crate::kyc::{
    ApplicantId, DocumentStatus, DocumentType, DocumentsRead, Name, NameRead, Personal, Reason,
    Review, Status, Step, StoredDocument, Timestamp, Transition, User, UserId,
};

/// Sort key of the user object.
pub(super) const USER: &str = "USER";

/// The user object. Absent members are left out of the item.
#[derive(Serialize, Deserialize)]
pub(super) struct UserItem {
    user_id: String,
    sk: String,
    version: u64,
    /// Absent: pending. A function that may open sessions only needs no right to write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    onboarding_step: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_at: Option<i64>,
    /// Of a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applicant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renamed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_names: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_read_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Vec<DocumentItem>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents_read_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<i64>,
    /// Partition key of the index of users of whom something is awaited; only those have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<String>,
    /// Sort key of that index.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct DocumentItem {
    document_type: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    submitted_at: Option<i64>,
}

/// A transition of a user.
#[derive(Serialize)]
pub(super) struct HistoryItem {
    user_id: String,
    sk: String,
    from: &'static str,
    to: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    onboarding_advanced_to: Option<String>,
    cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_at: Option<i64>,
    recorded_at: i64,
}

impl HistoryItem {
    /// The history is in the order in which the user was stored: the version is in the key.
    pub(super) fn new(
        user: &User,
        transition: &Transition,
        cause: &str,
        recorded_at: Timestamp,
    ) -> Self {
        Self {
            user_id: user.id.as_str().to_owned(),
            sk: format!("HISTORY#{:010}", user.version),
            from: transition.from.as_str(),
            to: transition.to.as_str(),
            onboarding_advanced_to: transition
                .advanced_to
                .as_ref()
                .map(|step| step.as_str().to_owned()),
            cause: cause.to_owned(),
            observed_at: user.observed_at.map(Timestamp::millis),
            recorded_at: recorded_at.millis(),
        }
    }
}

/// A delivery that was dealt with.
#[derive(Serialize)]
pub(super) struct EventItem<'a> {
    user_id: &'a str,
    sk: String,
    kind: &'a str,
    /// In seconds, as DynamoDB wants it.
    expires_at: i64,
}

impl<'a> EventItem<'a> {
    pub(super) fn new(id: &'a UserId, sk: String, kind: &'a str, expires_at: Timestamp) -> Self {
        Self {
            user_id: id.as_str(),
            sk,
            kind,
            expires_at: expires_at.seconds(),
        }
    }
}

impl From<&User> for UserItem {
    fn from(user: &User) -> Self {
        let (decided_at, name) = match &user.review {
            Review::Approved { at, name } => (Some(*at), name.as_ref()),
            Review::Rejected { at, .. } => (Some(*at), None),
            Review::Pending | Review::InProgress | Review::Retry { .. } => (None, None),
        };
        let due_at = user.due_at();
        let revealed = |part: Option<&Personal>| part.map(|part| part.reveal().to_owned());
        Self {
            user_id: user.id.as_str().to_owned(),
            sk: USER.to_owned(),
            version: user.version,
            status: match user.review.status() {
                Status::Pending => None,
                status => Some(status.as_str().to_owned()),
            },
            onboarding_step: user.step.as_str().to_owned(),
            observed_at: user.observed_at.map(Timestamp::millis),
            decided_at: decided_at.map(Timestamp::millis),
            reason: user
                .review
                .reason()
                .map(|reason| reason.reveal().to_owned()),
            applicant_id: user.applicant.as_ref().map(|id| id.as_str().to_owned()),
            started_at: user.started_at.map(Timestamp::millis),
            erased_at: user.erased_at.map(Timestamp::millis),
            renamed_at: user.renamed_at.map(Timestamp::millis),
            first_name: name.and_then(|name| revealed(name.name.first())),
            last_names: name.and_then(|name| revealed(name.name.last())),
            name_read_at: name.map(|name| name.read_at.millis()),
            documents: user
                .documents
                .as_ref()
                .map(|read| read.documents.iter().map(DocumentItem::from).collect()),
            documents_read_at: user.documents.as_ref().map(|read| read.read_at.millis()),
            session_at: user.session_at.map(Timestamp::millis),
            checked_at: user.checked_at.map(Timestamp::millis),
            in_flight: due_at.map(|_| Shard::of(&user.id).key()),
            due_at: due_at.map(Timestamp::millis),
        }
    }
}

impl From<&StoredDocument> for DocumentItem {
    fn from(document: &StoredDocument) -> Self {
        Self {
            document_type: document.kind.as_str().to_owned(),
            status: document.status.as_str().to_owned(),
            submitted_at: document.submitted_at.map(Timestamp::millis),
        }
    }
}

/// An attribute of an item that cannot be what we wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("attribute {0} is missing or invalid")]
pub struct InvalidAttribute(pub(super) &'static str);

impl TryFrom<UserItem> for User {
    type Error = InvalidAttribute;

    fn try_from(item: UserItem) -> Result<Self, InvalidAttribute> {
        let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let decided_at = || time(item.decided_at).ok_or(InvalidAttribute("decided_at"));
        let reason = || {
            item.reason
                .as_deref()
                .and_then(Reason::explained)
                .ok_or(InvalidAttribute("reason"))
        };
        let status = item
            .status
            .as_deref()
            .map_or(Some(Status::Pending), |text| {
                Status::ALL
                    .into_iter()
                    .find(|status| status.as_str() == text)
            });
        let status = status.ok_or(InvalidAttribute("status"))?;
        let review = match status {
            Status::Pending => Review::Pending,
            Status::InProgress => Review::InProgress,
            Status::Retry => Review::Retry { reason: reason()? },
            Status::Rejected => Review::Rejected {
                at: decided_at()?,
                reason: reason()?,
            },
            Status::Approved => {
                let name = Name::new(
                    item.first_name.map(Personal::new),
                    item.last_names.map(Personal::new),
                );
                let name = name
                    .zip(time(item.name_read_at))
                    .map(|(name, read_at)| NameRead { name, read_at });
                Review::Approved {
                    at: decided_at()?,
                    name,
                }
            }
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
        Ok(Self {
            id: UserId::parse(item.user_id).map_err(|_| InvalidAttribute("user_id"))?,
            review,
            observed_at: time(item.observed_at),
            applicant: item
                .applicant_id
                .map(ApplicantId::parse)
                .transpose()
                .map_err(|_| InvalidAttribute("applicant_id"))?,
            started_at: time(item.started_at),
            erased_at: time(item.erased_at),
            renamed_at: time(item.renamed_at),
            step: Step::new(item.onboarding_step),
            documents: documents
                .zip(time(item.documents_read_at))
                .map(|(documents, read_at)| DocumentsRead { read_at, documents }),
            session_at: time(item.session_at),
            checked_at: time(item.checked_at),
            version: item.version,
        })
    }
}

impl TryFrom<DocumentItem> for StoredDocument {
    type Error = InvalidAttribute;

    fn try_from(item: DocumentItem) -> Result<Self, InvalidAttribute> {
        Ok(Self {
            kind: DocumentType::ALL
                .into_iter()
                .find(|kind| kind.as_str() == item.document_type)
                .ok_or(InvalidAttribute("documents.document_type"))?,
            status: DocumentStatus::ALL
                .into_iter()
                .find(|status| status.as_str() == item.status)
                .ok_or(InvalidAttribute("documents.status"))?,
            submitted_at: item.submitted_at.map(Timestamp::from_millis),
        })
    }
}
