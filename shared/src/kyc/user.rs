//! The user object.

use std::time::Duration;

use super::{ApplicantId, DocumentsRead, Name, Review, Step, Timestamp, UserId};

/// How soon after the last look the provider is asked again, at the earliest.
const FIRST_WAIT: Duration = Duration::from_mins(10);
/// What a due time is rounded up to: how often the schedule comes round. A user who is polled would otherwise change places
/// in the index with every poll.
const GRAIN: Duration = Duration::from_mins(5);

/// How long something is awaited, and how much of the time that was waited already may pass until the next look.
struct Patience {
    awaited_for: Duration,
    part: u32,
}

/// For a result.
const RESULT: Patience = Patience {
    awaited_for: Duration::from_hours(30 * 24),
    part: 8,
};

/// For a user who opened a session and submitted nothing, as far as we know. Most of them just went away.
const SUBMISSION: Patience = Patience {
    awaited_for: Duration::from_hours(24),
    part: 2,
};

/// A user and where their verification and onboarding stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Where the verification stands.
    pub review: Review,
    /// The moment of the observation that `review` comes from; none before the first.
    pub observed_at: Option<Timestamp>,
    /// The provider's id of the user; none before verification started and after an erasure.
    pub applicant: Option<ApplicantId>,
    /// When verification was started.
    pub started_at: Option<Timestamp>,
    /// When the provider last erased the person. What was observed before that brings no personal data back.
    pub erased_at: Option<Timestamp>,
    /// When the provider last said that the person's data changed. A name that was read before that is not used.
    pub renamed_at: Option<Timestamp>,
    /// Where the onboarding stands.
    pub step: Step,
    /// The documents as they were last read.
    pub documents: Option<DocumentsRead>,
    /// When a session of the provider's SDK was last opened.
    pub session_at: Option<Timestamp>,
    /// When a reconciliation last looked at the user, whether or not it learned anything.
    pub checked_at: Option<Timestamp>,
    /// How often the user was stored; 0 for one that never was. Writes are conditional on it.
    pub version: u64,
}

impl User {
    /// A user of whom nothing is known yet.
    #[must_use]
    pub fn new(id: UserId, step: Step) -> Self {
        Self {
            id,
            review: Review::Pending,
            observed_at: None,
            applicant: None,
            started_at: None,
            erased_at: None,
            renamed_at: None,
            step,
            documents: None,
            session_at: None,
            checked_at: None,
            version: 0,
        }
    }

    /// The name, of approved users only.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.review.name()
    }

    /// Whether the name is to be read from the provider: the user is approved, and was not erased there.
    #[must_use]
    pub fn lacks_name(&self) -> bool {
        matches!(self.review, Review::Approved { name: None, .. }) && self.applicant.is_some()
    }

    /// When the provider is to be asked what became of the user, unless it tells before; none while nothing is awaited.
    ///
    /// Awaited are the verdict of a review that is under way, the start of one after a session was opened, and the name of an
    /// approved user. The provider is asked 10 minutes after the last look, later after an eighth of the time that was waited
    /// already (half of it while nothing was submitted): a lost webhook costs minutes, and a review of days some sixty requests.
    /// After 30 days, or a day without any sign that the user submitted something, nothing is awaited any more.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        let patience = match &self.review {
            Review::InProgress => RESULT,
            Review::Approved { .. } if self.lacks_name() => RESULT,
            Review::Pending | Review::Retry { .. } if self.session_at.is_some() => SUBMISSION,
            Review::Pending
            | Review::Retry { .. }
            | Review::Approved { .. }
            | Review::Rejected { .. } => return None,
        };
        let looked = self.observed_at.max(self.session_at).max(self.checked_at)?;
        let began = self
            .session_at
            .max(self.started_at)
            .max(self.review.verified_at());
        let began = began.unwrap_or(looked).min(looked);
        let wait = FIRST_WAIT.max(looked.since(began) / patience.part);
        let due = looked.plus(wait).rounded_up_to(GRAIN);
        (due <= began.plus(patience.awaited_for)).then_some(due)
    }

    /// The user with documents that were read, unless later ones are stored or the person was erased since.
    #[must_use]
    pub fn with_documents(mut self, read: DocumentsRead) -> Self {
        let is_older = |other: &DocumentsRead| read.read_at < other.read_at;
        if self.erased_at < Some(read.read_at) && !self.documents.as_ref().is_some_and(is_older) {
            self.documents = Some(read);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kyc::Reason;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn user(review: Review) -> User {
        let user = User::new(
            UserId::parse("usr_abc123").unwrap(),
            Step::kyc_verification(),
        );
        User {
            review,
            applicant: ApplicantId::parse("a").ok(),
            ..user
        }
    }

    fn due(user: &User) -> Option<i64> {
        user.due_at().map(Timestamp::millis)
    }

    #[test]
    fn nothing_is_awaited_of_most_users() {
        let reason = || Reason::unexplained_retry();
        assert_eq!(due(&user(Review::Pending)), None);
        for review in [
            Review::Pending,
            Review::Retry { reason: reason() },
            Review::Rejected {
                at: at(0),
                reason: reason(),
            },
        ] {
            assert_eq!(
                due(&User {
                    observed_at: Some(at(0)),
                    ..user(review)
                }),
                None
            );
        }
        let erased = User {
            applicant: None,
            ..user(Review::Approved {
                at: at(0),
                name: None,
            })
        };
        assert_eq!(
            due(&User {
                observed_at: Some(at(0)),
                ..erased
            }),
            None
        );
    }

    #[test]
    fn a_session_and_a_review_and_a_name_are_awaited() {
        let session = User {
            session_at: Some(at(0)),
            ..user(Review::Pending)
        };
        assert_eq!(due(&session), Some(10 * MINUTE));
        let review = User {
            observed_at: Some(at(MINUTE)),
            ..user(Review::InProgress)
        };
        assert_eq!(
            due(&review),
            Some(15 * MINUTE),
            "the schedule comes round then"
        );
        let unnamed = user(Review::Approved {
            at: at(0),
            name: None,
        });
        assert_eq!(
            due(&User {
                observed_at: Some(at(0)),
                ..unnamed
            }),
            Some(10 * MINUTE)
        );
    }

    #[test]
    fn a_look_puts_the_next_one_off_and_the_longer_the_wait_the_further() {
        let review = User {
            session_at: Some(at(0)),
            observed_at: Some(at(MINUTE)),
            ..user(Review::InProgress)
        };
        let looked = |time| {
            due(&User {
                checked_at: Some(at(time)),
                ..review.clone()
            })
        };
        assert_eq!(looked(20 * MINUTE), Some(30 * MINUTE));
        assert_eq!(looked(16 * HOUR), Some(18 * HOUR));
        assert_eq!(looked(26 * DAY), Some(29 * DAY + 6 * HOUR));
        // A poll a few seconds later leaves the user in their place.
        assert_eq!(looked(20 * MINUTE - 9_000), Some(30 * MINUTE));
        assert_eq!(looked(27 * DAY), None);
    }

    #[test]
    fn an_abandoned_session_is_given_up_after_a_day() {
        let session = User {
            session_at: Some(at(0)),
            ..user(Review::Pending)
        };
        let looked = |time| {
            due(&User {
                checked_at: Some(at(time)),
                ..session.clone()
            })
        };
        assert_eq!(looked(16 * HOUR), Some(24 * HOUR));
        assert_eq!(looked(17 * HOUR), None);
    }
}
