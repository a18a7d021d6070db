//! A simulation: users, their provider, and the network between them and the real use cases.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use serde_json::json;
use sha2::Sha256;
use shared::kyc::{
    ApplicantId, ApprovalLevels, Caller, DocumentStatus, Justification, Level, Onboarding,
    Operation, Policy, ProviderTime, ReviewSchedule, SETTLING, Status, Step as OnboardingStep,
    Timestamp, User, UserId,
};
use shared::platform::Deadline;
use shared::provider::sumsub::{WebhookSecrets, read_delivery};
use shared::provider::{Event, EventMeaning};
use shared::repository::UserStore;
use shared::service::{DeliveryOutcome, KycService, ServiceError};
use sumsub_simulator::model::{Applicant, ApplicantType, Event as ProviderEvent};

use crate::clock;
use crate::mutation::Mutation;
use crate::provider::applicant::{APPROVING, Answer, LEVELS, Move};
use crate::provider::{Registry, UnkindProvider, wire};
use crate::reference::{Observer, compare};
use crate::schedule::Schedule;
use crate::steps::{Step, USERS, draw};
use crate::store::{Proven, WriteFault, shown};
use crate::tasks::{Gates, Tasks};
use crate::trace::Trace;
use crate::world::World;

/// The longest outage of the provider.
const OUTAGE: Duration = Duration::from_hours(2);

/// A user whose applicant can be read at any time.
const WITNESS: &str = "usr_witness";

/// The secret of the webhook.
const SECRET: &str = "webhook-secret";

/// Longest time for which use cases may be under way: a function is stopped after that.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// An acknowledged delivery without its effect.
    Lost(String),
    /// An effect that happened twice.
    Doubled(String),
    /// A stored state that is not the provider's.
    Diverged(String),
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(text) => write!(f, "lost: {text}"),
            Self::Doubled(text) => write!(f, "doubled: {text}"),
            Self::Diverged(text) => write!(f, "diverged: {text}"),
        }
    }
}

impl Finding {
    /// Returns the end of the text, which says what is wrong and not with whom.
    pub(crate) fn kind(&self) -> &str {
        let (Self::Lost(text) | Self::Doubled(text) | Self::Diverged(text)) = self;
        text.rsplit(", ").next().unwrap_or_default()
    }
}

/// The work of simulations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Users whose history was played to its end.
    pub histories: u64,
    /// Deliveries that were made.
    pub deliveries: u64,
}

/// Returns the rules of all simulations.
pub(crate) fn policy() -> Policy {
    Policy {
        onboarding: Onboarding::parse("kyc_verification,open_banking").unwrap(),
        approval_levels: ApprovalLevels::parse(&LEVELS[..APPROVING].join(",")).unwrap(),
        schedule: ReviewSchedule::sweeping_after(24),
    }
}

/// Deadlines are no matter here: calls fail when they are told to.
pub(crate) fn deadline() -> Deadline {
    Deadline::within(Duration::from_hours(1))
}

/// Returns an operator's request for a change.
pub(crate) fn operation() -> Operation {
    Operation {
        caller: Caller::parse("arn:aws:iam::123456789012:root").unwrap(),
        justification: Justification::parse("A test.").ok(),
    }
}

/// A user, and what is expected of them.
struct Person {
    id: UserId,
    observer: Observer,
    has_session: bool,
    /// The creation time of the last event, by the provider's clock.
    last_stamp: i64,
}

/// An event that was sent.
struct Sent {
    user: usize,
    body: String,
    is_relevant: bool,
    is_lost: bool,
    acknowledged: bool,
}

/// The results of use cases that ran to their end.
#[derive(Default)]
struct Results {
    acknowledged: Vec<usize>,
    opened: BTreeSet<usize>,
    findings: Vec<Finding>,
}

/// A simulation under way.
pub(crate) struct Simulation<S> {
    world: World,
    rng: fastrand::Rng,
    people: Vec<Person>,
    outbox: Vec<Sent>,
    service: Arc<KycService<Proven<S>, UnkindProvider>>,
    secrets: Arc<WebhookSecrets>,
    tasks: Tasks,
    results: Arc<Mutex<Results>>,
    trace: Trace,
    mutation: Option<Mutation>,
    schedule: Schedule,
    away_since: Option<Timestamp>,
    pub(crate) work: Work,
}

impl<S: UserStore + Send + 'static> Simulation<S> {
    pub(crate) fn new(
        world: World,
        seed: u64,
        store: S,
        trace: Trace,
        mutation: Option<Mutation>,
    ) -> Self {
        clock::restart();
        // The use cases draw their backoff from it.
        fastrand::seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let gates = Gates::default();
        gates.set_closed(true);
        let registry = Registry::new(world, rng.fork());
        let provider = UnkindProvider::new(registry, gates.clone(), trace.clone());
        let policy = match mutation {
            Some(mutation) => mutation.policy(policy()),
            None => policy(),
        };
        let person = |number| Person {
            id: UserId::parse(format!("usr_{number}")).unwrap(),
            observer: Observer::default(),
            has_session: false,
            last_stamp: 0,
        };
        let people: Vec<Person> = (0..USERS).map(person).collect();
        let mut ids: Vec<UserId> = people.iter().map(|person| person.id.clone()).collect();
        ids.push(UserId::parse(WITNESS).unwrap());
        let schedule = Schedule::new(ids, trace.clone());
        Self {
            world,
            rng,
            people,
            outbox: vec![],
            service: Arc::new(KycService {
                users: Proven::new(store, gates.clone(), trace.clone(), mutation),
                provider,
                policy,
                clock: clock::now,
            }),
            secrets: Arc::new(secrets()),
            tasks: Tasks::new(gates),
            results: Arc::default(),
            trace,
            mutation,
            schedule,
            away_since: None,
            work: Work::default(),
        }
    }

    /// Plays the steps, ends all faults and deliveries, waits for the reconciliation, and compares.
    pub(crate) async fn play(mut self, steps: &[Step]) -> Result<Work, Finding> {
        self.register_witness().await;
        for step in steps {
            clock::pass(Duration::from_millis(1));
            self.trace.line(|| format!("{step:?}"));
            self.step(*step).await?;
            self.settle_results()?;
        }
        self.finish().await?;
        Ok(self.work)
    }

    /// Has somebody approved who stays so. Without anybody else, the provider's 404 is not believed.
    async fn register_witness(&mut self) {
        let id = UserId::parse(WITNESS).unwrap();
        let person = ApplicantType::Individual;
        let (Applicant { id: witness, .. }, _) = self.registry().create(id.as_str(), 0, person);
        self.registry().happen(&witness, Move::Submit);
        self.registry()
            .happen(&witness, Move::Decide(Answer::Green));
        let (service, level) = (Arc::clone(&self.service), Level::parse(LEVELS[0]).unwrap());
        self.tasks
            .start(async move {
                let opened = service.open_session(&id, &level, deadline()).await;
                opened.unwrap();
            })
            .await;
        self.tasks.finish().await;
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.service.provider.registry()
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn step(&mut self, step: Step) -> Result<(), Finding> {
        match step {
            Step::Wait(duration) => {
                if duration > LONGEST_CALL {
                    self.tasks.finish().await;
                    self.settle_results()?;
                    self.wait_until(clock::now().plus(duration)).await;
                } else {
                    clock::pass(duration);
                }
            }
            Step::Happen(user, dice) => self.happen(user, dice).await?,
            Step::Session(user) => self.open_session(user).await,
            Step::Poll(user) => self.poll(user).await,
            Step::Details(user, refresh) => self.details(user, refresh).await,
            Step::Deliver(dice) => {
                let waiting = |sent: &Sent| !sent.acknowledged && !sent.is_lost;
                if let Some(index) = self.pick(dice, waiting) {
                    self.deliver(index).await?;
                }
            }
            Step::Repeat(dice) => {
                if let Some(index) = self.pick(dice, |sent| !sent.is_lost) {
                    self.deliver(index).await?;
                }
            }
            Step::Reconcile => self.reconcile().await,
            Step::Go(dice) => {
                let waiting = self.tasks.waiting();
                if let Some(call) = waiting.get(at(dice, waiting.len())) {
                    self.tasks.go(*call).await;
                }
            }
            Step::Away(is_away) => {
                self.registry().is_away = is_away;
                self.away_since = is_away.then(clock::now);
            }
            Step::FailWrite(with_effect) => {
                self.service.users.books().fault = Some(if with_effect {
                    WriteFault::AnswerLost
                } else {
                    WriteFault::Refused
                });
            }
        }
        self.registry().is_confused = self.world.strangers;
        Ok(())
    }

    fn pick(&self, dice: u32, fits: impl Fn(&Sent) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.outbox.len())
            .filter(|index| fits(&self.outbox[*index]))
            .collect();
        fitting.get(at(dice, fitting.len())).copied()
    }

    /// Lets something happen at the provider that is possible now.
    async fn happen(&mut self, user: usize, dice: u32) -> Result<(), Finding> {
        if self.world.immediate {
            // Reads show whole seconds: what happens within one cannot be told apart.
            clock::pass(Duration::from_secs(1));
        }
        let id = self.people[user].id.clone();
        let applicants = self.registry().applicants_of(id.as_str());
        let has_active = applicants.iter().any(Applicant::is_active);
        let mut moves: Vec<(String, Option<Move>)> = vec![];
        if !has_active && (self.people[user].has_session || self.world.strangers) {
            moves.extend([(); 3].map(|()| (String::new(), None)));
        }
        for applicant in &applicants {
            // While one is active, no other can become so.
            let mut possible = Move::possible(applicant, &self.world);
            possible.retain(|step| *step != Move::Activate || !has_active);
            moves.extend(
                possible
                    .into_iter()
                    .map(|step| (applicant.id.clone(), Some(step))),
            );
        }
        let Some((applicant, step)) = moves.get(at(dice, moves.len())).cloned() else {
            return Ok(());
        };
        if self.world.immediate && step == Some(Move::Activate) {
            // The meaning of a deactivation is settled by then.
            clock::pass(SETTLING);
        }
        let (changed, events) = match step {
            None => {
                let is_extra = self.world.levels && self.rng.u8(..3) == 0;
                let level = if is_extra {
                    self.rng.usize(..LEVELS.len())
                } else {
                    0
                };
                let is_company = self.world.levels && self.rng.u8(..12) == 0;
                let applicant_type = if is_company {
                    ApplicantType::Company
                } else {
                    ApplicantType::Individual
                };
                let (applicant, created) =
                    self.registry().create(id.as_str(), level, applicant_type);
                (applicant, vec![created])
            }
            Some(step) => self.registry().happen(&applicant, step),
        };
        self.trace.line(|| {
            let (id, level, status) = (&changed.id, &changed.level, changed.review.status);
            let answer = Answer::of(&changed);
            let (inactive, erased) = (changed.deactivated, changed.deleted);
            format!("  {step:?}: {id} {status:?} {answer:?} on {level}, inactive {inactive}, erased {erased}")
        });
        let applicants = self.registry().applicants_of(id.as_str());
        self.people[user].observer.see(&applicants, &changed, step);
        let first = self.outbox.len();
        for event in events {
            self.send(user, &event);
        }
        if !self.world.unordered {
            for index in first..self.outbox.len() {
                self.deliver(index).await?;
            }
        }
        Ok(())
    }

    /// Writes the event about a change.
    fn send(&mut self, user: usize, event: &ProviderEvent) {
        let most = u64::try_from(self.world.stamp_delay.as_millis()).unwrap();
        let delay = i64::try_from(self.rng.u64(0..=most)).unwrap();
        let mut at = self.registry().time() + delay;
        if !self.world.jitter {
            at = at.max(self.people[user].last_stamp + 1);
        }
        self.people[user].last_stamp = at;
        let form = *self.rng.choice(self.world.times).unwrap();
        let mut missing = vec![];
        if self.world.sparse {
            missing = [
                "applicantType",
                "levelName",
                "reviewStatus",
                "correlationId",
            ]
            .to_vec();
            // One of the two says whom the event is about.
            missing.push(["applicantId", "externalUserId"][self.rng.usize(..2)]);
            missing.retain(|_| self.rng.u8(..3) == 0);
        }
        let is_relevant = event.event_type != "applicantActionReviewed";
        self.outbox.push(Sent {
            user,
            body: wire::event(event, at, form, &missing),
            is_relevant,
            is_lost: self.world.lossy && self.rng.u8(..4) == 0,
            acknowledged: false,
        });
    }

    /// Starts a use case. Without concurrency it runs to its end at once.
    async fn run(&mut self, work: impl Future<Output = ()> + 'static) {
        self.tasks.start(work).await;
        if !self.world.concurrent || self.tasks.len() > 4 {
            self.tasks.finish().await;
        }
    }

    /// Delivers an event as the webhook's function receives it.
    async fn deliver(&mut self, index: usize) -> Result<(), Finding> {
        self.work.deliveries += 1;
        let sent = &self.outbox[index];
        let id = self.people[sent.user].id.clone();
        let before = self.stored(sent.user).await;
        let event = read(&self.secrets, &sent.body);
        let is_stale = is_stale(&event, &before);
        let is_relevant = sent.is_relevant;
        let Some(event) = self.mutated(event, &before) else {
            self.outbox[index].acknowledged = true;
            return Ok(());
        };
        let (service, results) = (Arc::clone(&self.service), Arc::clone(&self.results));
        let may_be_nobodys = event.user.is_none();
        let user = self.outbox[index].user;
        let is_alone = self.tasks.len() == 0;
        self.run(async move {
            let received = service.receive(&event, deadline()).await;
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            let is_kept = service.users.books().knows(&event.key) || !tells_of_review(&event);
            match received {
                Ok(DeliveryOutcome::Ignored) if !is_relevant || may_be_nobodys => {}
                Ok(DeliveryOutcome::Applied | DeliveryOutcome::Duplicate) if is_kept => {}
                Ok(outcome) => {
                    let outcome = outcome.as_str();
                    let lost = format!("{id}: {} was {outcome}, and is not kept", event.kind);
                    results.findings.push(Finding::Lost(lost));
                }
                // It comes again.
                Err(_) => return,
            }
            results.acknowledged.push(index);
        })
        .await;
        self.settle_results()?;
        if self.tasks.len() > 0 || !is_alone {
            return Ok(());
        }
        if self.world.immediate {
            self.compare_all("right after a delivery").await?;
        }
        let after = self.stored(user).await;
        // An erasure that no event has told of yet leaves the link, also after a read.
        let applicants = self.registry().applicants_of(after.id.as_str());
        let is_erasure_untold = applicants.iter().any(|applicant| {
            let linked = after.applicant.as_ref().map(ApplicantId::as_str);
            applicant.deleted && Some(applicant.id.as_str()) == linked
        });
        let is_changed = after.review.status() != before.review.status();
        if is_stale && is_changed && !is_erasure_untold {
            let observer = &self.people[user].observer;
            let observer = self.world.strict.then_some(observer);
            if let Err(wrong) = compare(&after, &self.registry(), observer) {
                let shown = shown(Some(&after));
                return Err(Finding::Diverged(format!(
                    "a stale event changed {}: {shown}, {wrong}",
                    after.id
                )));
            }
        }
        Ok(())
    }

    /// Returns the event with the planted bug, unless that drops it.
    fn mutated(&self, event: Event, before: &User) -> Option<Event> {
        let (Some(mutation), EventMeaning::Hint(hint)) = (self.mutation, &event.meaning) else {
            return Some(event);
        };
        let known = (before.version > 0).then_some(before);
        let stored_at = self.service.users.books().stored_at(&before.id);
        let hint = mutation.event(hint, known, stored_at)?;
        Some(Event {
            meaning: EventMeaning::Hint(hint),
            ..event
        })
    }

    async fn open_session(&mut self, user: usize) {
        let id = self.people[user].id.clone();
        let (service, results) = (Arc::clone(&self.service), Arc::clone(&self.results));
        let level = Level::parse(LEVELS[0]).unwrap();
        let is_calm = self.is_calm();
        self.run(async move {
            let opened = service.open_session(&id, &level, deadline()).await;
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            match opened {
                Ok(_) => {
                    results.opened.insert(user);
                }
                Err(ServiceError::Decided(_)) => {}
                Err(error) if is_calm => results.failed(&id, &error),
                Err(_) => {}
            }
        })
        .await;
    }

    async fn poll(&mut self, user: usize) {
        let id = self.people[user].id.clone();
        let (service, results) = (Arc::clone(&self.service), Arc::clone(&self.results));
        let expected = self.people[user].observer.clone();
        let is_immediate = self.world.immediate;
        let is_calm = self.is_calm();
        self.run(async move {
            let polled = service.refresh(&id, deadline()).await;
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            match polled {
                Ok(user) if is_immediate => {
                    let compared = compare(&user, &service.provider.registry(), Some(&expected));
                    if let Err(wrong) = compared {
                        let wrong = format!("a poll shows {}: {wrong}", shown(Some(&user)));
                        results.findings.push(Finding::Diverged(wrong));
                    }
                }
                Ok(_) | Err(ServiceError::NoApplicant) => {}
                Err(error) if is_calm => results.failed(&id, &error),
                Err(_) => {}
            }
        })
        .await;
    }

    async fn details(&mut self, user: usize, refresh: bool) {
        let id = self.people[user].id.clone();
        let (service, results) = (Arc::clone(&self.service), Arc::clone(&self.results));
        let is_calm = self.is_calm();
        let is_exact = self.world.immediate && !self.world.levels;
        self.run(async move {
            let shown = service.details(&id, refresh, deadline()).await;
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            match shown {
                Ok(details) if is_exact && details.user.review.status() == Status::Approved => {
                    let is_verified = details
                        .documents
                        .iter()
                        .all(|document| document.stored.status == DocumentStatus::Verified);
                    if !is_verified {
                        let wrong = format!("{id} is approved with other documents");
                        results.findings.push(Finding::Diverged(wrong));
                    }
                }
                Ok(_) | Err(ServiceError::NoApplicant) => {}
                Err(error) if is_calm => results.failed(&id, &error),
                Err(_) => {}
            }
        })
        .await;
    }

    async fn reconcile(&mut self) {
        let service = Arc::clone(&self.service);
        let run = async move {
            // A list that cannot be read costs a run.
            let _ = service.reconcile(Duration::ZERO, deadline()).await;
        };
        self.run(run).await;
    }

    /// Returns whether nothing fails in this world but for a reason that is an answer.
    fn is_calm(&self) -> bool {
        !self.world.outages && !self.world.faults && !self.world.strangers && !self.world.concurrent
    }

    /// Lets time pass, and the schedule run whenever somebody is due. An outage ends after two hours.
    async fn wait_until(&mut self, end: Timestamp) {
        let back = self.away_since.map(|since| since.plus(OUTAGE));
        if let Some(back) = back.filter(|back| *back <= end) {
            self.run_schedule(back).await;
            self.registry().is_away = false;
            self.away_since = None;
        }
        self.run_schedule(end).await;
    }

    async fn run_schedule(&mut self, end: Timestamp) {
        self.tasks.gates().set_closed(false);
        self.schedule.run(&self.service, end).await;
        self.tasks.gates().set_closed(true);
    }

    async fn finish(&mut self) -> Result<(), Finding> {
        self.trace.line(|| "faults and deliveries end".to_owned());
        self.tasks.finish().await;
        self.settle_results()?;
        self.service.users.books().fault = None;
        self.registry().is_away = false;
        self.registry().is_confused = false;
        self.away_since = None;
        let waiting = |sent: &Sent| !sent.acknowledged && !sent.is_lost;
        for _ in 0..1_000 {
            let dice = self.rng.u32(..);
            let Some(index) = self.pick(dice, waiting) else {
                break;
            };
            self.deliver(index).await?;
            self.tasks.finish().await;
            self.settle_results()?;
        }
        if self.outbox.iter().any(waiting) {
            return Err(Finding::Lost("a delivery is refused for ever".to_owned()));
        }
        let end = clock::now().plus(self.world.bound);
        self.wait_until(end).await;
        self.compare_all("after the reconciliation").await?;
        self.wait_until(end.plus(Duration::from_hours(70 * 24)))
            .await;
        self.compare_all("months later").await?;
        for user in 0..USERS {
            self.poll(user).await;
            self.tasks.finish().await;
        }
        self.settle_results()?;
        self.compare_all("after a poll").await?;
        for person in &self.people {
            let advanced = self.service.users.books().check_advance(&person.id);
            advanced.map_err(Finding::Doubled)?;
        }
        self.work.histories += self.people.len() as u64;
        Ok(())
    }

    /// Reads a user as stored.
    async fn stored(&self, user: usize) -> User {
        let id = &self.people[user].id;
        let stored = self.service.users.peek(id).await;
        stored.unwrap_or_else(|| User::new(id.clone(), OnboardingStep::kyc_verification()))
    }

    async fn compare_all(&self, when: &str) -> Result<(), Finding> {
        for (number, person) in self.people.iter().enumerate() {
            let user = self.stored(number).await;
            let may_be_unknown = self.world.lossy || self.world.sparse || self.world.strangers;
            if user.version == 0 && may_be_unknown {
                continue;
            }
            if person.has_session && !user.is_ours() {
                return Err(Finding::Lost(format!("{}: the session", person.id)));
            }
            let observer = self.world.strict.then_some(&person.observer);
            compare(&user, &self.registry(), observer).map_err(|wrong| {
                let shown = shown(Some(&user));
                Finding::Diverged(format!("{when}, {}: {shown}, {wrong}", person.id))
            })?;
        }
        Ok(())
    }

    /// Takes over the results of use cases that have ended.
    fn settle_results(&mut self) -> Result<(), Finding> {
        let mut results = self.results();
        let acknowledged = std::mem::take(&mut results.acknowledged);
        let opened = std::mem::take(&mut results.opened);
        let finding = results.findings.first().cloned();
        drop(results);
        for index in acknowledged {
            self.outbox[index].acknowledged = true;
        }
        for user in opened {
            self.people[user].has_session = true;
        }
        if let Some(finding) = finding {
            return Err(finding);
        }
        let doubled = self.service.users.books().doubled.first().cloned();
        doubled.map_or(Ok(()), |doubled| Err(Finding::Doubled(doubled)))
    }
}

impl Results {
    fn failed(&mut self, id: &UserId, error: &ServiceError) {
        self.findings.push(Finding::Diverged(format!(
            "{id}: a use case failed: {error}"
        )));
    }
}

/// Returns the throw of the dice among `count`.
fn at(dice: u32, count: usize) -> usize {
    usize::try_from(dice)
        .unwrap()
        .checked_rem(count)
        .unwrap_or_default()
}

fn is_stale(event: &Event, user: &User) -> bool {
    match (&event.meaning, user.reported_at) {
        (EventMeaning::Hint(hint), Some(reported)) => {
            hint.applicant == user.applicant && hint.at.is_some_and(|at| at.is_before(reported))
        }
        _ => false,
    }
}

fn tells_of_review(event: &Event) -> bool {
    matches!(&event.meaning, EventMeaning::Hint(hint) if hint.effect.tells_of_review())
}

/// Returns the secrets of the webhook.
pub(crate) fn secrets() -> WebhookSecrets {
    serde_json::from_value(json!({ "secrets": [SECRET] })).unwrap()
}

/// Reads a delivery of a body that the provider signed.
pub(crate) fn read(secrets: &WebhookSecrets, body: &str) -> Event {
    let mut digest = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    digest.update(body.as_bytes());
    let digest = hex::encode(digest.finalize().into_bytes());
    let mut headers = HeaderMap::new();
    headers.insert("x-payload-digest", digest.parse().unwrap());
    let now = ProviderTime::from_millis(clock::now().millis());
    read_delivery(secrets, &headers, body.as_bytes(), now).unwrap()
}

/// Plays the simulation of a seed.
///
/// # Errors
/// The first finding.
pub(crate) async fn simulate<S: UserStore + Send + 'static>(
    world: World,
    seed: u64,
    store: S,
    mutation: Option<Mutation>,
) -> Result<Work, Finding> {
    let steps = draw(&world, &mut fastrand::Rng::with_seed(seed));
    Simulation::new(world, seed, store, Trace::default(), mutation)
        .play(&steps)
        .await
}
