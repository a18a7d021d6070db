//! Every order in which the calls of use cases can be made.
//!
//! Some use cases about one user run at the same time, while something happens at the provider. At each call of store or provider
//! the explorer decides who goes on, and, where replicas lag, which replica answers. It does so depth first, in the same order each
//! time, so that an interleaving is known by its number.
//!
//! Two calls are independent if the order of the two makes no difference: reads of the store, or a call of the store and one of the
//! provider. Of the interleavings that differ in the order of independent calls only, one is explored (sleep sets, Godefroid 1996).
//!
//! Of more than two use cases there are too many interleavings. The explorer then bounds the switches: a use case has to wait although
//! it could go on (a preemption), or another replica answers than the time before. All interleavings within the bound are explored,
//! without sleep sets, which may leave out one within the bound for an equal one beyond it (Musuvathi and Qadeer 2007: few preemptions
//! find most bugs).

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::kyc::{
    ApplicantId, DocumentStatus, Level, Policy, Status, Step, StepChange, StoredDocument,
    Timestamp, User, UserId,
};
use shared::provider::sumsub::WebhookSecrets;
use shared::service::KycService;
use sumsub_simulator::model::{Applicant, ApplicantType, Event};
use tokio::runtime::Runtime;

use crate::clock;
use crate::provider::applicant::{Answer, LEVELS, Move};
use crate::provider::{Registry, Replica, UnkindProvider, wire};
use crate::reference::compare;
use crate::runner::runtime;
use crate::schedule::Schedule;
use crate::simulation::{Finding, deadline, operation, policy, read, secrets};
use crate::store::{Books, Memory, Proven, shown};
use crate::tasks::{Call, Gates, Tasks};
use crate::trace::Trace;
use crate::world::{TimeForm, World};

/// The name of the call that changes something at the provider.
const CHANGE: &str = "change";

/// Age of the replica that lags: it sees no change of the interleaving.
const LAG: Duration = Duration::from_secs(45);

/// The time between two changes at the provider.
const BETWEEN: Duration = Duration::from_secs(10);

/// The time after which the stored state must be the provider's: the settling time and the interval of the schedule.
const BOUND: Duration = Duration::from_mins(6);

/// A use case about the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UseCase {
    /// The event about the change is delivered.
    Delivery,
    /// An event that was dealt with before is delivered again.
    Repetition,
    /// The client polls.
    Poll,
    /// The client asks for details, without the cache.
    Details,
    /// The client opens a session.
    Session,
    /// The schedule runs.
    Reconciliation,
    /// The provider erases the person, and the event about it is delivered.
    Erasure,
    /// The provider deactivates the applicant, and the event about it is delivered.
    Deactivation,
    /// An operator blocks the user.
    Block,
    /// The service of the step before puts the user on verification.
    Step,
    /// An operator erases the person.
    Forgetting,
}

impl UseCase {
    /// All use cases.
    pub const ALL: [Self; 11] = [
        Self::Delivery,
        Self::Repetition,
        Self::Poll,
        Self::Details,
        Self::Session,
        Self::Reconciliation,
        Self::Erasure,
        Self::Deactivation,
        Self::Block,
        Self::Step,
        Self::Forgetting,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Repetition => "repetition",
            Self::Poll => "poll",
            Self::Details => "details",
            Self::Session => "session",
            Self::Reconciliation => "reconciliation",
            Self::Erasure => "erasure",
            Self::Deactivation => "deactivation",
            Self::Block => "block",
            Self::Step => "step",
            Self::Forgetting => "forgetting",
        }
    }
}

/// The stored state of the user, and the change at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// In progress; the provider approves.
    Approval,
    /// Approved; the provider rejects.
    Revocation,
    /// Rejected; the provider resets the review.
    Reset,
}

impl Scene {
    /// All scenes that are played.
    pub const ALL: [Self; 3] = [Self::Approval, Self::Revocation, Self::Reset];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Revocation => "revocation",
            Self::Reset => "reset",
        }
    }

    const fn change(self) -> Move {
        match self {
            Self::Approval => Move::Decide(Answer::Green),
            Self::Revocation => Move::Decide(Answer::Final),
            Self::Reset => Move::Reset,
        }
    }
}

/// The reads of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Each read sees each change at once.
    Exact,
    /// Each read is answered by a replica that sees each change at once, or by one that lags.
    Lagging,
}

impl Provider {
    /// Both kinds of reads.
    pub const ALL: [Self; 2] = [Self::Exact, Self::Lagging];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Lagging => "lagging",
        }
    }
}

/// Use cases that run at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination {
    /// The scene that is played.
    pub scene: Scene,
    /// The reads of the provider in it.
    pub provider: Provider,
    /// The use cases.
    pub use_cases: Vec<UseCase>,
}

impl Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.use_cases.iter().map(|it| it.as_str()).collect();
        let (scene, provider) = (self.scene.as_str(), self.provider.as_str());
        write!(f, "{scene}/{provider}/{}", names.join("+"))
    }
}

impl Combination {
    /// Returns all multisets of `count` use cases, in each scene, with each provider.
    pub fn all(count: usize) -> Vec<Self> {
        let mut sets: Vec<Vec<UseCase>> = vec![vec![]];
        for _ in 0..count {
            let longer = |set: &Vec<UseCase>| {
                let last = set.last().copied();
                let next = UseCase::ALL
                    .into_iter()
                    .filter(move |next| Some(*next) >= last);
                let set = set.clone();
                next.map(move |next| [set.as_slice(), &[next]].concat())
            };
            sets = sets.iter().flat_map(longer).collect();
        }
        let mut combinations = vec![];
        for scene in Scene::ALL {
            for provider in Provider::ALL {
                combinations.extend(sets.iter().map(|use_cases| Self {
                    scene,
                    provider,
                    use_cases: use_cases.clone(),
                }));
            }
        }
        combinations
    }

    /// Reads a combination as it is printed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (scene, provider, names) = (parts.next()?, parts.next()?, parts.next()?);
        let use_case = |name: &str| UseCase::ALL.into_iter().find(|it| it.as_str() == name);
        Some(Self {
            scene: Scene::ALL.into_iter().find(|it| it.as_str() == scene)?,
            provider: Provider::ALL
                .into_iter()
                .find(|it| it.as_str() == provider)?,
            use_cases: names.split('+').map(use_case).collect::<Option<_>>()?,
        })
    }
}

/// The interleavings of a combination.
#[derive(Debug, Clone, Default)]
pub struct Explored {
    /// The number of interleavings.
    pub interleavings: u64,
    /// The number of the first one that fails, and its finding.
    pub failed: Option<(u64, Finding)>,
}

/// The beginning of each interleaving of a scene.
struct Stage {
    user: UserId,
    applicant: String,
    store: Memory,
    books: Books,
    registry: Registry,
    now: Timestamp,
    /// The last event, which was dealt with.
    earlier: String,
    policy: Policy,
    secrets: Arc<WebhookSecrets>,
}

type Service = KycService<Proven<Memory>, UnkindProvider>;

fn service(
    store: Memory,
    registry: Registry,
    policy: Policy,
    gates: &Gates,
    trace: &Trace,
) -> Service {
    KycService {
        users: Proven::new(store, gates.clone(), trace.clone(), None),
        provider: UnkindProvider::new(registry, gates.clone(), trace.clone()),
        policy,
        clock: clock::now,
    }
}

fn event(registry: &Registry, event: &Event) -> String {
    wire::event(event, registry.time(), TimeForm::Milliseconds, &[])
}

impl Stage {
    async fn of(scene: Scene) -> Self {
        clock::restart();
        let user = UserId::parse("usr_0").unwrap();
        let store = Memory::default();
        let mut registry = Registry::new(World::KIND, fastrand::Rng::with_seed(1));
        registry.is_instant = true;
        let (gates, trace) = (Gates::default(), Trace::default());
        let service = service(store.clone(), registry, policy(), &gates, &trace);
        let secrets = Arc::new(secrets());
        let opened = service.open_session(&user, &level(), deadline()).await;
        opened.unwrap();
        let person = ApplicantType::Individual;
        let (applicant, created) = service.provider.registry().create(user.as_str(), 0, person);
        let mut earlier = event(&service.provider.registry(), &created);
        let moves: &[Move] = match scene {
            Scene::Approval => &[Move::Submit],
            Scene::Revocation => &[Move::Submit, Move::Decide(Answer::Green)],
            Scene::Reset => &[Move::Submit, Move::Decide(Answer::Final)],
        };
        for step in moves {
            clock::pass(Duration::from_mins(2));
            earlier = {
                let mut registry = service.provider.registry();
                let (_, events) = registry.happen(&applicant.id, *step);
                event(&registry, &events[0])
            };
            let delivered = service.receive(&read(&secrets, &earlier), deadline()).await;
            delivered.unwrap();
        }
        // Everybody is due for a check.
        clock::pass(Duration::from_hours(48));
        let registry = service.provider.registry().clone();
        let books = service.users.books().clone();
        Self {
            user,
            applicant: applicant.id,
            store,
            books,
            registry,
            now: clock::now(),
            earlier,
            policy: policy(),
            secrets,
        }
    }
}

fn level() -> Level {
    Level::parse(LEVELS[0]).unwrap()
}

/// An interleaving under way.
struct Run {
    user: UserId,
    applicant: String,
    change: Move,
    service: Arc<Service>,
    secrets: Arc<WebhookSecrets>,
    gates: Gates,
    shared: Arc<Mutex<Shared>>,
}

/// The part of a run that its use cases share.
#[derive(Default)]
struct Shared {
    /// The event about the change, once it happened.
    event: Option<String>,
    /// Events that were not acknowledged.
    refused: Vec<String>,
}

impl Run {
    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets something happen to the applicant, if it is active. Returns the event.
    async fn happen(&self, step: Move) -> Option<String> {
        let _passed = self.gates.pass(CHANGE).await;
        if step == self.change && self.shared().event.is_some() {
            return self.shared().event.clone();
        }
        clock::pass(BETWEEN);
        let mut registry = self.service.provider.registry();
        let applicants = registry.applicants_of(self.user.as_str());
        if !applicants.iter().any(Applicant::is_active) {
            return None;
        }
        let (_, events) = registry.happen(&self.applicant, step);
        let event = event(&registry, &events[0]);
        if step == self.change {
            self.shared().event = Some(event.clone());
        }
        Some(event)
    }

    async fn deliver(&self, body: Option<String>) {
        if let Some(body) = body {
            let event = read(&self.secrets, &body);
            if self.service.receive(&event, deadline()).await.is_err() {
                self.shared().refused.push(body);
            }
        }
    }

    async fn run(self: Arc<Self>, use_case: UseCase, earlier: String) {
        let (service, user) = (&self.service, &self.user);
        match use_case {
            UseCase::Delivery => {
                let event = self.happen(self.change).await;
                self.deliver(event).await;
            }
            UseCase::Repetition => self.deliver(Some(earlier)).await,
            UseCase::Poll => drop(service.refresh(user, deadline()).await),
            UseCase::Details => drop(service.details(user, true, deadline()).await),
            UseCase::Session => drop(service.open_session(user, &level(), deadline()).await),
            UseCase::Reconciliation => {
                drop(service.reconcile(Duration::ZERO, deadline()).await);
            }
            UseCase::Erasure => {
                let event = self.happen(Move::Erase).await;
                self.deliver(event).await;
            }
            UseCase::Deactivation => {
                let event = self.happen(Move::Deactivate).await;
                self.deliver(event).await;
            }
            UseCase::Block => drop(service.block(user, &operation()).await),
            UseCase::Step => {
                let change = StepChange {
                    step: Step::kyc_verification(),
                    if_step: None,
                    forced: false,
                };
                drop(service.set_step(user, &change, &operation()).await);
            }
            UseCase::Forgetting => {
                let erased = service.erase(user, &operation(), deadline()).await;
                erased.unwrap();
            }
        }
    }
}

/// A decision: the call that is made, and the replica that answers it.
#[derive(Debug, Clone, Copy)]
struct Choice {
    call: Call,
    lags: bool,
}

impl Choice {
    fn is(&self, other: &Self) -> bool {
        let key = |choice: &Self| (choice.call.task, choice.call.number, choice.lags);
        key(self) == key(other)
    }

    /// Returns the number of switches that this choice makes: of the use case, which `goes_on` if it is let, and of the replica.
    fn switches(&self, goes_on: bool, current: Option<usize>, lagged: Option<bool>) -> usize {
        let of_task = goes_on && Some(self.call.task) != current;
        let of_replica = self.is_read() && lagged.is_some_and(|lagged| lagged != self.lags);
        usize::from(of_task) + usize::from(of_replica)
    }

    /// Returns whether a replica of the provider answers.
    fn is_read(&self) -> bool {
        matches!(self.call.name, "applicant_of" | "applicant" | "documents")
    }

    /// Returns whether the order of two calls makes no difference.
    fn is_independent_of(&self, other: &Self) -> bool {
        let (one, two) = (self.effect(), other.effect());
        self.call.task != other.call.task
            && match (one, two) {
                (Effect::None, _)
                | (_, Effect::None)
                | (
                    Effect::ReadsStore | Effect::WritesStore,
                    Effect::ReadsProvider | Effect::ChangesProvider,
                )
                | (
                    Effect::ReadsProvider | Effect::ChangesProvider,
                    Effect::ReadsStore | Effect::WritesStore,
                )
                | (Effect::ReadsStore, Effect::ReadsStore)
                | (Effect::ReadsProvider, Effect::ReadsProvider) => true,
                (Effect::WritesStore | Effect::ChangesProvider, _)
                | (_, Effect::WritesStore | Effect::ChangesProvider) => false,
            }
    }

    fn effect(&self) -> Effect {
        match self.call.name {
            "get" | "get_with_event" | "due" => Effect::ReadsStore,
            "commit" => Effect::WritesStore,
            CHANGE => Effect::ChangesProvider,
            // It sees no change of the interleaving.
            _ if self.lags => Effect::None,
            "create_session" => Effect::None,
            _ => Effect::ReadsProvider,
        }
    }
}

/// The effect of a call on what others see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    ReadsStore,
    WritesStore,
    ReadsProvider,
    ChangesProvider,
}

/// A decision of an interleaving.
struct Decision {
    choices: Vec<Choice>,
    taken: usize,
    /// Choices that were explored before, and need not be again as long as nothing happens that depends on them.
    asleep: Vec<Choice>,
}

/// The decisions of an interleaving. Beyond those that are given, the first choice is taken.
#[derive(Default)]
struct Path(Vec<Decision>);

impl Path {
    /// Moves on to the next path. Returns `false` after the last one.
    fn advance(&mut self) -> bool {
        while let Some(last) = self.0.last_mut() {
            last.taken += 1;
            if last.taken < last.choices.len() {
                return true;
            }
            self.0.pop();
        }
        false
    }
}

/// Returns all choices, with the calls of the task `current` first.
fn choices(waiting: &[Call], current: Option<usize>, provider: Provider) -> Vec<Choice> {
    let goes_on = |call: &&Call| Some(call.task) == current;
    let own = waiting.iter().filter(goes_on);
    let others = waiting.iter().filter(|call| !goes_on(call));
    let mut choices = vec![];
    for call in own.chain(others) {
        let exact = Choice {
            call: *call,
            lags: false,
        };
        choices.push(exact);
        if exact.is_read() && provider == Provider::Lagging {
            choices.push(Choice {
                lags: true,
                ..exact
            });
        }
    }
    choices
}

/// Runs one interleaving. Returns `false` if it differs from one before in the order of independent calls only.
async fn run(
    stage: &Stage,
    combination: &Combination,
    most_switches: Option<usize>,
    path: &mut Path,
    trace: &Trace,
) -> Result<bool, Finding> {
    clock::restart();
    clock::move_to(stage.now);
    fastrand::seed(1);
    let gates = Gates::default();
    gates.set_closed(true);
    let (store, registry) = (stage.store.copy(), stage.registry.clone());
    let service = service(store, registry, stage.policy.clone(), &gates, trace);
    *service.users.books() = stage.books.clone();
    let run = Arc::new(Run {
        user: stage.user.clone(),
        applicant: stage.applicant.clone(),
        change: combination.scene.change(),
        service: Arc::new(service),
        secrets: Arc::clone(&stage.secrets),
        gates: gates.clone(),
        shared: Arc::default(),
    });
    let mut tasks = Tasks::new(gates.clone());
    for use_case in &combination.use_cases {
        let work = Arc::clone(&run).run(*use_case, stage.earlier.clone());
        tasks.start(work).await;
    }
    if !combination.use_cases.contains(&UseCase::Delivery) {
        let run = Arc::clone(&run);
        let change = async move { drop(run.happen(run.change).await) };
        tasks.start(change).await;
    }
    let (mut depth, mut current, mut asleep) = (0, None, vec![]);
    let (mut switches, mut lagged) = (0, None);
    loop {
        let waiting = tasks.waiting();
        if waiting.is_empty() {
            break;
        }
        let goes_on = waiting.iter().any(|call| Some(call.task) == current);
        if depth == path.0.len() {
            let mut choices = choices(&waiting, current, combination.provider);
            let costs = |choice: &Choice| switches + choice.switches(goes_on, current, lagged);
            choices.retain(|choice| most_switches.is_none_or(|most| costs(choice) <= most));
            choices.retain(|choice| !asleep.iter().any(|other| choice.is(other)));
            if choices.is_empty() {
                return Ok(false);
            }
            path.0.push(Decision {
                choices,
                taken: 0,
                asleep: std::mem::take(&mut asleep),
            });
        }
        let decision = &path.0[depth];
        depth += 1;
        let choice = decision.choices[decision.taken];
        let call = waiting.iter().find(|call| {
            let (task, number) = (choice.call.task, choice.call.number);
            (call.task, call.number) == (task, number)
        });
        let call = *call.expect("an interleaving is not deterministic");
        if most_switches.is_none() {
            let before = decision.choices[..decision.taken].iter();
            let sleepers = decision.asleep.iter().chain(before);
            let still = sleepers.filter(|other| other.is_independent_of(&choice));
            asleep = still.copied().collect();
        }
        switches += choice.switches(goes_on, current, lagged);
        if choice.is_read() {
            lagged = Some(choice.lags);
        }
        current = Some(call.task);
        let lag = if choice.lags { LAG } else { Duration::ZERO };
        run.service.provider.registry().replica = Replica::Lagging(lag);
        trace.line(|| {
            let replica = if choice.lags {
                ", by a replica that lags"
            } else {
                ""
            };
            format!("task {}: {}{replica}", call.task, call.name)
        });
        tasks.go(call).await;
    }
    finish(&run, combination, trace).await.map(|()| true)
}

/// Checks that an approved user has no documents that wait for a verdict.
async fn check_documents(run: &Run) -> Result<(), Finding> {
    let Some(user) = run.service.users.peek(&run.user).await else {
        return Ok(());
    };
    let documents = user.documents.iter().flat_map(|read| &read.documents);
    let is_pending = |document: &StoredDocument| document.status == DocumentStatus::Pending;
    if user.review.status() == Status::Approved && documents.clone().any(is_pending) {
        let wrong = "approved, with documents from before the verdict";
        return Err(Finding::Diverged(wrong.to_owned()));
    }
    Ok(())
}

/// Checks that nothing of an erased person came back.
fn check_forgotten(user: &User, applicant: &str) -> Result<(), Finding> {
    let applicant = ApplicantId::parse(applicant).unwrap();
    let is_forgotten = user.name().is_none()
        && user.applicant.as_ref() != Some(&applicant)
        && user.has_erased(&applicant)
        && !user.lacks_name();
    let wrong = || Finding::Diverged(format!("{}, an erased person is back", shown(Some(user))));
    is_forgotten.then_some(()).ok_or_else(wrong)
}

/// Delivers what was not acknowledged, waits for the reconciliation, and compares.
async fn finish(run: &Run, combination: &Combination, trace: &Trace) -> Result<(), Finding> {
    trace.line(|| "all use cases have ended".to_owned());
    run.gates.set_closed(false);
    if combination.provider == Provider::Exact {
        check_documents(run).await?;
    }
    let mut outstanding = std::mem::take(&mut run.shared().refused);
    if !combination.use_cases.contains(&UseCase::Delivery) {
        let event = run.shared().event.clone();
        outstanding.extend(event);
    }
    for body in outstanding {
        run.deliver(Some(body)).await;
    }
    if !run.shared().refused.is_empty() {
        return Err(Finding::Lost("a delivery is refused for ever".to_owned()));
    }
    let service = &run.service;
    let mut schedule = Schedule::new(vec![run.user.clone()], trace.clone());
    schedule.run(service, clock::now().plus(BOUND)).await;
    let Some(user) = service.users.peek(&run.user).await else {
        return Err(Finding::Lost("the user".to_owned()));
    };
    let books = service.users.books();
    if let Some(doubled) = books.doubled.first() {
        return Err(Finding::Doubled(doubled.clone()));
    }
    books.check_advance(&run.user).map_err(Finding::Doubled)?;
    drop(books);
    if combination.use_cases.contains(&UseCase::Block) && user.blocked_since.is_none() {
        return Err(Finding::Lost("a block".to_owned()));
    }
    if combination.use_cases.contains(&UseCase::Forgetting) {
        return check_forgotten(&user, &run.applicant);
    }
    compare(&user, &service.provider.registry(), None)
        .map_err(|wrong| Finding::Diverged(format!("{}, {wrong}", shown(Some(&user)))))
}

/// A walk through the interleavings of a combination, with so many switches at most.
struct Walk<'a> {
    runtime: Runtime,
    stage: Stage,
    combination: &'a Combination,
    most_switches: Option<usize>,
    path: Path,
}

impl<'a> Walk<'a> {
    fn new(combination: &'a Combination, most_switches: Option<usize>) -> Self {
        let runtime = runtime();
        let stage = runtime.block_on(Stage::of(combination.scene));
        Self {
            runtime,
            stage,
            combination,
            most_switches,
            path: Path::default(),
        }
    }

    /// Runs the present interleaving, as [`run`] does.
    fn run(&mut self, trace: &Trace) -> Result<bool, Finding> {
        self.runtime.block_on(run(
            &self.stage,
            self.combination,
            self.most_switches,
            &mut self.path,
            trace,
        ))
    }
}

/// Explores all interleavings of a combination with so many switches at most, or those before the first that fails.
pub fn explore(combination: &Combination, most_switches: Option<usize>) -> Explored {
    let mut walk = Walk::new(combination, most_switches);
    let mut explored = Explored::default();
    loop {
        let result = walk.run(&Trace::default());
        explored.interleavings += u64::from(result != Ok(false));
        if let Err(finding) = result {
            explored.failed = Some((explored.interleavings, finding));
            return explored;
        }
        if !walk.path.advance() {
            return explored;
        }
    }
}

/// Returns the trace of an interleaving by its number, which begins with 1, among those with so many switches at most.
pub fn replay(combination: &Combination, most_switches: Option<usize>, number: u64) -> String {
    let mut walk = Walk::new(combination, most_switches);
    let mut count = 0;
    loop {
        // Those before are found by running them.
        let result = walk.run(&Trace::default());
        count += u64::from(result != Ok(false));
        if count == number {
            let trace = Trace::kept();
            let result = walk.run(&trace);
            return format!("{}{result:?}\n", trace.text());
        }
        if !walk.path.advance() {
            return format!("there are {count} interleavings\n");
        }
    }
}
