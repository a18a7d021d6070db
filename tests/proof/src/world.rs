//! The worlds: what provider and network are like.

use std::time::Duration;

/// The way in which the provider writes a time into an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeForm {
    /// `createdAtMs` as text with milliseconds, beside `createdAt`.
    Milliseconds,
    /// `createdAt` in whole seconds only.
    Seconds,
    /// RFC 3339 in UTC with milliseconds: `2024-01-01T10:00:00.123Z`.
    Zulu,
    /// RFC 3339 with an offset: `2024-01-01T10:00:00+00:00`.
    Offset,
    /// `2024-01-01 10:00:00 +0000`.
    SpacedOffset,
    /// Milliseconds since the Unix epoch as an integer.
    Epoch,
    /// Milliseconds since the Unix epoch as text.
    EpochText,
    /// Milliseconds since the Unix epoch as a float.
    EpochFloat,
    /// An unreadable `createdAtMs`, and a `createdAt` that can be read.
    Garbled,
    /// No time at all.
    None,
}

/// Provider and network of a history.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// The name in output and options.
    pub name: &'static str,
    /// Maximum difference of the provider's clock to ours at the beginning.
    pub skew: Duration,
    /// Maximum drift of the provider's clock, in parts per million.
    pub drift: i64,
    /// Maximum age of the replica that answers a read.
    pub lag: Duration,
    /// Maximum time between the date of a review and the creation time of its event.
    pub stamp_delay: Duration,
    /// True if that time differs from event to event, so that a later event may bear an earlier time.
    pub jitter: bool,
    /// The forms of the time in events. One of them is drawn for each event.
    pub times: &'static [TimeForm],
    /// True if applicants are deactivated, activated, erased and made anew.
    pub several_applicants: bool,
    /// True if there are levels that do not approve, companies and workflows.
    pub levels: bool,
    /// True if deliveries come late, repeated, out of order, and again after months.
    pub unordered: bool,
    /// True if some deliveries never come.
    pub lossy: bool,
    /// True if the provider is away at times, for up to two hours.
    pub outages: bool,
    /// True if writes of the store fail at times, before or after they had their effect.
    pub faults: bool,
    /// True if the provider answers about somebody else at times, and reports applicants of people who are no users.
    pub strangers: bool,
    /// True if members are missing in events and reads.
    pub sparse: bool,
    /// True if use cases run at the same time.
    pub concurrent: bool,
    /// Longest time between two things that happen.
    pub longest_wait: Duration,
    /// True if the stored state must be the provider's right after each delivery.
    pub immediate: bool,
    /// True if the provider's earlier states decide the expected state where its present state allows several.
    pub strict: bool,
    /// The time after the last delivery within which the stored state is the provider's.
    pub bound: Duration,
}

/// The next poll or scheduled run reads an unsettled user: a minute of settling and five minutes of the schedule.
const NEXT_RUN: Duration = Duration::from_mins(6);

/// An outage of two hours makes the backoff an hour long.
const AFTER_OUTAGE: Duration = Duration::from_mins(66);

/// The sweep's longest delay is 30 days. An erasure whose event was lost takes two checks.
const SWEPT: Duration = Duration::from_hours(61 * 24);

const DAYS: Duration = Duration::from_hours(48);
const MONTHS: Duration = Duration::from_hours(45 * 24);
const MILLISECONDS: &[TimeForm] = &[TimeForm::Milliseconds];
const ALL_FORMS: &[TimeForm] = &[
    TimeForm::Milliseconds,
    TimeForm::Seconds,
    TimeForm::Zulu,
    TimeForm::Offset,
    TimeForm::SpacedOffset,
    TimeForm::Epoch,
    TimeForm::EpochText,
    TimeForm::EpochFloat,
    TimeForm::Garbled,
];
const ANY_FORM: &[TimeForm] = &[
    TimeForm::Milliseconds,
    TimeForm::Seconds,
    TimeForm::Zulu,
    TimeForm::Offset,
    TimeForm::Epoch,
    TimeForm::Garbled,
    TimeForm::None,
];

impl World {
    /// One perfect clock, reads that see each change at once, deliveries at once and in order.
    pub const KIND: Self = Self {
        name: "kind",
        skew: Duration::ZERO,
        drift: 0,
        lag: Duration::ZERO,
        stamp_delay: Duration::ZERO,
        jitter: false,
        times: MILLISECONDS,
        several_applicants: true,
        levels: false,
        unordered: false,
        lossy: false,
        outages: false,
        faults: false,
        strangers: false,
        sparse: false,
        concurrent: false,
        longest_wait: DAYS,
        immediate: true,
        strict: true,
        bound: NEXT_RUN,
    };

    /// All worlds, the kind one first.
    pub const ALL: [Self; 17] = [
        Self::KIND,
        Self {
            name: "skew",
            skew: Duration::from_mins(5),
            ..Self::KIND
        },
        Self {
            name: "drift",
            skew: Duration::from_mins(5),
            drift: 200,
            longest_wait: MONTHS,
            ..Self::KIND
        },
        Self {
            name: "forms",
            skew: Duration::from_mins(5),
            times: ALL_FORMS,
            ..Self::KIND
        },
        Self {
            name: "seconds",
            skew: Duration::from_mins(5),
            times: &[TimeForm::Seconds],
            stamp_delay: Duration::from_secs(3),
            unordered: true,
            concurrent: true,
            immediate: false,
            strict: false,
            ..Self::KIND
        },
        Self {
            name: "timeless",
            times: &[TimeForm::None],
            unordered: true,
            concurrent: true,
            immediate: false,
            strict: false,
            ..Self::KIND
        },
        Self {
            name: "unordered",
            skew: Duration::from_mins(5),
            longest_wait: MONTHS,
            unordered: true,
            immediate: false,
            strict: false,
            ..Self::KIND
        },
        Self {
            name: "jitter",
            stamp_delay: Duration::from_secs(3),
            jitter: true,
            concurrent: true,
            immediate: false,
            strict: false,
            ..Self::KIND
        },
        Self {
            name: "lag",
            lag: Duration::from_secs(30),
            stamp_delay: Duration::from_secs(3),
            concurrent: true,
            immediate: false,
            strict: false,
            ..Self::KIND
        },
        Self {
            name: "lag and skew",
            skew: Duration::from_mins(5),
            drift: 200,
            lag: Duration::from_secs(30),
            stamp_delay: Duration::from_secs(3),
            times: ANY_FORM,
            unordered: true,
            concurrent: true,
            immediate: false,
            strict: false,
            ..Self::KIND
        },
        Self {
            name: "levels",
            levels: true,
            ..Self::KIND
        },
        Self {
            name: "levels and lag",
            lag: Duration::from_secs(30),
            levels: true,
            unordered: true,
            concurrent: true,
            immediate: false,
            strict: false,
            ..Self::KIND
        },
        Self {
            name: "outages",
            outages: true,
            faults: true,
            unordered: true,
            concurrent: true,
            immediate: false,
            strict: false,
            bound: AFTER_OUTAGE,
            ..Self::KIND
        },
        Self {
            name: "lost",
            lossy: true,
            unordered: true,
            concurrent: true,
            longest_wait: MONTHS,
            immediate: false,
            strict: false,
            bound: SWEPT,
            ..Self::KIND
        },
        Self {
            name: "strangers",
            strangers: true,
            unordered: true,
            concurrent: true,
            immediate: false,
            strict: false,
            bound: SWEPT,
            ..Self::KIND
        },
        Self {
            name: "sparse",
            sparse: true,
            unordered: true,
            concurrent: true,
            immediate: false,
            strict: false,
            bound: SWEPT,
            ..Self::KIND
        },
        Self {
            name: "storm",
            jitter: true,
            skew: Duration::from_mins(5),
            drift: 200,
            lag: Duration::from_secs(30),
            stamp_delay: Duration::from_secs(3),
            times: ANY_FORM,
            levels: true,
            unordered: true,
            lossy: true,
            outages: true,
            faults: true,
            strangers: true,
            sparse: true,
            concurrent: true,
            longest_wait: MONTHS,
            immediate: false,
            strict: false,
            bound: SWEPT,
            ..Self::KIND
        },
    ];

    /// Returns the world of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|world| world.name == name)
    }
}
