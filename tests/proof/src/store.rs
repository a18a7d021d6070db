//! Stores of users: one in memory, and a wrapper around any that waits at gates, fails when told to, and keeps the books.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::kyc::{
    Due, ErasedApplicant, EventKey, Queue, Status, Timestamp, Transition, User, UserId,
};
use shared::repository::{Commit, CommitError, DueUser, Loaded, RepositoryError, Shard, UserStore};

use crate::clock;
use crate::mutation::Mutation;
use crate::tasks::Gates;
use crate::trace::Trace;

/// Time for which the table of deliveries remembers an event.
const EVENT_KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// A store in memory. Clones share their content.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Content>>);

#[derive(Clone, Default)]
struct Content {
    users: BTreeMap<UserId, (User, Option<Due>)>,
    /// Those who are due, in the order of the index.
    due: BTreeSet<(Queue, Shard, Timestamp, UserId)>,
    /// The expiry of each event, in seconds.
    events: BTreeMap<EventKey, i64>,
    /// The number of items in each user's history.
    history: BTreeMap<UserId, u64>,
    erased: BTreeSet<ErasedApplicant>,
    ignores_versions: bool,
    ignores_events: bool,
}

impl Memory {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a store with the same content of its own.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.content().clone())))
    }

    pub(crate) fn ignore_versions(&self) {
        self.content().ignores_versions = true;
    }

    pub(crate) fn ignore_events(&self) {
        self.content().ignores_events = true;
    }
}

impl UserStore for Memory {
    async fn get(&self, id: &UserId) -> Result<Option<User>, RepositoryError> {
        Ok(self.content().users.get(id).map(|(user, _)| user.clone()))
    }

    async fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        now: Timestamp,
    ) -> Result<Loaded, RepositoryError> {
        let content = self.content();
        let expiry = content.events.get(event).copied();
        let event_known = expiry.is_some_and(|expiry| expiry > now.seconds());
        Ok(Loaded {
            user: content.users.get(id).map(|(user, _)| user.clone()),
            event_known: event_known && !content.ignores_events,
        })
    }

    async fn commit(&self, change: Commit<'_>) -> Result<User, CommitError> {
        let mut content = self.content();
        let Commit {
            before, after, due, ..
        } = change;
        let present = content.users.get(&before.id);
        let version = present.map_or(0, |(user, _)| user.version);
        let is_changed = before != after || change.event.is_none();
        let is_known = change.event.is_some_and(|event| {
            let expiry = content.events.get(event.key);
            expiry.is_some_and(|expiry| *expiry > change.now.seconds())
        });
        if is_known && !content.ignores_events {
            return Err(CommitError::Duplicate);
        }
        if is_changed && version != before.version && !content.ignores_versions {
            return Err(CommitError::Conflict);
        }
        let mut stored = after.clone();
        if is_changed {
            stored.version = version + 1;
            let last = content.history.entry(stored.id.clone()).or_default();
            if Transition::between(before, after).is_some() {
                *last += 1;
                stored.sequence = *last;
            } else {
                stored.sequence = before.sequence;
            }
            let place = |due: Due| (due.queue, Shard::of(&stored.id), due.at, stored.id.clone());
            let entry = (stored.clone(), due);
            let former = content.users.insert(stored.id.clone(), entry);
            if let Some((_, Some(former))) = former {
                content.due.remove(&place(former));
            }
            content.due.extend(due.map(place));
        }
        content.erased.extend(change.erased.iter().cloned());
        if let Some(event) = change.event {
            let expiry = change.now.plus(EVENT_KEPT_FOR).seconds();
            content.events.insert(event.key.clone(), expiry);
        }
        Ok(stored)
    }

    async fn is_erased(&self, applicant: &ErasedApplicant) -> Result<bool, RepositoryError> {
        Ok(self.content().erased.contains(applicant))
    }

    async fn due(
        &self,
        queue: Queue,
        shard: Shard,
        now: Timestamp,
        after: Option<&DueUser>,
        limit: u8,
    ) -> Result<Vec<DueUser>, RepositoryError> {
        let content = self.content();
        // No id is shorter than one character, and none begins before `!`.
        let beginning = || {
            (
                Timestamp::from_millis(i64::MIN),
                UserId::parse("!").unwrap(),
            )
        };
        let (at, id) = after.map_or_else(beginning, |user| (user.at, user.id.clone()));
        let start = Bound::Excluded((queue, shard, at, id));
        let listed = content.due.range((start, Bound::Unbounded));
        let listed = listed
            .take_while(|(of, part, at, _)| (*of, *part) == (queue, shard) && *at <= now)
            .map(|(_, _, at, id)| DueUser {
                id: id.clone(),
                at: *at,
            });
        Ok(listed.take(limit.into()).collect())
    }
}

/// The fate of the next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteFault {
    /// It has no effect.
    Refused,
    /// It has its effect, but the answer is lost.
    AnswerLost,
}

/// A store as the use cases of a simulation see it. Clones share their content.
#[derive(Clone)]
pub(crate) struct Proven<S> {
    store: S,
    gates: Gates,
    trace: Trace,
    books: Arc<Mutex<Books>>,
    mutation: Option<Mutation>,
}

/// The books about everything that was stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    pub(crate) fault: Option<WriteFault>,
    users: BTreeMap<UserId, Account>,
    events: BTreeMap<EventKey, Timestamp>,
    /// Effects that happened twice, and histories that are no path.
    pub(crate) doubled: Vec<String>,
}

/// The books about one user.
#[derive(Debug, Clone)]
struct Account {
    shard: Shard,
    version: u64,
    sequence: u64,
    status: Status,
    was_approved: bool,
    advances: u32,
    stored_at: Timestamp,
}

impl Books {
    /// Returns whether the effect of an event was ever stored.
    pub(crate) fn knows(&self, event: &EventKey) -> bool {
        self.events.contains_key(event)
    }

    fn has_user_in(&self, shard: Shard) -> bool {
        self.users.values().any(|account| account.shard == shard)
    }

    /// Returns the time at which the user was last stored.
    pub(crate) fn stored_at(&self, id: &UserId) -> Option<Timestamp> {
        self.users.get(id).map(|account| account.stored_at)
    }

    /// Checks that the onboarding advanced once if the user was ever stored as approved, and not otherwise.
    pub(crate) fn check_advance(&self, id: &UserId) -> Result<(), String> {
        match self.users.get(id) {
            Some(account) if account.advances != u32::from(account.was_approved) => Err(format!(
                "{id} was approved: {}, and advanced {} times",
                account.was_approved, account.advances
            )),
            _ => Ok(()),
        }
    }

    fn record(&mut self, change: &Commit<'_>, stored: &User) {
        let Commit { before, after, .. } = change;
        if let Some(event) = change.event {
            let last = self.events.insert(event.key.clone(), change.now);
            if last.is_some_and(|last| change.now < last.plus(EVENT_KEPT_FOR)) {
                self.doubled
                    .push(format!("{} had its effect twice", event.kind));
            }
        }
        if before == after && change.event.is_some() {
            return;
        }
        let account = self.users.entry(stored.id.clone());
        let account = account.or_insert_with_key(|id| Account {
            shard: Shard::of(id),
            version: 0,
            sequence: 0,
            status: Status::Pending,
            was_approved: false,
            advances: 0,
            stored_at: change.now,
        });
        account.version += 1;
        account.stored_at = change.now;
        account.was_approved |= stored.review.status() == Status::Approved;
        let transition = Transition::between(before, after);
        let mut wrong = vec![];
        if let Some(transition) = transition {
            account.sequence += 1;
            account.advances += u32::from(transition.advanced_to.is_some());
            if transition.from != account.status {
                wrong.push("the history is no path");
            }
            account.status = transition.to;
        }
        if account.advances > 1 {
            wrong.push("the onboarding advanced twice");
        }
        if stored.version != account.version {
            wrong.push("a version was stored twice");
        }
        if stored.sequence != account.sequence {
            wrong.push("the history has a gap");
        }
        if stored.review.status() != account.status {
            wrong.push("the history ends elsewhere");
        }
        let id = &stored.id;
        self.doubled
            .extend(wrong.into_iter().map(|wrong| format!("{id}: {wrong}")));
    }
}

impl<S: UserStore> Proven<S> {
    pub(crate) fn new(store: S, gates: Gates, trace: Trace, mutation: Option<Mutation>) -> Self {
        Self {
            store,
            gates,
            trace,
            books: Arc::default(),
            mutation,
        }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a user without waiting and without leaving a trace.
    pub(crate) async fn peek(&self, id: &UserId) -> Option<User> {
        self.store.get(id).await.unwrap()
    }

    fn seen(&self, user: User) -> User {
        match self.mutation {
            Some(mutation) => mutation.loaded(user),
            None => user,
        }
    }
}

impl<S: UserStore> UserStore for Proven<S> {
    async fn get(&self, id: &UserId) -> Result<Option<User>, RepositoryError> {
        let _passed = self.gates.pass("get").await;
        clock::pass(Duration::from_millis(2));
        let user = self.store.get(id).await?;
        self.trace
            .line(|| format!("  store get {id}: {}", shown(user.as_ref())));
        Ok(user.map(|user| self.seen(user)))
    }

    async fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        now: Timestamp,
    ) -> Result<Loaded, RepositoryError> {
        let _passed = self.gates.pass("get_with_event").await;
        clock::pass(Duration::from_millis(2));
        let loaded = self.store.get_with_event(id, event, now).await?;
        self.trace.line(|| {
            let (user, known) = (shown(loaded.user.as_ref()), loaded.event_known);
            format!("  store get_with_event {id}: {user}, known {known}")
        });
        Ok(Loaded {
            user: loaded.user.map(|user| self.seen(user)),
            ..loaded
        })
    }

    async fn commit(&self, change: Commit<'_>) -> Result<User, CommitError> {
        let _passed = self.gates.pass("commit").await;
        clock::pass(Duration::from_millis(4));
        let mutated = self
            .mutation
            .map(|mutation| (mutation.stored(change.after, change.due), mutation));
        let change = match &mutated {
            Some(((after, due), mutation)) => Commit {
                after,
                due: *due,
                erased: mutation.registered(change.erased),
                ..change
            },
            None => change,
        };
        let fault = self.books().fault.take();
        let lost = || RepositoryError::TimedOut {
            operation: "TransactWriteItems",
        };
        let result = match fault {
            Some(WriteFault::Refused) => Err(lost().into()),
            None | Some(WriteFault::AnswerLost) => self.store.commit(change).await,
        };
        if let Ok(stored) = &result {
            self.books().record(&change, stored);
        }
        self.trace.line(|| {
            let Commit { before, cause, .. } = change;
            let result = match &result {
                Ok(stored) => shown(Some(stored)),
                Err(error) => error.to_string(),
            };
            let (id, version) = (&before.id, before.version);
            format!(
                "  store commit {id} after {version} by {}: {result}, fault {fault:?}",
                cause.word
            )
        });
        match fault {
            Some(WriteFault::AnswerLost) => Err(lost().into()),
            _ => result,
        }
    }

    async fn is_erased(&self, applicant: &ErasedApplicant) -> Result<bool, RepositoryError> {
        clock::pass(Duration::from_millis(2));
        self.store.is_erased(applicant).await
    }

    async fn due(
        &self,
        queue: Queue,
        shard: Shard,
        now: Timestamp,
        after: Option<&DueUser>,
        limit: u8,
    ) -> Result<Vec<DueUser>, RepositoryError> {
        // A list in which nobody stands says the same at any time: it need not wait, or be asked for if it has nobody at all.
        if !self.books().has_user_in(shard) {
            return Ok(vec![]);
        }
        let listed = self.store.due(queue, shard, now, after, limit).await?;
        if listed.is_empty() {
            return Ok(listed);
        }
        let _passed = self.gates.pass("due").await;
        clock::pass(Duration::from_millis(2));
        self.store.due(queue, shard, now, after, limit).await
    }
}

/// Returns the state of a user in one line, without personal data.
pub(crate) fn shown(user: Option<&User>) -> String {
    let Some(user) = user else {
        return "nobody".to_owned();
    };
    let status = user.review.status().as_str();
    let decided = user.review.verified_at().or(user.review.rejected_at());
    let millis = |time: Option<Timestamp>| time.map(|time| time.millis() - clock::START);
    format!(
        "version {} {status} of {:?} at {:?}, reported {:?}, hinted {:?}, doubt {:?}, sequence {}",
        user.version,
        user.applicant
            .as_ref()
            .map(shared::kyc::ApplicantId::as_str),
        decided.map(shared::kyc::ProviderTime::millis),
        user.reported_at.map(|at| at.millis() - clock::START),
        millis(user.hinted_at),
        user.doubt
            .map(|doubt| (millis(Some(doubt.since)), doubt.ends_with)),
        user.sequence,
    )
}
