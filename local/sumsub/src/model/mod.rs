//! The provider's applicants as a pure model, without I/O, clock or randomness. The simulator serves it; proofs drive it directly.
//!
//! [`Account::apply`] changes an account and returns the events that webhooks report. Times and ids are arguments. An account is a
//! value: a clone answers reads as of an earlier moment, as a replica does that lags behind.

mod applicant;
mod event;
mod read;
mod time;
mod transition;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

pub use self::applicant::{
    Applicant, ApplicantType, Details, Document, Person, Review, ReviewResult, ReviewStatus,
    Submission,
};
pub use self::event::Event;
pub(crate) use self::event::to_wire;
pub use self::time::Moment;

/// All applicants of one customer of the provider.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    /// The verification levels. Applicants get the first one unless another is named.
    #[serde(skip)]
    pub(crate) levels: Vec<String>,
    /// The time of the latest event. Times of events increase, also across a restart.
    last_event: Moment,
    /// The applicants of each external user id, oldest first.
    #[serde(deserialize_with = "one_or_several")]
    applicants: BTreeMap<String, Vec<Applicant>>,
}

/// The applicant of an action.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// The active applicant of an external user id. For an activation, the latest inactive one.
    User(&'a str),
    /// The applicant with an id of the provider.
    Applicant(&'a str),
}

/// Something that people do to an applicant.
pub enum Action {
    /// Open the SDK. Creates an applicant unless the user has an active one.
    Start {
        /// The verification level of a new applicant.
        level: Option<String>,
        /// The type of a new applicant.
        applicant_type: ApplicantType,
    },
    /// Submit details and documents. Creates an applicant unless the user has an active one.
    Submit(Submission),
    /// Decide on the submission.
    Review(ReviewResult),
    /// Move the review to another status before the verdict.
    Status(ReviewStatus),
    /// Take the review back to the start.
    Reset,
    /// Take some steps of the review back.
    ResetSteps,
    /// End a workflow with the verdict of its last level.
    FinishWorkflow,
    /// Decide about an applicant action: another flow, with an event that looks like a verdict.
    ReviewAction(ReviewResult),
    /// Correct the details.
    Correct(Details),
    /// Move the applicant to another level, with a new review.
    Level(String),
    /// Deactivate: the applicant stays, but acts as if it did not exist.
    Deactivate,
    /// Activate an inactive applicant again.
    Activate,
    /// Erase the person with the applicant.
    Delete,
    /// Erase the person, by another event.
    DeletePersonalData,
}

/// The ids of an applicant that an action may create.
pub struct ApplicantIds {
    /// The value of `id`.
    pub applicant: String,
    /// The value of `inspectionId`.
    pub inspection: String,
}

/// An applicant after an action, and the events of the action.
pub struct Change {
    /// The applicant after the last event.
    pub applicant: Applicant,
    /// The events, each in a millisecond of its own.
    pub events: Vec<Event>,
}

/// The reason why an action is not possible.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ActionError {
    /// The target does not exist.
    #[error("There is no such applicant.")]
    NoApplicant,
    /// The account does not have the level.
    #[error("There is no such level.")]
    UnknownLevel,
    /// The status only follows from a start, a reset or a review.
    #[error("This status is reached by a start, a reset or a review only.")]
    UnreachableStatus,
    /// There are no details to correct.
    #[error("The applicant has not submitted anything yet.")]
    NothingSubmitted,
    /// There is no verdict that a workflow could end with.
    #[error("The review has no verdict yet.")]
    NoVerdict,
    /// The user has another applicant that is active.
    #[error("The user has another active applicant.")]
    AlreadyActive,
}

impl Account {
    /// Creates an account without applicants.
    #[must_use]
    pub fn new(levels: Vec<String>) -> Self {
        Self {
            levels,
            last_event: Moment::default(),
            applicants: BTreeMap::new(),
        }
    }

    /// Returns the active applicant of an external user id.
    #[must_use]
    pub fn active(&self, user: &str) -> Option<&Applicant> {
        let mut applicants = self.applicants.get(user)?.iter();
        applicants.rfind(|applicant| applicant.is_active())
    }

    /// Returns the applicant with an id of the provider, also if it is inactive, unless the person was erased.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Applicant> {
        self.all()
            .find(|applicant| applicant.id == id && !applicant.deleted)
    }

    /// Returns all applicants, also of erased persons, by external user id and age.
    pub fn all(&self) -> impl Iterator<Item = &Applicant> {
        self.applicants.values().flatten()
    }

    /// Does something to an applicant at `now`, or right after the latest event if that is later.
    ///
    /// # Errors
    /// Fails without a change if the action is not possible.
    pub fn apply(
        &mut self,
        target: Target<'_>,
        action: Action,
        now: Moment,
        ids: &ApplicantIds,
    ) -> Result<Change, ActionError> {
        let now = now.max(self.last_event.after(1));
        let user = match target {
            Target::User(user) => user,
            Target::Applicant(id) => &self.by_id(id).ok_or(ActionError::NoApplicant)?.user,
        };
        let user = user.to_owned();
        if matches!(action, Action::Activate) && self.active(&user).is_some() {
            return Err(ActionError::AlreadyActive);
        }
        let concerns = |applicant: &Applicant| match (target, &action) {
            (Target::Applicant(id), _) if applicant.id != id => false,
            (_, Action::Activate) => applicant.deactivated && !applicant.deleted,
            (Target::Applicant(_), Action::Delete | Action::DeletePersonalData) => {
                !applicant.deleted
            }
            _ => applicant.is_active(),
        };
        let applicants = self.applicants.get(&user).map_or(&[][..], Vec::as_slice);
        let position = applicants.iter().rposition(concerns);
        let current = position.and_then(|position| applicants.get(position));
        let change = transition::apply(current.cloned(), &user, action, now, ids, &self.levels)?;

        let applicants = self.applicants.entry(user).or_default();
        match position.and_then(|position| applicants.get_mut(position)) {
            Some(current) => current.clone_from(&change.applicant),
            None => applicants.push(change.applicant.clone()),
        }
        if let Some(last) = change.events.last() {
            self.last_event = last.at;
        }
        Ok(change)
    }
}

/// Reads the applicants of a state file, which had a single applicant for each user once.
fn one_or_several<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<Applicant>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        One(Box<Applicant>),
        Several(Vec<Applicant>),
    }
    let stored = BTreeMap::<String, Stored>::deserialize(deserializer)?;
    let several = stored.into_iter().map(|(user, stored)| match stored {
        Stored::One(applicant) => (user, vec![*applicant]),
        Stored::Several(applicants) => (user, applicants),
    });
    Ok(several.collect())
}
