//! The moves of the worlds: all that may happen to an applicant of the simulator's model. Pure.

use sumsub_simulator::model::{
    Action, Applicant, ApplicantType, Details, Event, Moment, ReviewResult, ReviewStatus,
    Submission,
};

use crate::world::World;

/// The levels of the provider's account. The first two approve.
pub(crate) const LEVELS: [&str; 4] = [
    "basic-kyc-level",
    "old-kyc-level",
    "workflow-first-level",
    "extra-level",
];

/// The number of levels that approve.
pub(crate) const APPROVING: usize = 2;

/// The level of the first step of a workflow, whose last level is the first of all.
const FIRST_OF_WORKFLOW: &str = LEVELS[2];

/// The result of a completed review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Green,
    Retry,
    Final,
    /// RED with a reject type that nobody knows.
    Odd,
}

impl Answer {
    /// Returns the result of a completed review. `None` before.
    pub(crate) fn of(applicant: &Applicant) -> Option<Self> {
        if applicant.review.status != ReviewStatus::Completed {
            return None;
        }
        let result = applicant.review.result.as_ref()?;
        let reject_type = result.review_reject_type.as_deref();
        Some(match (result.review_answer.as_str(), reject_type) {
            ("GREEN", _) => Self::Green,
            (_, Some("RETRY")) => Self::Retry,
            (_, Some("FINAL")) => Self::Final,
            _ => Self::Odd,
        })
    }

    fn result(self) -> ReviewResult {
        match self {
            Self::Green => ReviewResult::green(),
            Self::Retry => ReviewResult::red("RETRY"),
            Self::Final => ReviewResult::red("FINAL"),
            Self::Odd => ReviewResult::red("EXTERNAL"),
        }
    }
}

/// Something that happens to an applicant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    Submit,
    /// A pause of the review, by the status that it has then.
    Pause(ReviewStatus),
    Decide(Answer),
    Reset,
    ResetSteps,
    ChangeLevel(usize),
    Rename,
    Deactivate,
    Activate,
    Erase,
    ErasePersonalData,
    /// Something about another flow of the same applicant.
    Irrelevant,
}

impl Move {
    /// Returns everything that may happen next to an applicant, the likely more than once.
    pub(crate) fn possible(applicant: &Applicant, world: &World) -> Vec<Self> {
        use Move::{
            Activate, ChangeLevel, Deactivate, Decide, Erase, ErasePersonalData, Irrelevant, Pause,
            Rename, Reset, ResetSteps, Submit,
        };
        if applicant.deleted {
            return vec![];
        }
        if applicant.deactivated {
            return vec![Activate, Activate, Erase];
        }
        let answer = Answer::of(applicant);
        let mut moves = match (applicant.review.status, answer) {
            (ReviewStatus::Init, _) => vec![Submit, Submit, Submit, Submit],
            (_, Some(Answer::Green)) => vec![
                Reset,
                ResetSteps,
                Decide(Answer::Final),
                Decide(Answer::Retry),
                Pause(ReviewStatus::OnHold),
                Rename,
                Rename,
            ],
            (_, Some(Answer::Final)) => vec![Reset, Decide(Answer::Green), Irrelevant],
            (_, Some(_)) => vec![Submit, Submit, Submit, Decide(Answer::Green), Reset],
            (_, None) => vec![
                Decide(Answer::Green),
                Decide(Answer::Green),
                Decide(Answer::Green),
                Decide(Answer::Retry),
                Decide(Answer::Final),
                Decide(Answer::Final),
                Decide(Answer::Odd),
                Pause(ReviewStatus::Prechecked),
                Pause(ReviewStatus::OnHold),
                Pause(ReviewStatus::AwaitingUser),
                Pause(ReviewStatus::AwaitingService),
                Reset,
                Irrelevant,
            ],
        };
        if world.several_applicants {
            moves.extend([Deactivate, Erase, ErasePersonalData]);
            if answer == Some(Answer::Final) {
                moves.extend([Deactivate; 4]);
            }
        }
        if world.levels {
            moves.extend([0, 1, 3].map(ChangeLevel));
            if applicant.level == FIRST_OF_WORKFLOW && answer == Some(Answer::Green) {
                moves.extend([ChangeLevel(0); 4]);
            }
        }
        moves
    }

    /// Makes it happen at `at`. `number` makes comments and names unique. Returns the events that tell of it.
    pub(crate) fn happen(self, applicant: &mut Applicant, at: i64, number: usize) -> Vec<Event> {
        let mut actions = vec![self.action(number)];
        if matches!(self, Self::Decide(_)) && number.is_multiple_of(7) {
            actions.push(Action::FinishWorkflow);
        }
        let apply = |action| unkindly(applicant, action, Moment::from_millis(at));
        actions.into_iter().filter_map(apply).collect()
    }

    fn action(self, number: usize) -> Action {
        let jane = Details {
            first_name: Some(format!("Jane {number}")),
            ..Details::default()
        };
        match self {
            Self::Submit => Action::Submit(Submission {
                details: jane,
                ..Submission::default()
            }),
            Self::Pause(status) => Action::Status(status),
            Self::Decide(answer) => {
                let is_explained = answer != Answer::Green && !number.is_multiple_of(5);
                Action::Review(ReviewResult {
                    moderation_comment: is_explained.then(|| format!("Comment {number}.")),
                    client_comment: is_explained.then(|| "on a list".to_owned()),
                    ..answer.result()
                })
            }
            Self::Reset => Action::Reset,
            Self::ResetSteps => Action::ResetSteps,
            Self::ChangeLevel(level) => Action::Level(LEVELS[level].to_owned()),
            Self::Rename => Action::Correct(jane),
            Self::Deactivate => Action::Deactivate,
            Self::Activate => Action::Activate,
            Self::Erase => Action::Delete,
            Self::ErasePersonalData => Action::DeletePersonalData,
            Self::Irrelevant => Action::ReviewAction(ReviewResult::green()),
        }
    }
}

/// Applies an action. Unlike in the simulator, any verdict and its date ride on whatever takes them back, not only a GREEN, and a
/// GREEN rides on what comes before the first: which of them the real provider leaves is documented by samples only.
fn unkindly(applicant: &mut Applicant, action: Action, at: Moment) -> Option<Event> {
    let before = applicant.review.clone();
    let event = applicant.apply(action, at, &LEVELS.map(str::to_owned));
    let mut event = event.unwrap();
    let review = &mut applicant.review;
    review.decided = review.decided.or(before.decided);
    let stale = before.result.unwrap_or_else(ReviewResult::green);
    review.result.get_or_insert(stale);
    if let Some(event) = &mut event {
        let shown = review.result.clone();
        event.review_result = event.review_result.take().or(shown);
    }
    event
}

/// Returns whether a GREEN of the present review approves.
pub(crate) fn is_about_approval(applicant: &Applicant) -> bool {
    let is_person = applicant.applicant_type == ApplicantType::Individual;
    is_person && LEVELS[..APPROVING].contains(&applicant.level.as_str())
}
