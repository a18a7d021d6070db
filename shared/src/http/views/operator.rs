//! The responses of the calls of operators.

use serde::Serialize;

use super::{Time, View, our_time, revealed, time};
use crate::kyc::{
    ApplicantId, Awaited, Due, Name, Reason, ReviewSchedule, StoredDocument, User, UserId,
};
use crate::repository::{HistoryEntry, HistoryKey};
use crate::service::{ErasedAgain, Erasure, HistoryPage, Import, Replay, Waiting};

/// All that is stored about a user but their name, their documents and the reason that they were given.
#[derive(Serialize)]
pub struct OperatorView<'a> {
    user_id: &'a str,
    status: &'static str,
    /// The date of the verdict.
    decided_at: Option<Time>,
    onboarding_step: &'a str,
    blocked_since: Option<Time>,
    applicant_id: Option<&'a str>,
    started_at: Option<Time>,
    has_name: bool,
    awaiting: &'static str,
    waiting_since: Option<Time>,
    next_check: Option<NextCheckView>,
    /// The beginning of a doubt about what is stored.
    doubt_since: Option<Time>,
    /// The time of the import since which the provider was not read.
    unread_since: Option<Time>,
    /// The time of the last check by the schedule.
    checked_at: Option<Time>,
    /// The latest time, by the provider's clock, at which an event or a read told of the review.
    reported_at: Option<Time>,
    /// The time at which the last event about the review was received.
    event_at: Option<Time>,
    session_at: Option<Time>,
    registered_at: Option<Time>,
    /// The time since which the applicant is missing at the provider.
    missing_since: Option<Time>,
    erased_applicants: usize,
    history_items: u64,
    version: u64,
}

#[derive(Serialize)]
struct NextCheckView {
    queue: &'static str,
    at: Time,
}

impl View for OperatorView<'_> {}

impl<'a> OperatorView<'a> {
    /// Makes the view of a user.
    #[must_use]
    pub fn new(user: &'a User, schedule: &ReviewSchedule) -> Self {
        let next_check = schedule.due(user).map(|Due { queue, at }| NextCheckView {
            queue: queue.as_str(),
            at: Time(at.millis()),
        });
        Self {
            user_id: user.id.as_str(),
            status: user.review.status().as_str(),
            decided_at: time(user.review.verified_at().or(user.review.rejected_at())),
            onboarding_step: user.step.as_str(),
            blocked_since: our_time(user.blocked_since),
            applicant_id: user.applicant.as_ref().map(ApplicantId::as_str),
            started_at: time(user.started_at),
            has_name: user.name().is_some(),
            awaiting: Awaited::of(user).as_str(),
            waiting_since: our_time(user.waiting_since),
            next_check,
            doubt_since: our_time(user.doubt.map(|doubt| doubt.since)),
            unread_since: our_time(user.unread_since),
            checked_at: our_time(user.checked_at),
            reported_at: time(user.reported_at),
            event_at: our_time(user.hinted_at),
            session_at: our_time(user.session_at),
            registered_at: our_time(user.registered_at),
            missing_since: our_time(user.missing_since),
            erased_applicants: user.erased.len(),
            history_items: user.sequence,
            version: user.version,
        }
    }
}

/// The users who are overdue, by queue.
#[derive(Serialize)]
pub struct OverdueView<'a> {
    queues: Vec<WaitingView<'a>>,
}

/// The users who wait in a queue.
#[derive(Serialize)]
pub struct WaitingView<'a> {
    queue: &'static str,
    count: usize,
    /// True if there are more than `count`.
    is_capped: bool,
    users: Vec<WaitingUserView<'a>>,
}

#[derive(Serialize)]
struct WaitingUserView<'a> {
    user_id: &'a str,
    due_at: Time,
}

impl View for OverdueView<'_> {}
impl View for WaitingView<'_> {}

impl<'a> From<&'a [Waiting]> for OverdueView<'a> {
    fn from(queues: &'a [Waiting]) -> Self {
        Self {
            queues: queues.iter().map(WaitingView::from).collect(),
        }
    }
}

impl<'a> From<&'a Waiting> for WaitingView<'a> {
    fn from(waiting: &'a Waiting) -> Self {
        let users = waiting.first.iter().map(|user| WaitingUserView {
            user_id: user.id.as_str(),
            due_at: Time(user.at.millis()),
        });
        Self {
            queue: waiting.queue.as_str(),
            count: waiting.count,
            is_capped: waiting.is_capped,
            users: users.collect(),
        }
    }
}

/// The name of a user.
#[derive(Serialize)]
pub struct NameView<'a> {
    first_name: Option<&'a str>,
    last_names: Option<&'a str>,
}

impl View for NameView<'_> {}

impl<'a> From<&'a User> for NameView<'a> {
    fn from(user: &'a User) -> Self {
        let name = user.name();
        Self {
            first_name: revealed(name.and_then(Name::first)),
            last_names: revealed(name.and_then(Name::last)),
        }
    }
}

/// All that is stored about a person.
#[derive(Serialize)]
pub struct ExportView<'a> {
    user: OperatorView<'a>,
    name: NameView<'a>,
    /// The reason that the user was given for a rejection.
    reject_reason: Option<&'a str>,
    documents: Vec<DocumentView>,
    history: HistoryView<'a>,
}

#[derive(Serialize)]
struct DocumentView {
    document_type: &'static str,
    status: &'static str,
    submitted_at: Option<Time>,
}

impl View for ExportView<'_> {}

impl<'a> ExportView<'a> {
    /// Makes the view of a user and their history.
    #[must_use]
    pub fn new(user: &'a User, schedule: &ReviewSchedule, history: &'a HistoryPage) -> Self {
        let documents = user.documents.as_ref();
        let documents = documents.map(|read| read.documents.as_slice());
        Self {
            user: OperatorView::new(user, schedule),
            name: NameView::from(user),
            reject_reason: user.review.reason().map(Reason::reveal),
            documents: documents
                .unwrap_or_default()
                .iter()
                .map(DocumentView::from)
                .collect(),
            history: HistoryView::from(history),
        }
    }
}

impl From<&StoredDocument> for DocumentView {
    fn from(document: &StoredDocument) -> Self {
        Self {
            document_type: document.kind.as_str(),
            status: document.status.as_str(),
            submitted_at: time(document.submitted_at),
        }
    }
}

/// The answer to an erasure: what is gone, what stays, and what is left to be done.
#[derive(Serialize)]
pub struct ErasureView<'a> {
    erased: [&'static str; 5],
    kept: [&'static str; 5],
    at_provider: AtProviderView<'a>,
    user: OperatorView<'a>,
}

#[derive(Serialize)]
struct AtProviderView<'a> {
    applicants: Vec<&'a str>,
    to_do: &'static str,
}

impl View for ErasureView<'_> {}

impl<'a> ErasureView<'a> {
    /// Makes the view of an erasure.
    #[must_use]
    pub fn new(erasure: &'a Erasure, schedule: &ReviewSchedule) -> Self {
        let applicants = erasure.applicants.iter().map(ApplicantId::as_str).collect();
        let to_do = match (erasure.provider_answered, erasure.applicants.is_empty()) {
            (false, _) => {
                "The provider did not answer. Repeat this call to learn whom it has, and erase these applicants there."
            }
            (true, false) => {
                "Erase these applicants there: documents and data of the person are with the provider, and nothing here can delete them. Until then the person cannot be verified again."
            }
            (true, true) => "Nothing: the provider has no applicant of this user.",
        };
        Self {
            erased: [
                "name",
                "reason of a rejection",
                "kinds of documents",
                "link to the applicant",
                "times of sessions and registration",
            ],
            kept: [
                "user id",
                "status, with the date of a verdict",
                "onboarding step and block",
                "history, with callers and their reasons",
                "hashes of the erased applicants",
            ],
            at_provider: AtProviderView { applicants, to_do },
            user: OperatorView::new(&erasure.user, schedule),
        }
    }
}

/// The result of an import.
#[derive(Serialize)]
pub struct ImportView {
    imported: usize,
    known: usize,
}

/// The result of a page of a replay.
#[derive(Serialize)]
pub struct ReplayView {
    events: usize,
    /// The value of the parameter `page` that goes on after these, if there may be more.
    next_page: Option<String>,
}

/// The result of a page of users who were looked up in the registry of erasures.
#[derive(Serialize)]
pub struct ErasedAgainView<'a> {
    checked: usize,
    erased: usize,
    /// The value of the parameter `page` that goes on after these, if there may be more.
    next_page: Option<&'a str>,
}

impl View for ImportView {}
impl View for ReplayView {}
impl View for ErasedAgainView<'_> {}

impl From<&Import> for ImportView {
    fn from(import: &Import) -> Self {
        Self {
            imported: import.imported,
            known: import.known,
        }
    }
}

impl From<&Replay> for ReplayView {
    fn from(replay: &Replay) -> Self {
        let page = |HistoryKey { user, sequence }: &HistoryKey| format!("{sequence}.{user}");
        Self {
            events: replay.events,
            next_page: replay.next.as_ref().map(page),
        }
    }
}

impl<'a> From<&'a ErasedAgain> for ErasedAgainView<'a> {
    fn from(again: &'a ErasedAgain) -> Self {
        Self {
            checked: again.checked,
            erased: again.erased,
            next_page: again.next.as_ref().map(UserId::as_str),
        }
    }
}

/// A page of a user's history, oldest first.
#[derive(Serialize)]
pub struct HistoryView<'a> {
    items: Vec<EntryView<'a>>,
    /// The value of the parameter `page` that shows the items after these, if there may be any.
    next_page: Option<String>,
}

#[derive(Serialize)]
struct EntryView<'a> {
    sequence: u64,
    event: &'a str,
    from: &'a str,
    to: &'a str,
    onboarding_step: &'a str,
    cause: &'a str,
    caller: Option<&'a str>,
    reason: Option<&'a str>,
    decided_at: Option<Time>,
    recorded_at: Time,
}

impl View for HistoryView<'_> {}

impl<'a> From<&'a HistoryPage> for HistoryView<'a> {
    fn from(page: &'a HistoryPage) -> Self {
        Self {
            items: page.entries.iter().map(EntryView::from).collect(),
            next_page: page.next.map(|sequence| sequence.to_string()),
        }
    }
}

impl<'a> From<&'a HistoryEntry> for EntryView<'a> {
    fn from(entry: &'a HistoryEntry) -> Self {
        Self {
            sequence: entry.sequence,
            event: &entry.event,
            from: &entry.from,
            to: &entry.to,
            onboarding_step: &entry.step,
            cause: &entry.cause,
            caller: entry.caller.as_deref(),
            reason: revealed(entry.justification.as_ref()),
            decided_at: entry.decided_at.parse().ok().map(Time),
            recorded_at: Time(entry.recorded_at),
        }
    }
}
