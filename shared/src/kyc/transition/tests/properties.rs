//! Random lives of a user: arbitrary ones, and those that a provider can tell.
//!
//! A [`Life`] is a provider with a clock of its own and replicas that lag, whose events come in any order, more than once, or
//! never. In its end the stored state must be the provider's.

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

/// The longest time by which a read lags.
const LAG: i64 = 30 * SECOND;

/// Plays 1,000 lives in each world, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default.cases,
        None => 1_000,
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..default
    }
}

/// Something that changes a user.
#[derive(Debug, Clone)]
enum Change {
    Hint(Hint),
    Read(Observation),
    Inactive(&'static str),
    NotFound,
    Missing { others_found: bool },
    Session,
    Documents,
}

impl Change {
    fn apply(&self, user: &User, now: i64) -> User {
        let at = ours(now);
        match self {
            Self::Hint(hint) => apply_hint(user, hint, at, &policy()),
            Self::Read(seen) => apply_read(user, seen, at, &policy()),
            Self::Inactive(id) => apply_inactive(user, &applicant(id), at),
            Self::NotFound => apply_not_found(user, at),
            Self::Missing { others_found } => apply_missing(user, at, *others_found),
            Self::Session => user.with_session(at),
            Self::Documents => user.clone().with_documents(DocumentsRead {
                read_at: at,
                documents: Vec::new(),
            }),
        }
    }
}

fn any_status() -> impl Strategy<Value = Status> {
    proptest::sample::select(Status::ALL.to_vec())
}

fn any_id() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["one", "two", "three"])
}

/// Few different times, so that equal ones are frequent, and extreme ones.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![20 => -3..3_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
        .prop_map(|time| time.saturating_mul(30 * SECOND + 500))
}

fn any_event_time() -> impl Strategy<Value = Option<EventTime>> {
    (any_time(), 0..3).prop_map(|(at, form)| match form {
        0 => None,
        1 => Some(EventTime::within_second(theirs(at))),
        _ => Some(EventTime::exact(theirs(at))),
    })
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let about = (any_id(), any::<bool>(), 0..4_usize, 0..4_usize);
    let shown = (any_status(), any_time(), any::<bool>(), any::<bool>());
    (about, shown).prop_map(
        |((id, has_id, on, kind), (status, at, has_date, has_name))| Observation {
            applicant: has_id.then(|| applicant(id)),
            started_at: Some(theirs(at)),
            level: level(["basic", "basic", "extra", ""][on]),
            applicant_type: [
                Some(ApplicantType::Individual),
                Some(ApplicantType::Individual),
                Some(ApplicantType::Other),
                None,
            ][kind],
            reviewed_at: has_date.then(|| theirs(at).truncated_to_seconds()),
            review: review(status, at),
            // The name tells whose it is.
            name: named(id).filter(|_| has_name),
        },
    )
}

fn any_effect() -> impl Strategy<Value = EventEffect> {
    prop_oneof![
        1 => Just(EventEffect::Created),
        6 => any_observation().prop_map(|seen| EventEffect::Reviewed(Observation {
            name: None,
            reviewed_at: None,
            ..seen
        })),
        1 => Just(EventEffect::Reset),
        1 => Just(EventEffect::PersonChanged),
        1 => Just(EventEffect::Deactivated),
        1 => Just(EventEffect::Activated),
        1 => Just(EventEffect::Erased),
    ]
}

fn any_change() -> impl Strategy<Value = Change> {
    let hint = (any_id(), any::<bool>(), any_event_time(), any_effect()).prop_map(
        |(id, has_id, at, effect)| {
            Change::Hint(Hint {
                applicant: has_id.then(|| applicant(id)),
                at,
                effect,
            })
        },
    );
    // A read is about an applicant.
    let read = (any_id(), any_observation()).prop_map(|(id, seen)| {
        Change::Read(Observation {
            applicant: Some(applicant(id)),
            name: seen.name.and_then(|_| named(id)),
            ..seen
        })
    });
    prop_oneof![
        6 => hint,
        6 => read,
        1 => any_id().prop_map(Change::Inactive),
        1 => Just(Change::NotFound),
        2 => any::<bool>().prop_map(|others_found| Change::Missing { others_found }),
        1 => Just(Change::Session),
        2 => Just(Change::Documents),
    ]
}

/// Changes, each with the time since the one before.
fn any_changes() -> impl Strategy<Value = Vec<(i64, Change)>> {
    let pause = proptest::sample::select(vec![0, SECOND, MINUTE, 30 * MINUTE, 25 * HOUR]);
    proptest::collection::vec((pause, any_change()), 1..12)
}

fn nobody() -> User {
    let id = UserId::parse("usr_abc123").unwrap();
    User::new(id, Step::kyc_verification())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_change_of_every_user_keeps_what_must_hold(changes in any_changes()) {
        let mut user = nobody();
        let mut now = 0;
        let mut advances = 0;
        let mut gone = Vec::new();
        for (pause, change) in changes {
            now += pause;
            let after = change.apply(&user, now);
            prop_assert_eq!(after.check(), Ok(()));
            prop_assert_eq!(&change.apply(&after, now), &after, "the same once more: {:?}", change);
            advances += u32::from(after.step != user.step);
            gone.extend(user.applicant.iter().filter(|id| after.has_erased(id)).cloned());
            for id in &gone {
                prop_assert!(after.applicant.as_ref() != Some(id));
                prop_assert!(first_name(&after) != Some(id.as_str()));
            }
            let is_placed = after == nobody() || policy().schedule.due(&after).is_some();
            prop_assert!(is_placed, "nobody is forgotten");
            user = after;
        }
        prop_assert!(advances <= 1);
        prop_assert!(user.step != Step::kyc_verification() || user.review.status() != Status::Approved);
    }
}

/// Something that happens at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// The applicant that is active gets a review of this status, on the level of the approval or on another.
    Review(Status, &'static str),
    Rename,
    Deactivate,
    Activate,
    Delete,
    Create,
}

/// The form in which an event tells its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Exact,
    WholeSecond,
    Timeless,
}

/// An act, with the time before it, and the way of its event.
#[derive(Debug, Clone)]
struct Moment {
    pause: i64,
    act: Act,
    form: Form,
    /// The delays of the deliveries. Empty: the event is lost.
    delays: Vec<i64>,
    /// The lag of the read that a delivery makes. `None`: the provider is away.
    lag: Option<i64>,
}

/// A client that polls.
#[derive(Debug, Clone)]
struct Poll {
    at: i64,
    lag: i64,
}

#[derive(Debug, Clone)]
struct Life {
    /// The provider's clock, ahead of ours by this.
    skew: i64,
    moments: Vec<Moment>,
    polls: Vec<Poll>,
}

/// The kinds of worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct World {
    loses_events: bool,
    forms: &'static [Form],
    acts: &'static [Act],
}

const VERDICTS: &[Act] = &[
    Act::Review(Status::Pending, "basic"),
    Act::Review(Status::InProgress, "basic"),
    Act::Review(Status::InProgress, "basic"),
    Act::Review(Status::Retry, "basic"),
    Act::Review(Status::Approved, "basic"),
    Act::Review(Status::Approved, "basic"),
    Act::Review(Status::Rejected, "basic"),
    Act::Rename,
];

const SEVERAL_LEVELS: &[Act] = &[
    Act::Review(Status::Pending, "basic"),
    Act::Review(Status::InProgress, "basic"),
    Act::Review(Status::Retry, "basic"),
    Act::Review(Status::Approved, "basic"),
    Act::Review(Status::Approved, "basic"),
    Act::Review(Status::Rejected, "basic"),
    Act::Review(Status::Pending, "extra"),
    Act::Review(Status::InProgress, "extra"),
    Act::Review(Status::Retry, "extra"),
    Act::Review(Status::Approved, "extra"),
    Act::Rename,
];

const SEVERAL_APPLICANTS: &[Act] = &[
    Act::Review(Status::Pending, "basic"),
    Act::Review(Status::InProgress, "basic"),
    Act::Review(Status::Retry, "basic"),
    Act::Review(Status::Approved, "basic"),
    Act::Review(Status::Rejected, "basic"),
    Act::Rename,
    Act::Deactivate,
    Act::Deactivate,
    Act::Activate,
    Act::Delete,
    Act::Create,
    Act::Create,
    Act::Create,
];

const EVERYTHING: &[Act] = &[
    Act::Review(Status::Pending, "basic"),
    Act::Review(Status::InProgress, "basic"),
    Act::Review(Status::Retry, "basic"),
    Act::Review(Status::Approved, "basic"),
    Act::Review(Status::Rejected, "basic"),
    Act::Review(Status::InProgress, "extra"),
    Act::Review(Status::Rejected, "extra"),
    Act::Review(Status::Approved, "extra"),
    Act::Rename,
    Act::Deactivate,
    Act::Activate,
    Act::Delete,
    Act::Create,
    Act::Create,
];

const ALL_FORMS: &[Form] = &[Form::Exact, Form::WholeSecond, Form::Timeless];

fn any_life(world: World) -> impl Strategy<Value = Life> {
    let delay = || prop_oneof![4 => 0..2 * SECOND, 2 => 0..2 * MINUTE, 1 => 0..24 * HOUR];
    let lag = || prop_oneof![1 => Just(0), 1 => 0..SECOND, 1 => 0..LAG];
    let fewest = usize::from(!world.loses_events);
    let moment = (
        prop_oneof![2 => 1..SECOND, 2 => 1..LAG, 1 => 1..3 * HOUR],
        proptest::sample::select(world.acts.to_vec()),
        proptest::sample::select(world.forms.to_vec()),
        proptest::collection::vec(delay(), fewest..3),
        proptest::option::weighted(0.8, lag()),
    )
        .prop_map(|(pause, act, form, delays, lag)| Moment {
            pause,
            act,
            form,
            delays,
            lag,
        });
    (
        -5 * MINUTE..5 * MINUTE,
        proptest::collection::vec(moment, 1..7),
        proptest::collection::vec((any::<prop::sample::Index>(), 0..2 * MINUTE, lag()), 0..6),
    )
        .prop_map(|(skew, moments, polls)| {
            // A poll happens soon after something else.
            let mut starts = vec![0];
            for moment in &moments {
                starts.push(starts.last().unwrap() + moment.pause);
            }
            let mut times = starts.clone();
            for (start, moment) in starts.iter().skip(1).zip(&moments) {
                times.extend(moment.delays.iter().map(|delay| start + delay));
            }
            let polls = polls
                .into_iter()
                .map(|(index, after, lag)| Poll {
                    at: index.get(&times) + after,
                    lag,
                })
                .collect();
            Life {
                skew,
                moments,
                polls,
            }
        })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Active,
    Inactive,
    Deleted,
}

/// An applicant at the provider.
#[derive(Debug, Clone)]
struct Applicant {
    id: ApplicantId,
    presence: Presence,
    status: Status,
    level: &'static str,
    created_at: i64,
    reviewed_at: i64,
    name: String,
}

impl Applicant {
    fn new(number: usize, created_at: i64) -> Self {
        Self {
            id: applicant(&format!("applicant-{number}")),
            presence: Presence::Active,
            status: Status::Pending,
            level: "basic",
            created_at,
            reviewed_at: 0,
            name: format!("applicant-{number}"),
        }
    }

    fn shown(&self) -> Observation {
        Observation {
            applicant: Some(self.id.clone()),
            started_at: Some(theirs(self.created_at).truncated_to_seconds()),
            level: level(self.level),
            name: named(&self.name),
            ..seen(self.status, self.reviewed_at)
        }
    }
}

/// The provider: its applicants after each act, and the events that it sent.
struct Provider {
    states: Vec<State>,
    events: Vec<Option<Hint>>,
}

/// The state of the provider since an act.
struct State {
    /// Our time of the act.
    since: i64,
    applicants: Vec<Applicant>,
    /// The status of a user for whom everything came at once and in order.
    expected: Status,
}

/// Returns what a review makes of a user who has a status already.
fn counted(status: Status, on: &str, before: Status) -> Status {
    match (status, on, before) {
        (Status::Retry | Status::Rejected, ..) | (_, "basic", _) => status,
        (_, _, Status::Approved) => Status::Approved,
        (Status::Approved, ..) => Status::InProgress,
        _ => status,
    }
}

impl Provider {
    fn play(life: &Life) -> Self {
        let mut applicants = vec![Applicant::new(0, life.skew)];
        let mut expected = Status::Pending;
        let mut provider = Self {
            states: vec![State {
                since: 0,
                applicants: applicants.clone(),
                expected,
            }],
            events: Vec::new(),
        };
        let mut now = 0;
        for (number, moment) in life.moments.iter().enumerate() {
            now += moment.pause;
            let theirs_now = now + life.skew;
            let active = applicants
                .iter()
                .position(|one| one.presence == Presence::Active);
            let inactive = applicants
                .iter()
                .rposition(|one| one.presence == Presence::Inactive);
            let sent = match (moment.act, active, inactive) {
                (Act::Review(status, on), Some(index), _) => {
                    let one = &mut applicants[index];
                    if status == Status::Pending && one.level == on && one.status == status {
                        None
                    } else {
                        let is_reset = status == Status::Pending && number % 2 == 0;
                        one.status = status;
                        one.level = on;
                        if status.is_verdict() {
                            one.reviewed_at = theirs_now;
                        }
                        expected = if is_reset {
                            status
                        } else {
                            counted(status, on, expected)
                        };
                        let mut told = told(status, theirs_now);
                        told.level = level(on);
                        told.applicant = Some(one.id.clone());
                        let effect = if is_reset {
                            EventEffect::Reset
                        } else {
                            EventEffect::Reviewed(told)
                        };
                        Some((index, effect))
                    }
                }
                (Act::Rename, Some(index), _) => {
                    applicants[index].name.push('\'');
                    Some((index, EventEffect::PersonChanged))
                }
                (Act::Deactivate, Some(index), _) => {
                    applicants[index].presence = Presence::Inactive;
                    if expected == Status::Rejected {
                        expected = Status::Pending;
                    }
                    Some((index, EventEffect::Deactivated))
                }
                (Act::Activate, None, Some(index)) => {
                    applicants[index].presence = Presence::Active;
                    let one = &applicants[index];
                    expected = counted(one.status, one.level, expected);
                    Some((index, EventEffect::Activated))
                }
                (Act::Delete, Some(index), _) | (Act::Delete, None, Some(index)) => {
                    applicants[index].presence = Presence::Deleted;
                    if expected != Status::Approved {
                        expected = Status::Pending;
                    }
                    Some((index, EventEffect::Erased))
                }
                (Act::Create, None, _) => {
                    applicants.push(Applicant::new(applicants.len(), theirs_now));
                    expected = Status::Pending;
                    Some((applicants.len() - 1, EventEffect::Created))
                }
                _ => None,
            };
            provider.states.push(State {
                since: now,
                applicants: applicants.clone(),
                expected,
            });
            let at = theirs(theirs_now);
            provider.events.push(sent.map(|(index, effect)| Hint {
                applicant: Some(applicants[index].id.clone()),
                at: match moment.form {
                    Form::Exact => Some(EventTime::exact(at)),
                    Form::WholeSecond => Some(EventTime::within_second(at)),
                    Form::Timeless => None,
                },
                effect,
            }));
        }
        provider
    }

    fn at(&self, time: i64) -> &State {
        let state = self.states.iter().rev().find(|state| state.since <= time);
        state.unwrap_or(&self.states[0])
    }

    /// Returns the user after a read by our user id that is answered by a replica as it was `lag` ago.
    fn read(&self, user: &User, now: i64, lag: i64) -> User {
        let applicants = &self.at(now - lag).applicants;
        let is = |presence| move |one: &&Applicant| one.presence == presence;
        if let Some(one) = applicants.iter().find(is(Presence::Active)) {
            after_read(user, &one.shown(), now)
        } else {
            let inactive = applicants.iter().find(is(Presence::Inactive));
            match inactive.filter(|_| now % 2 == 0) {
                Some(one) => apply_inactive(user, &one.id, ours(now)),
                None => apply_not_found(user, ours(now)),
            }
        }
    }
}

/// The end of a life: the user after all deliveries and polls.
struct End {
    provider: Provider,
    user: User,
    now: i64,
}

impl Life {
    /// Makes every delivery immediate, every read exact, and acts more than a second apart.
    fn made_kind(mut self) -> Self {
        for moment in &mut self.moments {
            moment.pause += 2 * SECOND;
            moment.delays = vec![0];
            moment.lag = Some(0);
        }
        for poll in &mut self.polls {
            poll.lag = 0;
        }
        self
    }

    fn play(&self) -> End {
        let end = self.play_watched(|_| Ok(()));
        end.expect("nothing that fails")
    }

    /// Plays the life, and lets `watch` look at it after each delivery and poll.
    fn play_watched(
        &self,
        watch: impl Fn(&End) -> Result<(), TestCaseError>,
    ) -> Result<End, TestCaseError> {
        enum What<'a> {
            Delivery(usize, &'a Moment),
            Poll(i64),
        }
        let provider = Provider::play(self);
        let mut happenings = Vec::new();
        for (number, moment) in self.moments.iter().enumerate() {
            let since = provider.states[number + 1].since;
            let deliveries = moment.delays.iter();
            happenings
                .extend(deliveries.map(|delay| (since + delay, What::Delivery(number, moment))));
        }
        happenings.extend(
            self.polls
                .iter()
                .map(|poll| (poll.at, What::Poll(poll.lag))),
        );
        happenings.sort_by_key(|(at, _)| *at);

        let created = about("applicant-0", event(EventEffect::Created, self.skew));
        let mut end = End {
            user: after_hint(&nobody().with_session(ours(0)), &created, 0),
            now: 0,
            provider,
        };
        let mut delivered = Vec::new();
        for (at, what) in happenings {
            end.now = at;
            match what {
                // A repeated delivery is found by its key.
                What::Delivery(number, _) if delivered.contains(&number) => {}
                What::Delivery(number, moment) => {
                    delivered.push(number);
                    let Some(event) = &end.provider.events[number] else {
                        continue;
                    };
                    end.user = after_hint(&end.user, event, at);
                    if let Some(lag) = moment.lag
                        && (end.user.doubt.is_some() || end.user.lacks_name())
                    {
                        end.user = end.provider.read(&end.user, at, lag);
                    }
                }
                What::Poll(lag) => end.user = end.provider.read(&end.user, at, lag),
            }
            watch(&end)?;
        }
        end.now = end.now.max(end.provider.states.last().unwrap().since);
        Ok(end)
    }
}

impl End {
    /// Lets the schedule read whoever is not settled, or awaits a name. Nobody else.
    fn reconcile(mut self) -> Self {
        for _ in 0..3 {
            let due = policy().schedule.due(&self.user).unwrap();
            if due.queue == Queue::Unsettled {
                self.now = self.now.max(due.at.millis());
                self.user = self.provider.read(&self.user, self.now, 0);
                self.user.checked_at = Some(ours(self.now));
            }
        }
        self
    }

    /// Reads once, when every hint has settled.
    fn settle(mut self) -> Self {
        self.now += MINUTE;
        self.user = self.provider.read(&self.user, self.now, 0);
        self
    }

    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.user.doubt, None, "{:?}", self.user);
        self.check_state()
    }

    fn check_state(&self) -> Result<(), TestCaseError> {
        let Self { provider, user, .. } = self;
        let applicants = &provider.at(self.now).applicants;
        let active = applicants
            .iter()
            .find(|one| one.presence == Presence::Active);
        let status = user.review.status();
        if let Some(one) = active {
            if one.level == "basic" {
                prop_assert_eq!(status, one.status, "{:?}", user);
                prop_assert_eq!(user.applicant.as_ref(), Some(&one.id));
                let decided_at = user.review.verified_at().or(user.review.rejected_at());
                if decided_at.is_some() {
                    prop_assert_eq!(decided_at, one.shown().reviewed_at);
                }
                let name = first_name(user);
                let has_name = status == Status::Approved;
                prop_assert_eq!(name, has_name.then_some(one.name.as_str()), "{:?}", user);
            }
        } else {
            prop_assert_ne!(status, Status::Rejected);
        }
        for one in applicants {
            if one.presence == Presence::Deleted && user.has_erased(&one.id) {
                prop_assert!(user.applicant.as_ref() != Some(&one.id));
            }
        }
        Ok(())
    }
}

/// A world that loses no event for good.
fn unkind(acts: &'static [Act]) -> World {
    World {
        loses_events: false,
        forms: ALL_FORMS,
        acts,
    }
}

fn lossy(acts: &'static [Act]) -> World {
    World {
        loses_events: true,
        ..unkind(acts)
    }
}

proptest! {
    #![proptest_config(config())]

    /// Without the sweep: whoever is settled is so rightly.
    #[test]
    fn once_every_event_came_the_schedule_finds_what_is_wrong(life in any_life(unkind(VERDICTS))) {
        life.play().reconcile().check()?;
    }

    #[test]
    fn the_schedule_finds_what_is_wrong_with_several_levels(life in any_life(unkind(SEVERAL_LEVELS))) {
        life.play().reconcile().check()?;
    }

    #[test]
    fn the_schedule_finds_what_is_wrong_with_several_applicants(life in any_life(unkind(SEVERAL_APPLICANTS))) {
        life.play().reconcile().check()?;
    }

    #[test]
    fn the_schedule_finds_what_is_wrong_with_several_applicants_and_levels(life in any_life(unkind(EVERYTHING))) {
        life.play().reconcile().check()?;
    }

    #[test]
    fn an_exact_read_after_the_settling_time_ends_in_the_state_of_the_provider(
        life in any_life(lossy(VERDICTS))
    ) {
        life.play().settle().check()?;
    }

    #[test]
    fn an_exact_read_ends_in_the_state_of_the_provider_with_several_levels_and_applicants(life in any_life(lossy(EVERYTHING))) {
        life.play().settle().check()?;
    }

    /// A verdict on one level survives what happens on another, whatever comes first.
    #[test]
    fn the_order_of_deliveries_does_not_matter(
        life in any_life(World { forms: &[Form::Exact], ..unkind(SEVERAL_LEVELS) })
    ) {
        let end = life.play().reconcile();
        let expected = end.provider.at(end.now).expected;
        prop_assert_eq!(end.user.review.status(), expected, "{:?}", end.user);
    }

    #[test]
    fn in_a_kind_world_the_state_is_right_after_each_delivery(
        life in any_life(World { forms: &[Form::Exact], ..unkind(EVERYTHING) })
    ) {
        life.made_kind().play_watched(|end| {
            let expected = end.provider.at(end.now).expected;
            prop_assert_eq!(end.user.review.status(), expected, "{:?}", end.user);
            end.check_state()
        })?;
    }
}
