//! An import in simulated time: users of another backend, the provider who knows their verdicts, and webhooks meanwhile. The processes
//! that import and that read are stopped again and again.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use shared::kyc::{
    ApplicantId, ApplicantType, Document, EventEffect, EventKey, EventTime, Hint, ImportedUser,
    Level, Name, Observation, Operation, Personal, ProviderTime, Reason, Review, Status, Step,
    Timestamp, User, UserId,
};
use shared::platform::Deadline;
use shared::provider::{
    ApplicantLookup, ApplicantRecord, Event, EventMeaning, Origin, Provider, ProviderError,
};
use shared::repository::UserStore;
use shared::service::{KycService, PACE};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

use crate::clock::START;
use crate::provider::applicant::LEVELS;
use crate::simulation::{deadline, operation, policy};
use crate::store::Memory;

/// Users of a call, as the API takes them.
const BATCH: usize = 100;

/// The interval of the schedule, and the time that a run has.
const INTERVAL: Duration = Duration::from_mins(5);
const RUN: Duration = Duration::from_secs(239);

/// The window in which the provider counts requests.
const WINDOW: Duration = Duration::from_secs(5);

/// The results of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Users who were imported.
    pub users: usize,
    /// Processes that were stopped in the middle.
    pub stopped: usize,
    /// Webhooks that were delivered meanwhile.
    pub webhooks: usize,
    /// The most reads by the schedule in 5 s.
    pub most_reads: usize,
    /// The time until everybody was read.
    pub took: Duration,
    /// Users whose stored verdict is not the provider's.
    pub diverged: Vec<String>,
}

impl Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} users, {} processes stopped, {} webhooks, at most {} reads in 5 s, read after {} min, {} diverged",
            self.users,
            self.stopped,
            self.webhooks,
            self.most_reads,
            self.took.as_secs() / 60,
            self.diverged.len()
        )
    }
}

thread_local! {
    /// The beginning of the import, by the clock of the runtime.
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

fn now() -> Timestamp {
    let since = BEGUN.get().map_or(Duration::ZERO, |begun| begun.elapsed());
    Timestamp::from_millis(START).plus(since)
}

/// A provider who knows one applicant of each user, and notes when it is asked.
#[derive(Clone, Default)]
struct Former(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    reviews: HashMap<UserId, Review>,
    reads: VecDeque<Instant>,
    most_reads: usize,
    /// True while reads are for a webhook.
    is_webhook: bool,
}

impl Former {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn applicant_id(user: &UserId) -> ApplicantId {
    ApplicantId::parse(format!("applicant_of_{user}")).unwrap()
}

fn observation(user: &UserId, review: Review) -> Observation {
    Observation {
        applicant: Some(applicant_id(user)),
        started_at: Some(ProviderTime::from_millis(START)),
        level: Level::parse(LEVELS[0]).ok(),
        applicant_type: Some(ApplicantType::Individual),
        reviewed_at: review.verified_at().or(review.rejected_at()),
        name: (review.status() == Status::Approved)
            .then(|| Name::new(Some(Personal::new("Jane")), None))
            .flatten(),
        review,
    }
}

impl Provider for Former {
    async fn create_session(
        &self,
        _: &UserId,
        _: &Level,
        _: Deadline,
    ) -> Result<SecretString, ProviderError> {
        Ok(SecretString::from("sbx:token"))
    }

    async fn applicant_of(
        &self,
        user: &UserId,
        _: Deadline,
    ) -> Result<ApplicantLookup, ProviderError> {
        // A read takes time, in which a process may be stopped.
        sleep(Duration::from_millis(20)).await;
        let mut content = self.content();
        if !content.is_webhook {
            let began = Instant::now();
            content.reads.push_back(began);
            while content
                .reads
                .front()
                .is_some_and(|read| began.duration_since(*read) >= WINDOW)
            {
                content.reads.pop_front();
            }
            content.most_reads = content.most_reads.max(content.reads.len());
        }
        let Some(review) = content.reviews.get(user) else {
            return Ok(ApplicantLookup::NotFound);
        };
        Ok(ApplicantLookup::Active(Box::new(ApplicantRecord {
            user: Some(user.clone()),
            observation: observation(user, review.clone()),
            person: None,
            document_countries: vec![],
        })))
    }

    async fn applicant(
        &self,
        _: &ApplicantId,
        _: Deadline,
    ) -> Result<ApplicantLookup, ProviderError> {
        Ok(ApplicantLookup::NotFound)
    }

    async fn documents(
        &self,
        _: &ApplicantId,
        _: Deadline,
    ) -> Result<Option<Vec<Document>>, ProviderError> {
        Ok(None)
    }
}

fn review(status: Status, at: i64) -> Review {
    let at = ProviderTime::from_millis(at);
    let reason = Reason::unexplained_rejection();
    match status {
        Status::Pending => Review::Pending,
        Status::InProgress => Review::InProgress,
        Status::Retry => Review::Retry { reason },
        Status::Approved => Review::Approved { at, name: None },
        Status::Rejected => Review::Rejected { at, reason },
    }
}

/// An import under way.
struct Import {
    rng: fastrand::Rng,
    service: KycService<Memory, Former>,
    users: Vec<ImportedUser>,
    operation: Operation,
    result: Imported,
}

impl Import {
    fn new(count: usize, seed: u64) -> Self {
        fastrand::seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let provider = Former::default();
        let users = (0..count).map(|number| {
            let id = UserId::parse(format!("usr_{number}")).unwrap();
            let status = match rng.u8(..100) {
                0..70 => Status::Approved,
                70..85 => Status::Rejected,
                85..90 => Status::Retry,
                90 => Status::InProgress,
                _ => Status::Pending,
            };
            if status != Status::Pending || rng.bool() {
                let decided = review(status, START - 86_400_000);
                provider.content().reviews.insert(id.clone(), decided);
            }
            let applicant = rng.bool().then(|| applicant_id(&id));
            ImportedUser {
                step: Step::kyc_verification(),
                applicant: applicant.filter(|_| status != Status::Pending),
                id,
            }
        });
        let users = users.collect();
        Self {
            rng,
            service: KycService {
                users: Memory::default(),
                provider,
                policy: policy(),
                clock: now,
            },
            users,
            operation: operation(),
            result: Imported {
                users: count,
                ..Imported::default()
            },
        }
    }

    /// Imports all users, a batch in a second. Some calls are stopped in the middle and repeated.
    async fn import(&mut self) {
        let users = std::mem::take(&mut self.users);
        let mut next_run = Instant::now() + INTERVAL;
        for batch in users.chunks(BATCH) {
            let told = if self.rng.u8(..10) == 0 {
                // The process dies after some of them.
                self.result.stopped += 1;
                &batch[..self.rng.usize(..batch.len())]
            } else {
                batch
            };
            for users in [told, batch] {
                let imported = self.service.import(users, &self.operation).await;
                imported.unwrap();
            }
            sleep(Duration::from_secs(1)).await;
            self.webhook(&users).await;
            if Instant::now() >= next_run {
                self.run().await;
                next_run += INTERVAL;
            }
        }
        self.users = users;
    }

    /// Has the provider decide anew about somebody, imported or not yet, and tell by a webhook.
    async fn webhook(&mut self, users: &[ImportedUser]) {
        let user = &users[self.rng.usize(..users.len())].id;
        let status = [Status::Approved, Status::Rejected][self.rng.usize(..2)];
        let at = now().millis();
        let decided = review(status, at / 1000 * 1000);
        {
            let mut content = self.service.provider.content();
            content.reviews.insert(user.clone(), decided.clone());
            content.is_webhook = true;
        }
        let hint = Hint {
            applicant: Some(applicant_id(user)),
            at: Some(EventTime::exact(ProviderTime::from_millis(at))),
            effect: EventEffect::Reviewed(observation(user, decided)),
        };
        let event = Event {
            key: EventKey::new(format!("event {}", self.result.webhooks)),
            kind: "applicantReviewed".to_owned(),
            user: Some(user.clone()),
            origin: Origin::Production,
            meaning: EventMeaning::Hint(hint),
        };
        let received = self.service.receive(&event, deadline()).await;
        received.unwrap();
        self.service.provider.content().is_webhook = false;
        self.result.webhooks += 1;
    }

    /// Lets the schedule run, which may be stopped in the middle.
    async fn run(&mut self) {
        let is_stopped = self.rng.u8(..4) == 0;
        let time = if is_stopped {
            self.result.stopped += 1;
            Duration::from_millis(self.rng.u64(..200_000))
        } else {
            INTERVAL
        };
        let run = self.service.reconcile(PACE, Deadline::within(RUN));
        if let Ok(run) = timeout(time, run).await {
            run.unwrap();
        }
    }

    /// Returns whether anybody was not read yet, or is in doubt.
    async fn is_anybody_unread(&self) -> bool {
        for imported in &self.users {
            let user = self.service.users.get(&imported.id).await.unwrap();
            if user.is_none_or(|user| user.unread_since.is_some() || user.doubt.is_some()) {
                return true;
            }
        }
        false
    }

    async fn compare(&mut self) {
        for imported in &self.users {
            let id = &imported.id;
            let stored = self.service.users.get(id).await.unwrap();
            let expected = self.service.provider.content().reviews.get(id).cloned();
            let expected = expected.unwrap_or(Review::Pending);
            let is_right = |user: &User| {
                user.review.is_same_as(&expected)
                    && user.unread_since.is_none()
                    && user.registered_at.is_some()
            };
            if !stored.as_ref().is_some_and(is_right) {
                let found = stored.map(|user| (user.review, user.unread_since));
                self.result
                    .diverged
                    .push(format!("{id}: {found:?}, not {expected:?}"));
            }
        }
        self.result.most_reads = self.service.provider.content().most_reads;
    }
}

/// Imports users, and lets the schedule run until everybody is read.
pub fn import(users: usize, seed: u64) -> Imported {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        BEGUN.set(Some(Instant::now()));
        let mut import = Import::new(users, seed);
        import.import().await;
        while import.is_anybody_unread().await {
            let end = Instant::now() + INTERVAL;
            import.run().await;
            tokio::time::sleep_until(end).await;
            if import.result.took > Duration::from_hours(24 * 60) {
                break;
            }
            import.result.took = now().since(Timestamp::from_millis(START));
        }
        import.compare().await;
        import.result
    })
}
