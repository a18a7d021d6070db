//! An applicant at the provider, and everything that may happen to one. Pure.

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
const FIRST_OF_WORKFLOW: usize = 2;

/// The result of a completed review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Green,
    Retry,
    Final,
    /// RED with a reject type that nobody knows.
    Odd,
}

/// The presence of an applicant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Active,
    Inactive,
    Erased,
}

/// An applicant at one moment. Times are the provider's, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applicant {
    pub(crate) id: String,
    /// The external user id.
    pub(crate) user: String,
    pub(crate) created_at: i64,
    pub(crate) is_company: bool,
    /// An index into [`LEVELS`].
    pub(crate) level: usize,
    pub(crate) status: &'static str,
    pub(crate) answer: Option<Answer>,
    pub(crate) comment: Option<String>,
    pub(crate) reviewed_at: Option<i64>,
    pub(crate) name: String,
    pub(crate) presence: Presence,
}

/// Something that happens to an applicant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    Submit,
    /// A pause of the review, by the status that it has then.
    Pause(&'static str),
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

impl Applicant {
    /// Returns whether a GREEN of the present review approves.
    pub(crate) fn is_about_approval(&self) -> bool {
        !self.is_company && self.level < APPROVING
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.status.starts_with("completed")
    }

    /// Returns whether the review is completed with `answer`.
    pub(crate) fn has(&self, answer: Answer) -> bool {
        self.is_completed() && self.answer == Some(answer)
    }

    /// Returns everything that may happen next, the likely more than once.
    pub(crate) fn moves(&self, several_applicants: bool, levels: bool) -> Vec<Move> {
        use Move::{
            Activate, ChangeLevel, Deactivate, Decide, Erase, ErasePersonalData, Irrelevant, Pause,
            Rename, Reset, ResetSteps, Submit,
        };
        if self.presence == Presence::Erased {
            return vec![];
        }
        if self.presence == Presence::Inactive {
            return vec![Activate, Activate, Erase];
        }
        let mut moves = match (self.status, self.answer) {
            ("init", _) => vec![Submit, Submit, Submit, Submit],
            ("completed", Some(Answer::Green)) => vec![
                Reset,
                ResetSteps,
                Decide(Answer::Final),
                Decide(Answer::Retry),
                Pause("onHold"),
                Rename,
                Rename,
            ],
            ("completed", Some(Answer::Final)) => vec![Reset, Decide(Answer::Green), Irrelevant],
            ("completed", _) => vec![Submit, Submit, Submit, Decide(Answer::Green), Reset],
            _ => vec![
                Decide(Answer::Green),
                Decide(Answer::Green),
                Decide(Answer::Green),
                Decide(Answer::Retry),
                Decide(Answer::Final),
                Decide(Answer::Final),
                Decide(Answer::Odd),
                Pause("prechecked"),
                Pause("onHold"),
                Pause("awaitingUser"),
                Pause("awaitingService"),
                Reset,
                Irrelevant,
            ],
        };
        if several_applicants {
            moves.extend([Deactivate, Erase, ErasePersonalData]);
            if self.has(Answer::Final) {
                moves.extend([Deactivate; 4]);
            }
        }
        if levels {
            moves.extend([0, 1, 3].map(ChangeLevel));
            if self.level == FIRST_OF_WORKFLOW && self.has(Answer::Green) {
                moves.extend([ChangeLevel(0); 4]);
            }
        }
        moves
    }

    /// Makes it happen at `at`. `number` makes comments and names unique. Returns the types of the events that tell of it.
    pub(crate) fn apply(&mut self, step: Move, at: i64, number: usize) -> Vec<&'static str> {
        match step {
            Move::Submit => {
                self.status = "pending";
                vec!["applicantPending"]
            }
            Move::Pause(status) => {
                self.status = status;
                vec![match status {
                    "prechecked" => "applicantPrechecked",
                    "onHold" => "applicantOnHold",
                    "awaitingUser" => "applicantAwaitingUser",
                    _ => "applicantAwaitingService",
                }]
            }
            Move::Decide(answer) => {
                self.status = "completed";
                self.answer = Some(answer);
                self.reviewed_at = Some(at);
                self.comment = (answer != Answer::Green && !number.is_multiple_of(5))
                    .then(|| format!("Comment {number}."));
                let mut kinds = vec!["applicantReviewed"];
                if number.is_multiple_of(7) {
                    kinds.push(match answer {
                        Answer::Green => "applicantWorkflowCompleted",
                        _ => "applicantWorkflowFailed",
                    });
                }
                kinds
            }
            // The answer that is taken back stays.
            Move::Reset | Move::ResetSteps => {
                self.status = "init";
                vec![match step {
                    Move::Reset => "applicantReset",
                    _ => "applicantStepsReset",
                }]
            }
            Move::ChangeLevel(level) => {
                self.level = level;
                self.status = "init";
                vec!["applicantLevelChanged"]
            }
            Move::Rename => {
                self.name = format!("Jane {number}");
                vec!["applicantPersonalInfoChanged"]
            }
            Move::Deactivate => {
                self.presence = Presence::Inactive;
                vec!["applicantDeactivated"]
            }
            Move::Activate => {
                self.presence = Presence::Active;
                vec!["applicantActivated"]
            }
            Move::Erase => {
                self.presence = Presence::Erased;
                vec!["applicantDeleted"]
            }
            Move::ErasePersonalData => {
                self.presence = Presence::Erased;
                vec!["applicantPersonalDataDeleted"]
            }
            Move::Irrelevant => vec!["applicantActionReviewed"],
        }
    }
}
