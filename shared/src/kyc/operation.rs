//! Changes that operators ask for: people of support and compliance, and the services of other onboarding steps.
//!
//! None of them touches the review: that is the provider's.

use super::transition::advanced;
use super::{Personal, Policy, Step, Timestamp, User};

/// A caller or a justification that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be {0}")]
pub struct InvalidOperation(&'static str);

/// An operator, by the ARN of their role's session or user in IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(String);

impl Caller {
    /// Accepts an ARN.
    ///
    /// # Errors
    /// [`InvalidOperation`] for anything else.
    pub fn parse(arn: &str) -> Result<Self, InvalidOperation> {
        // An ARN of IAM has no blanks (IAM User Guide, "IAM identifiers"), and is at most 2,048 characters long.
        let is_arn = arn.starts_with("arn:") && arn.len() <= 2048;
        if is_arn && arn.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(arn.to_owned()))
        } else {
            Err(InvalidOperation("an ARN"))
        }
    }

    /// Returns the ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An operator's words on why a change is made. They may be about the person, so that nothing but the history shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Justification(Personal);

impl Justification {
    const MAX_CHARS: usize = 500;

    /// Accepts a text of 1 to 500 characters that are not all blank, without control characters.
    ///
    /// # Errors
    /// [`InvalidOperation`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidOperation> {
        let text = text.trim();
        let is_sound = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        if is_sound && !text.chars().any(char::is_control) {
            Ok(Self(Personal::new(text)))
        } else {
            Err(InvalidOperation("a text of 1 to 500 characters"))
        }
    }

    /// Returns the words.
    #[must_use]
    pub fn text(&self) -> &Personal {
        &self.0
    }
}

/// An operator's request for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The operator.
    pub caller: Caller,
    /// Their words. `None` where the call itself says why.
    pub justification: Option<Justification>,
}

impl Operation {
    /// Returns the cause of the change that the operation makes, by a word for it.
    #[must_use]
    pub fn cause<'a>(&'a self, word: &'a str) -> Cause<'a> {
        Cause {
            word,
            operation: Some(self),
        }
    }
}

/// The cause of a change, for the history.
#[derive(Debug, Clone, Copy)]
pub struct Cause<'a> {
    /// A word, which events tell too.
    pub word: &'a str,
    /// The operation, if an operator asked for the change.
    pub operation: Option<&'a Operation>,
}

impl<'a> From<&'a str> for Cause<'a> {
    fn from(word: &'a str) -> Self {
        Self {
            word,
            operation: None,
        }
    }
}

/// A wish to put a user on an onboarding step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepChange {
    /// The step to put the user on.
    pub step: Step,
    /// The step that the user must stand on. `None`: any.
    pub if_step: Option<Step>,
    /// True if the user may be put back.
    pub forced: bool,
}

/// A wish for a step that does not go with the step that the user stands on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the user stands on {present}")]
pub struct StepConflict {
    /// The step that the user stands on.
    pub present: Step,
}

/// Puts a user on an onboarding step, and so registers them: their name is read once they are approved.
///
/// | Present step | Result |
/// |---|---|
/// | is where the change leads already | as it is, so that a request may be repeated |
/// | is not `if_step` | [`StepConflict`] |
/// | comes before | the step; an approved user put on `kyc_verification` moves on at once |
/// | comes after, or is not configured any more | [`StepConflict`], unless forced |
///
/// # Errors
/// [`StepConflict`] with the present step; nothing changes.
pub fn apply_step(
    user: &User,
    change: &StepChange,
    now: Timestamp,
    policy: &Policy,
) -> Result<User, StepConflict> {
    let moved = User {
        step: change.step.clone(),
        registered_at: user.registered_at.or(Some(now)),
        waiting_since: user.waiting_since.or(Some(now)),
        ..user.clone()
    };
    let next = advanced(moved, policy);
    let is_there = next.step == user.step;
    let is_expected = change
        .if_step
        .as_ref()
        .is_none_or(|step| *step == user.step);
    let is_ahead = policy.onboarding.is_ahead(&user.step, &change.step);
    if is_there || is_expected && (is_ahead || change.forced) {
        Ok(next)
    } else {
        Err(StepConflict {
            present: user.step.clone(),
        })
    }
}

/// Keeps a user out of everything that needs a verified identity, whatever the provider says, until [`apply_unblock`]. Status and
/// details stay what the provider says.
#[must_use]
pub fn apply_block(user: &User, now: Timestamp) -> User {
    User {
        blocked_since: user.blocked_since.or(Some(now)),
        // Somebody blocked before they ever came is known from now on.
        waiting_since: user.waiting_since.or(Some(now)),
        ..user.clone()
    }
}

/// Lifts a block.
#[must_use]
pub fn apply_unblock(user: &User) -> User {
    User {
        blocked_since: None,
        ..user.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kyc::{ApprovalLevels, Onboarding, ProviderTime, Review, ReviewSchedule, UserId};

    fn policy() -> Policy {
        Policy {
            onboarding: Onboarding::parse("phone_verification,kyc_verification,open_banking")
                .unwrap(),
            approval_levels: ApprovalLevels::parse("basic").unwrap(),
            schedule: ReviewSchedule::sweeping_after(24),
        }
    }

    fn on(step: &str) -> User {
        User::new(UserId::parse("u").unwrap(), Step::new(step))
    }

    fn approved(step: &str) -> User {
        User {
            review: Review::Approved {
                at: ProviderTime::from_millis(1),
                name: None,
            },
            ..on(step)
        }
    }

    fn change(step: &str, if_step: Option<&str>, forced: bool) -> StepChange {
        StepChange {
            step: Step::new(step),
            if_step: if_step.map(Step::new),
            forced,
        }
    }

    /// Returns the step afterwards, or the present one with a question mark if the change is refused.
    fn set(user: &User, change: &StepChange) -> String {
        match apply_step(user, change, Timestamp::from_millis(5), &policy()) {
            Ok(next) => next.step.to_string(),
            Err(StepConflict { present }) => format!("{present}?"),
        }
    }

    #[test]
    fn steps_go_on_and_never_back_unless_forced() {
        const PHONE: &str = "phone_verification";
        const KYC: &str = "kyc_verification";
        let cases = [
            (PHONE, change(KYC, None, false), KYC),
            (PHONE, change(KYC, Some(PHONE), false), KYC),
            (
                PHONE,
                change(KYC, Some("open_banking"), false),
                "phone_verification?",
            ),
            (KYC, change(KYC, Some(PHONE), false), KYC),
            (KYC, change(PHONE, None, false), "kyc_verification?"),
            (KYC, change(PHONE, None, true), PHONE),
            (
                KYC,
                change(PHONE, Some("open_banking"), true),
                "kyc_verification?",
            ),
            (PHONE, change("complete", None, false), "complete"),
            ("complete", change(PHONE, None, false), "complete?"),
            ("retired", change(KYC, None, false), "retired?"),
            ("retired", change(KYC, None, true), KYC),
        ];
        for (from, change, expected) in cases {
            assert_eq!(set(&on(from), &change), expected, "{from} {change:?}");
        }
    }

    #[test]
    fn an_approved_user_moves_on_at_once_and_the_request_may_be_repeated() {
        let wish = change("kyc_verification", Some("phone_verification"), false);
        assert_eq!(set(&approved("phone_verification"), &wish), "open_banking");
        assert_eq!(set(&approved("open_banking"), &wish), "open_banking");
        assert_eq!(set(&approved("complete"), &wish), "complete?");
    }

    #[test]
    fn a_user_put_on_a_step_is_one_of_ours() {
        let next = apply_step(
            &on("phone_verification"),
            &change("kyc_verification", None, false),
            Timestamp::from_millis(5),
            &policy(),
        );
        let next = next.unwrap();
        assert!(next.is_ours());
        assert_eq!(next.check(), Ok(()));
    }

    #[test]
    fn a_block_stays_as_it_began_until_it_is_lifted() {
        let first = apply_block(&approved("open_banking"), Timestamp::from_millis(1));
        let again = apply_block(&first, Timestamp::from_millis(2));
        assert_eq!(again, first);
        assert_eq!(first.review, approved("open_banking").review);
        assert_eq!(apply_unblock(&first).blocked_since, None);
    }

    #[test]
    fn words_on_a_change_are_bounded_and_never_printed() {
        for wrong in ["", " \t", "a\nb", &"x".repeat(501)] {
            assert!(Justification::parse(wrong).is_err(), "{wrong:?}");
        }
        let words = Justification::parse(" Canary Name called ").unwrap();
        assert_eq!(words.text().reveal(), "Canary Name called");
        assert!(!format!("{words:?}").contains("Canary"));
        for wrong in ["", "alice", "arn:a b", &format!("arn:{}", "x".repeat(2048))] {
            assert!(Caller::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
