//! Changes that operators ask for: people of support and compliance, and the services of other onboarding steps.
//!
//! None of them changes a verdict: that is the provider's.

use super::transition::{advanced, reviewed, unlinked, without_return_of};
use super::{ApplicantId, Personal, Policy, Step, Timestamp, User, UserId};

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
pub(crate) fn apply_step(
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

/// A user of another backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedUser {
    /// The user's id, which the provider must know the applicant by.
    pub id: UserId,
    /// The onboarding step that they stand on.
    pub step: Step,
    /// Their applicant, if it is known.
    pub applicant: Option<ApplicantId>,
}

/// Takes over a user of another backend: registers them, and has the provider read, which alone says what their verdict is. What is
/// known here is newer: a step that was reached and an applicant that was seen stay. Done again, it changes nothing.
#[must_use]
pub(crate) fn apply_import(
    user: &User,
    imported: &ImportedUser,
    now: Timestamp,
    policy: &Policy,
) -> User {
    let is_read = user.applicant.is_some() || user.checked_at.is_some();
    if user.registered_at.is_some() && (is_read || user.unread_since.is_some()) {
        return user.clone();
    }
    let is_ahead = policy.onboarding.is_ahead(&user.step, &imported.step);
    let linked = imported.applicant.as_ref();
    let linked = linked.filter(|applicant| !user.has_erased(applicant));
    let next = User {
        step: if is_ahead { &imported.step } else { &user.step }.clone(),
        applicant: user.applicant.as_ref().or(linked).cloned(),
        registered_at: user.registered_at.or(Some(now)),
        unread_since: Some(now),
        waiting_since: user.waiting_since.or(Some(now)),
        ..user.clone()
    };
    advanced(next, policy)
}

/// Keeps a user out of everything that needs a verified identity, whatever the provider says, until [`apply_unblock`]. Status and
/// details stay what the provider says.
#[must_use]
pub(crate) fn apply_block(user: &User, now: Timestamp) -> User {
    User {
        blocked_since: user.blocked_since.or(Some(now)),
        // Somebody blocked before they ever came is known from now on.
        waiting_since: user.waiting_since.or(Some(now)),
        ..user.clone()
    }
}

/// Lifts a block.
#[must_use]
pub(crate) fn apply_unblock(user: &User) -> User {
    User {
        blocked_since: None,
        ..user.clone()
    }
}

/// Erases a person at their own request (GDPR, Art. 17): name, reason, documents and the link to the applicant go, and with the sessions
/// the right to read a name, until the person comes back. A verdict and its date stay, and so do onboarding and block. No event and no
/// read brings the applicant back, nor the one that the provider has `at_provider` for the user now.
#[must_use]
pub(crate) fn apply_erasure(
    user: &User,
    at_provider: Option<&ApplicantId>,
    now: Timestamp,
) -> User {
    let erased = user.applicant.iter().chain(at_provider);
    let next = erased.fold(user.clone(), without_return_of);
    User {
        session_at: None,
        registered_at: None,
        unread_since: None,
        doubt: None,
        ..forgotten(next, now)
    }
}

/// Erases again what an erasure of the `applicant` took, in a user of before it, whom a backup or a late event brought back.
#[must_use]
pub(crate) fn apply_registered_erasure(
    user: &User,
    applicant: &ApplicantId,
    now: Timestamp,
) -> User {
    let next = without_return_of(user.clone(), applicant);
    if user.applicant.as_ref() == Some(applicant) {
        forgotten(next, now)
    } else {
        next
    }
}

fn forgotten(user: User, now: Timestamp) -> User {
    let review = user.review.clone().of_erased();
    let next = User {
        review: user.review.clone().without_name(),
        ..unlinked(user)
    };
    reviewed(next, review, now)
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
    fn an_import_registers_and_overwrites_nothing() {
        let now = Timestamp::from_millis(5);
        let imported = |step: &str| ImportedUser {
            id: UserId::parse("u").unwrap(),
            step: Step::new(step),
            applicant: ApplicantId::parse("a").ok(),
        };
        let import = |user: &User, step: &str| apply_import(user, &imported(step), now, &policy());
        let new = import(&on("phone_verification"), "kyc_verification");
        assert_eq!(new.check(), Ok(()));
        assert!(new.is_ours());
        assert_eq!(new.step, Step::kyc_verification());
        assert_eq!(new.applicant, ApplicantId::parse("a").ok());
        assert_eq!(new.unread_since, Some(now));
        assert_eq!(import(&new, "open_banking"), new);

        // A webhook was faster.
        let known = User {
            applicant: ApplicantId::parse("b").ok(),
            ..approved("open_banking")
        };
        let after = import(&known, "phone_verification");
        let kept = (&after.step, &after.applicant, &after.review);
        assert_eq!(kept, (&known.step, &known.applicant, &known.review));
        let erased = apply_erasure(&new, None, now);
        assert_eq!(import(&erased, "complete").applicant, None);

        // Registered by another service, and never read.
        let registered =
            User::registered(UserId::parse("u").unwrap(), Step::new("open_banking"), now);
        let after = import(&registered, "kyc_verification");
        assert_eq!(
            (&after.step, after.unread_since),
            (&registered.step, Some(now))
        );
        let read = User {
            unread_since: None,
            checked_at: Some(now),
            ..after
        };
        assert_eq!(import(&read, "kyc_verification"), read);
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
