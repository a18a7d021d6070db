//! The pace at which users are checked at the provider without being asked for.

use std::time::Duration;

use super::{Timestamp, User};

/// The time after a hint during which a read may come from a replica that has not seen it yet.
pub const SETTLING: Duration = Duration::from_mins(1);

/// The time for which an applicant must be missing at the provider to count as erased.
pub(super) const MISSING_FOR: Duration = Duration::from_hours(24);

/// Minimum delay between two checks of a user in flight.
const FIRST_CHECK: Duration = Duration::from_mins(10);

/// The grain of due times: the interval of the schedule. Without it, each write would move the user in the index.
const GRAIN: Duration = Duration::from_mins(5);

/// Maximum delay between two checks of any user.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// The queues of users who are due for a check, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// Stored by a hint, or against one: the next read decides.
    Unsettled,
    /// A verdict, a submission or a name is awaited.
    InFlight,
    /// Nothing is awaited but the first read of those who were imported. The sweep finds verdicts whose webhook was lost.
    Decided,
}

impl Queue {
    /// All queues, most urgent first.
    pub const ALL: [Self; 3] = [Self::Unsettled, Self::InFlight, Self::Decided];

    /// Returns the name in the table and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsettled => "unsettled",
            Self::InFlight => "in_flight",
            Self::Decided => "decided",
        }
    }
}

/// The next check of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The queue that the user waits in.
    pub queue: Queue,
    /// The time of the check, at the earliest.
    pub at: Timestamp,
}

/// The rules by which users are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewSchedule {
    /// Delay of the first check of a user of whom nothing is awaited. `None` turns that sweep off.
    sweep_after: Option<Duration>,
}

impl ReviewSchedule {
    /// Makes a schedule that sweeps decided users `hours` after the decision, then ever more rarely, monthly at least. 0 turns
    /// the sweep off.
    #[must_use]
    pub fn sweeping_after(hours: u32) -> Self {
        let sweep_after = (hours > 0).then(|| Duration::from_hours(hours.into()).min(LONGEST));
        Self { sweep_after }
    }

    /// Returns the next check of a user. `None`: the user is not swept.
    ///
    /// | Queue | First check | Then after |
    /// |---|---|---|
    /// | unsettled | 1 minute after the hint | half of the time since the hint |
    /// | in flight, submitted | 10 minutes | an eighth of the time waited |
    /// | in flight, not submitted | 10 minutes | half of the time waited |
    /// | decided, imported and not read yet | at once | half of the time since the import |
    /// | decided | a day, or as configured | the time since the decision |
    ///
    /// No delay is longer than 30 days, and nobody is ever forgotten of whom anything may be at the provider
    /// (`User::has_begun`): whoever was only registered would cost a read a month, for nothing. A user whose applicant is missing is checked again after a day
    /// at most. The wait is counted from the last change of the user.
    #[must_use]
    pub fn due(&self, user: &User) -> Option<Due> {
        let waiting_since = user.waiting_since?;
        let since = match Awaited::of(user) {
            Awaited::FirstRead => user.unread_since.unwrap_or(waiting_since),
            _ => user.doubt.map_or(waiting_since, |doubt| doubt.since),
        };
        let checked = user.checked_at.max(Some(since)).unwrap_or(since);
        let waited = checked.since(since);
        let (queue, delay) = match Awaited::of(user) {
            Awaited::Confirmation => {
                return Some(Due {
                    queue: Queue::Unsettled,
                    at: checked.plus(SETTLING.max(waited / 2).min(LONGEST)),
                });
            }
            Awaited::Result => (Queue::InFlight, FIRST_CHECK.max(waited / 8)),
            Awaited::Submission => (Queue::InFlight, FIRST_CHECK.max(waited / 2)),
            // After everybody who is waiting: an import may be large.
            Awaited::FirstRead if waited.is_zero() => {
                return Some(Due {
                    queue: Queue::Decided,
                    at: checked,
                });
            }
            Awaited::FirstRead => (Queue::Decided, waited / 2),
            Awaited::Nothing if !user.has_begun() => return None,
            Awaited::Nothing => (Queue::Decided, self.sweep_after?.max(waited)),
        };
        let longest = match user.missing_since {
            Some(_) => MISSING_FOR,
            None => LONGEST,
        };
        Some(Due {
            queue,
            at: checked.plus(delay.min(longest)).rounded_up_to(GRAIN),
        })
    }
}

/// Returns the time after which a client that waits for a verdict may ask again. The user has waited for `waited`.
///
/// 3 s at first, as the contract allows, then 10 s for two minutes, in which most verdicts come, and at most a minute for those
/// that a person decides.
#[must_use]
pub(crate) fn next_poll(waited: Duration) -> Duration {
    const FIRST: Duration = Duration::from_secs(3);
    if waited < FIRST {
        FIRST
    } else {
        (waited / 12).clamp(Duration::from_secs(10), Duration::from_mins(1))
    }
}

/// The thing that is awaited of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A read of the provider that confirms the stored state.
    Confirmation,
    /// A verdict, or the name of an approved user.
    Result,
    /// A submission, after a session was opened. Most users who submit nothing just went away.
    Submission,
    /// The first read of a user who was imported.
    FirstRead,
    /// Nothing is awaited.
    Nothing,
}

impl Awaited {
    /// Returns the name in the calls of operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Result => "result",
            Self::Submission => "submission",
            Self::FirstRead => "first_read",
            Self::Nothing => "nothing",
        }
    }

    /// Returns what is awaited of a user.
    #[must_use]
    pub fn of(user: &User) -> Self {
        use super::Status::{Approved, InProgress, Pending, Rejected, Retry};
        if user.doubt.is_some() {
            return Self::Confirmation;
        }
        match user.review.status() {
            InProgress => Self::Result,
            Approved if user.lacks_name() => Self::Result,
            Pending | Retry if user.session_at.is_some() => Self::Submission,
            Pending | Retry | Approved | Rejected if user.unread_since.is_some() => Self::FirstRead,
            Pending | Retry | Approved | Rejected => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kyc::{
        ApplicantId, ApplicantType, ApprovalLevels, Confirmation, Doubt, EventEffect, EventTime,
        Hint, Level, Observation, Onboarding, Policy, ProviderTime, Reason, Review, Step, UserId,
        apply_hint, apply_missing, apply_read,
    };

    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);
    const DAY: Duration = Duration::from_hours(24);

    /// The beginning of each wait below: not on the grain.
    const START: Timestamp = Timestamp::from_millis(1_704_067_199_000);

    fn schedule() -> ReviewSchedule {
        ReviewSchedule::sweeping_after(24)
    }

    fn user(review: Review) -> User {
        let id = UserId::parse("usr_abc123").unwrap();
        User {
            review,
            applicant: ApplicantId::parse("65abc123def4560000000000").ok(),
            ..User::new(id, Step::kyc_verification()).with_session(START)
        }
    }

    fn rejected() -> Review {
        Review::Rejected {
            at: ProviderTime::from_millis(0),
            reason: Reason::unexplained_rejection(),
        }
    }

    fn in_doubt() -> User {
        User {
            doubt: Some(Doubt {
                since: START,
                ends_with: Confirmation::AgreeingRead,
            }),
            ..user(rejected())
        }
    }

    fn imported() -> User {
        User {
            unread_since: Some(START),
            ..user(rejected())
        }
    }

    /// Returns the time since the beginning of the wait at each of the next checks, none of which learns anything.
    fn checks(mut user: User, count: usize) -> Vec<Duration> {
        let mut checks = Vec::new();
        for _ in 0..count {
            let due = schedule().due(&user).unwrap();
            checks.push(due.at.since(START));
            user.checked_at = Some(due.at);
        }
        checks
    }

    /// Asserts that each check comes at its time, or up to the grain later.
    fn assert_checks(checks: &[Duration], expected: impl Fn(Option<Duration>) -> Duration) {
        let mut last = None;
        for check in checks {
            // Times are whole milliseconds.
            let earliest = expected(last).saturating_sub(Duration::from_millis(1));
            assert!(
                (earliest..earliest + GRAIN).contains(check),
                "{check:?} after {last:?}: {checks:?}"
            );
            last = Some(*check);
        }
    }

    #[test]
    fn a_client_asks_soon_at_first_and_then_less_often() {
        let after = |waited| next_poll(Duration::from_secs(waited)).as_secs();
        assert_eq!([0, 2, 3, 60, 120].map(after), [3, 3, 10, 10, 10]);
        assert_eq!([240, 720, 86_400].map(after), [20, 60, 60]);
    }

    /// The table in the documentation of [`ReviewSchedule::due`], row by row.
    #[test]
    fn the_documented_table_holds() {
        let mut rows = 0;
        let table = include_str!("schedule.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("/// | "))
            .skip(1);
        for row in table {
            let cells: Vec<&str> = row
                .trim_end_matches('|')
                .split('|')
                .map(str::trim)
                .collect();
            let (user, queue) = match cells[0] {
                "unsettled" => (in_doubt(), Queue::Unsettled),
                "in flight, submitted" => (user(Review::InProgress), Queue::InFlight),
                "in flight, not submitted" => (user(Review::Pending), Queue::InFlight),
                "decided" => (user(rejected()), Queue::Decided),
                "decided, imported and not read yet" => (imported(), Queue::Decided),
                _ => panic!("{row}"),
            };
            assert_eq!(schedule().due(&user).unwrap().queue, queue, "{row}");
            let first = match cells[1] {
                "1 minute after the hint" => MINUTE,
                "10 minutes" => 10 * MINUTE,
                "at once" => Duration::ZERO,
                "a day, or as configured" => DAY,
                _ => panic!("{row}"),
            };
            let part = match cells[2] {
                "half of the time since the hint"
                | "half of the time since the import"
                | "half of the time waited" => 2,
                "an eighth of the time waited" => 8,
                "the time since the decision" => 1,
                _ => panic!("{row}"),
            };
            let checks = checks(user, 40);
            assert_checks(&checks, |last| {
                last.map_or(first, |last| last + first.max(last / part).min(30 * DAY))
            });
            let longest = checks
                .windows(2)
                .map(|pair| pair[1].saturating_sub(pair[0]))
                .max();
            assert!(longest.unwrap() <= 30 * DAY + GRAIN);
            rows += 1;
        }
        assert_eq!(rows, 5);
    }

    fn policy() -> Policy {
        Policy {
            onboarding: Onboarding::parse("kyc_verification").unwrap(),
            approval_levels: ApprovalLevels::parse("basic").unwrap(),
            schedule: schedule(),
        }
    }

    fn seen(review: Review) -> Observation {
        Observation {
            applicant: ApplicantId::parse("65abc123def4560000000000").ok(),
            started_at: None,
            level: Level::parse("basic").ok(),
            applicant_type: Some(ApplicantType::Individual),
            reviewed_at: None,
            review,
            name: None,
        }
    }

    /// The verdict's webhook is lost, 31 or 40 days after the approval.
    #[test]
    fn an_uncertain_approval_is_checked_within_minutes() {
        for days in [31, 40] {
            let now = START.plus(days * DAY);
            let approved = user(Review::Approved {
                at: ProviderTime::from_millis(0),
                name: None,
            });
            let hint = Hint {
                applicant: approved.applicant.clone(),
                at: Some(EventTime::exact(ProviderTime::from_millis(now.millis()))),
                effect: EventEffect::Reviewed(seen(Review::InProgress)),
            };
            let held = apply_hint(&approved, &hint, now, &policy());
            assert_eq!(held.review, Review::InProgress);
            let confirmed = apply_read(
                &held,
                &seen(Review::InProgress),
                now.plus(MINUTE),
                &policy(),
            );
            assert_eq!(confirmed.doubt, None);
            for user in [held, confirmed] {
                let due = schedule().due(&user).unwrap();
                assert!(due.at.since(now) <= 15 * MINUTE, "{due:?}");
            }
        }
    }

    #[test]
    fn a_poll_does_not_take_anybody_out_of_the_schedule() {
        for days in [1, 27, 100] {
            let waiting = user(Review::InProgress);
            let now = START.plus(days * DAY);
            let last = now.plus(days * HOUR);
            let checked = User {
                checked_at: Some(now),
                ..waiting
            };
            let polled = apply_read(&checked, &seen(Review::InProgress), last, &policy());
            let due = schedule().due(&polled).unwrap();
            assert_eq!(due, schedule().due(&checked).unwrap());
            assert!(due.at.since(now) <= days * DAY / 8 + GRAIN);
        }
    }

    #[test]
    fn decided_users_are_swept_ever_more_rarely_but_monthly() {
        let checks = checks(user(rejected()), 40);
        let days: Vec<u64> = checks
            .iter()
            .map(|check| check.as_secs() / DAY.as_secs())
            .collect();
        assert_eq!(days[..8], [1, 2, 4, 8, 16, 32, 62, 92]);
        assert!(checks.last().unwrap() > &(2 * 365 * DAY), "for ever");
    }

    #[test]
    fn the_sweep_can_be_turned_off_and_nothing_else() {
        let off = ReviewSchedule::sweeping_after(0);
        assert_eq!(off.due(&user(rejected())), None);
        for user in [in_doubt(), user(Review::InProgress), user(Review::Pending)] {
            assert_eq!(off.due(&user), schedule().due(&user));
        }
        let slow = ReviewSchedule::sweeping_after(u32::MAX).due(&user(rejected()));
        assert!(
            slow.unwrap().at.since(START) <= 30 * DAY + GRAIN,
            "monthly at least"
        );
    }

    #[test]
    fn only_unsettled_users_are_due_off_the_grain() {
        let is_on_grain = |user: &User| {
            let due = schedule().due(user).unwrap();
            due.at == due.at.rounded_up_to(GRAIN)
        };
        assert!(!is_on_grain(&in_doubt()));
        for user in [
            user(Review::InProgress),
            user(Review::Pending),
            user(rejected()),
        ] {
            assert!(is_on_grain(&user));
        }
    }

    #[test]
    fn a_missing_applicant_is_checked_again_after_a_day() {
        let now = START.plus(300 * DAY);
        let swept = User {
            checked_at: Some(now),
            ..user(rejected())
        };
        assert_eq!(
            schedule().due(&swept).unwrap().at.since(now),
            30 * DAY + Duration::from_secs(1)
        );
        let missing = apply_missing(&swept, now, true);
        let due = schedule().due(&missing).unwrap();
        assert!((DAY..=DAY + GRAIN).contains(&due.at.since(now)));
        assert_eq!(apply_missing(&missing, due.at, true).applicant, None);
    }

    #[test]
    fn a_new_wait_begins_with_a_new_status() {
        let now = START.plus(300 * DAY);
        let swept = User {
            checked_at: Some(now),
            ..user(rejected())
        };
        let retry = Review::Retry {
            reason: Reason::unexplained_retry(),
        };
        let changed = apply_read(&swept, &seen(retry), now, &policy());
        assert!(schedule().due(&changed).unwrap().at.since(now) <= 10 * MINUTE + GRAIN);
    }

    #[test]
    fn nobody_is_read_before_anything_may_be_at_the_provider() {
        let id = UserId::parse("usr_abc123").unwrap();
        let new = User::new(id.clone(), Step::kyc_verification());
        assert_eq!(schedule().due(&new), None, "was never stored");
        let registered = User::registered(id, Step::kyc_verification(), START);
        assert_eq!(schedule().due(&registered), None);
        let imported = User {
            unread_since: Some(START),
            ..registered.clone()
        };
        let linked = User {
            applicant: ApplicantId::parse("65abc123def4560000000000").ok(),
            ..registered.clone()
        };
        let reset = User {
            reported_at: Some(ProviderTime::from_millis(0)),
            ..registered
        };
        for user in [imported, linked, reset] {
            assert_eq!(schedule().due(&user).unwrap().queue, Queue::Decided);
        }
    }

    proptest! {
        #[test]
        fn no_user_is_forgotten_and_none_is_due_at_once(
            status in proptest::sample::select(vec![0, 1, 2]),
            checked in proptest::option::of(0..i64::MAX / 4),
            doubt in proptest::option::of(0..i64::MAX / 4),
        ) {
            let stored = User {
                checked_at: checked.map(Timestamp::from_millis),
                doubt: doubt.map(|since| Doubt {
                    since: Timestamp::from_millis(since),
                    ends_with: Confirmation::SettledRead,
                }),
                ..user(match status {
                    0 => Review::Pending,
                    1 => Review::InProgress,
                    _ => rejected(),
                })
            };
            let due = schedule().due(&stored).unwrap();
            let last = stored.checked_at.max(Some(START)).max(doubt.map(Timestamp::from_millis));
            let delay = due.at.since(last.unwrap());
            prop_assert!(delay >= MINUTE || doubt.is_none() && delay >= 10 * MINUTE);
            prop_assert!(delay <= 30 * DAY + GRAIN);
        }
    }
}
