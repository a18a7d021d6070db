//! The provider of the worlds: several applicants for each user, a clock of its own, and replicas that lag.

pub(crate) mod applicant;
pub(crate) mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use shared::kyc::{ApplicantId, Document, Level, ProviderTime, UserId};
use shared::platform::Deadline;
use shared::provider::{ApplicantLookup, Provider, ProviderError, sumsub};
use sumsub_simulator::model::{Applicant, ApplicantIds, ApplicantType, Event, Moment};

use crate::clock;
use crate::tasks::Gates;
use crate::trace::Trace;
use crate::world::World;
use applicant::{LEVELS, Move};

/// The provider. Clones share their content.
#[derive(Clone)]
pub(crate) struct UnkindProvider {
    registry: Arc<Mutex<Registry>>,
    gates: Gates,
    trace: Trace,
}

/// The replica that answers a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replica {
    /// One that lags for a random time.
    Any,
    /// One that lags for so long.
    Lagging(Duration),
}

/// Everything that the provider knows, and its manners.
#[derive(Clone)]
pub(crate) struct Registry {
    world: World,
    rng: fastrand::Rng,
    skew: i64,
    drift: i64,
    applicants: Vec<Vec<Version>>,
    /// Counts what happened, so that names and comments are unique.
    number: usize,
    /// True while all calls fail.
    pub(crate) is_away: bool,
    /// True while the provider answers some calls about somebody else.
    pub(crate) is_confused: bool,
    pub(crate) replica: Replica,
    /// True if calls take no time.
    pub(crate) is_instant: bool,
    /// True if an inactive applicant is shown as `deleted`, false if it is not found.
    shows_inactive: bool,
    /// True if reads show the dates of reviews.
    pub(crate) shows_dates: bool,
}

/// An applicant as it was from `since` on, by our clock.
#[derive(Clone)]
struct Version {
    since: i64,
    applicant: Applicant,
}

impl Registry {
    pub(crate) fn new(world: World, mut rng: fastrand::Rng) -> Self {
        let skew = i64::try_from(world.skew.as_millis()).unwrap();
        Self {
            world,
            skew: rng.i64(-skew..=skew),
            drift: rng.i64(-world.drift..=world.drift),
            applicants: Vec::new(),
            number: 0,
            is_away: false,
            is_confused: false,
            replica: Replica::Any,
            is_instant: false,
            shows_inactive: rng.bool(),
            shows_dates: !world.sparse || rng.bool(),
            rng,
        }
    }

    /// Returns the present time by the provider's clock.
    pub(crate) fn time(&self) -> i64 {
        let now = clock::now().millis();
        now + self.skew + (now - clock::START) * self.drift / 1_000_000
    }

    /// Returns the longest time between the date of a review and the creation time of its event, in milliseconds.
    pub(crate) fn stamp_delay(&self) -> i64 {
        i64::try_from(self.world.stamp_delay.as_millis()).unwrap()
    }

    /// Returns the applicants of a user in the order of their creation, as they are now.
    pub(crate) fn applicants_of(&self, user: &str) -> Vec<Applicant> {
        let present = self
            .applicants
            .iter()
            .filter_map(|versions| versions.last());
        present
            .map(|version| &version.applicant)
            .filter(|applicant| applicant.user == user)
            .cloned()
            .collect()
    }

    /// Returns each state that an applicant was in.
    pub(crate) fn versions(&self, id: &str) -> Vec<Applicant> {
        let versions = self.applicants.iter().flatten();
        versions
            .map(|version| version.applicant.clone())
            .filter(|applicant| applicant.id == id)
            .collect()
    }

    /// Makes an applicant for a user. Returns it with the event that tells of it.
    pub(crate) fn create(
        &mut self,
        user: &str,
        level: usize,
        applicant_type: ApplicantType,
    ) -> (Applicant, Event) {
        let id = format!("{:024x}", 0x65ab_c123 + self.applicants.len());
        let ids = ApplicantIds {
            applicant: id.clone(),
            inspection: id,
        };
        let now = Moment::from_millis(self.time());
        let (applicant, created) =
            Applicant::create(user, LEVELS[level], applicant_type, now, &ids);
        self.applicants.push(vec![Version {
            since: clock::now().millis(),
            applicant: applicant.clone(),
        }]);
        (applicant, created)
    }

    /// Lets something happen to an applicant. Returns its new state and the events that tell of it.
    pub(crate) fn happen(&mut self, id: &str, step: Move) -> (Applicant, Vec<Event>) {
        self.number += 1;
        let (number, at) = (self.number, self.time());
        let versions = self.applicants.iter_mut().find(|versions| {
            versions
                .last()
                .is_some_and(|version| version.applicant.id == id)
        });
        let versions = versions.unwrap();
        let mut applicant = versions.last().unwrap().applicant.clone();
        let events = step.happen(&mut applicant, at, number);
        versions.push(Version {
            since: clock::now().millis(),
            applicant: applicant.clone(),
        });
        (applicant, events)
    }

    /// Returns the applicants as one of the replicas shows them.
    fn replica(&mut self) -> Vec<Applicant> {
        let lag = match self.replica {
            Replica::Any => {
                let most = u64::try_from(self.world.lag.as_millis()).unwrap();
                Duration::from_millis(self.rng.u64(0..=most))
            }
            Replica::Lagging(lag) => lag,
        };
        let seen = clock::now().millis() - i64::try_from(lag.as_millis()).unwrap();
        let versions = self.applicants.iter().filter_map(|versions| {
            let seen = versions.iter().rev().find(|version| version.since <= seen);
            seen.map(|version| version.applicant.clone())
        });
        versions.filter(|applicant| !applicant.deleted).collect()
    }

    fn by_user(&mut self, user: &str) -> Option<Applicant> {
        let mut found = self.replica();
        if self.answers_wrongly() {
            // Nothing promises that the ids are compared exactly.
            let other = found.iter().find(|applicant| applicant.user != user);
            return other.cloned();
        }
        found.retain(|applicant| applicant.user == user);
        let active = found
            .iter()
            .rfind(|applicant| applicant.is_active())
            .cloned();
        active.or_else(|| found.pop().filter(|_| self.shows_inactive))
    }

    fn by_id(&mut self, id: &str) -> Option<Applicant> {
        let found = self.replica();
        let is_wrong = self.answers_wrongly();
        found
            .into_iter()
            .find(|applicant| (applicant.id == id) != is_wrong)
    }

    fn answers_wrongly(&mut self) -> bool {
        self.is_confused && self.rng.u8(..8) == 0
    }

    /// Members that are left out of a response.
    fn missing(&mut self, is_asked_for: bool) -> Vec<&'static str> {
        if !self.world.sparse || !is_asked_for {
            return vec![];
        }
        let mut missing = ["externalUserId", "type", "createdAt"].to_vec();
        missing.retain(|_| self.rng.bool());
        missing
    }

    fn fails(&mut self) -> Result<(), ProviderError> {
        if !self.is_away {
            return Ok(());
        }
        let status = 503;
        let correlation_id = "-".to_owned();
        Err(match self.rng.u8(..4) {
            0 => ProviderError::TimedOut,
            1 => ProviderError::Throttled { retry_after: None },
            2 => ProviderError::Malformed,
            _ => ProviderError::Unavailable {
                status,
                correlation_id,
            },
        })
    }

    /// Draws the time that a call takes in one direction.
    fn latency(&mut self) -> Duration {
        if self.is_instant {
            return Duration::ZERO;
        }
        Duration::from_millis(self.rng.u64(1..200))
    }
}

impl UnkindProvider {
    pub(crate) fn new(registry: Registry, gates: Gates, trace: Trace) -> Self {
        Self {
            registry: Arc::new(Mutex::new(registry)),
            gates,
            trace,
        }
    }

    /// Returns the provider's content.
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call<T>(
        &self,
        name: &'static str,
        about: &str,
        answer: impl FnOnce(&mut Registry) -> Result<T, ProviderError> + Send,
    ) -> Result<T, ProviderError> {
        let _passed = self.gates.pass(name).await;
        let mut registry = self.registry();
        clock::pass(registry.latency());
        let answer = registry.fails().and_then(|()| answer(&mut registry));
        clock::pass(registry.latency());
        drop(registry);
        self.trace.line(|| {
            let failure = answer.as_ref().err();
            format!(
                "  provider {name} {about}: {}",
                failure.map_or("answered".to_owned(), ToString::to_string)
            )
        });
        answer
    }
}

fn applicant_lookup(
    registry: &mut Registry,
    found: Option<&Applicant>,
    asked_for: Option<&UserId>,
) -> Result<ApplicantLookup, ProviderError> {
    let Some(found) = found else {
        return Ok(ApplicantLookup::NotFound);
    };
    // An answer about somebody else can be told by its id only.
    let is_asked_for = asked_for.is_some_and(|user| user.as_str() == found.user);
    let mut missing = registry.missing(is_asked_for);
    // Without a type it would be a person.
    missing.retain(|name| *name != "type" || found.applicant_type == ApplicantType::Individual);
    let body = wire::applicant(found, registry.shows_dates, &missing);
    let now = ProviderTime::from_millis(clock::now().millis());
    sumsub::applicant(body.as_bytes(), asked_for, now)
}

impl Provider for UnkindProvider {
    async fn create_session(
        &self,
        user: &UserId,
        _: &Level,
        _: Deadline,
    ) -> Result<SecretString, ProviderError> {
        let token = |_: &mut Registry| Ok(SecretString::from("sbx:token"));
        self.call("create_session", user.as_str(), token).await
    }

    async fn applicant_of(
        &self,
        user: &UserId,
        _: Deadline,
    ) -> Result<ApplicantLookup, ProviderError> {
        self.call("applicant_of", user.as_str(), |registry| {
            let found = registry.by_user(user.as_str());
            applicant_lookup(registry, found.as_ref(), Some(user))
        })
        .await
    }

    async fn applicant(
        &self,
        applicant: &ApplicantId,
        _: Deadline,
    ) -> Result<ApplicantLookup, ProviderError> {
        self.call("applicant", applicant.as_str(), |registry| {
            let found = registry.by_id(applicant.as_str());
            applicant_lookup(registry, found.as_ref(), None)
        })
        .await
    }

    async fn documents(
        &self,
        applicant: &ApplicantId,
        _: Deadline,
    ) -> Result<Option<Vec<Document>>, ProviderError> {
        self.call("documents", applicant.as_str(), |registry| {
            let found = registry.by_id(applicant.as_str());
            let listed =
                found.map(|found| sumsub::documents(found.images_json().to_string().as_bytes()));
            listed.transpose()
        })
        .await
    }
}
