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
    /// Nothing is awaited. The sweep finds verdicts whose webhook was lost.
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
    /// | decided | a day, or as configured | the time since the decision |
    ///
    /// No delay is longer than 30 days, and nobody is ever forgotten. A user whose applicant is missing is checked again after a day
    /// at most. The wait is counted from the last change of the user.
    #[must_use]
    pub fn due(&self, user: &User) -> Option<Due> {
        let waiting_since = user.waiting_since?;
        if let Some(doubt) = &user.doubt {
            let checked = user
                .checked_at
                .max(Some(doubt.since))
                .unwrap_or(doubt.since);
            let delay = SETTLING.max(checked.since(doubt.since) / 2).min(LONGEST);
            return Some(Due {
                queue: Queue::Unsettled,
                at: checked.plus(delay),
            });
        }
        let checked = user
            .checked_at
            .max(Some(waiting_since))
            .unwrap_or(waiting_since);
        let waited = checked.since(waiting_since);
        let (queue, delay) = match Awaited::of(user) {
            Awaited::Result => (Queue::InFlight, FIRST_CHECK.max(waited / 8)),
            Awaited::Submission => (Queue::InFlight, FIRST_CHECK.max(waited / 2)),
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

/// The thing that a user in flight waits for.
enum Awaited {
    /// A verdict, or the name of an approved user.
    Result,
    /// A submission, after a session was opened. Most users who submit nothing just went away.
    Submission,
    /// Nothing.
    Nothing,
}

impl Awaited {
    fn of(user: &User) -> Self {
        use super::Status::{Approved, InProgress, Pending, Rejected, Retry};
        match user.review.status() {
            InProgress => Self::Result,
            Approved if user.lacks_name() => Self::Result,
            Pending | Retry if user.session_at.is_some() => Self::Submission,
            Pending | Retry | Approved | Rejected => Self::Nothing,
        }
    }
}
