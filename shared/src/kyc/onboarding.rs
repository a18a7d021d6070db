//! Onboarding: the ordered steps of which verification is one.

use std::fmt;

/// The name of an onboarding step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step(String);

impl Step {
    const KYC: &str = "kyc_verification";
    const COMPLETE: &str = "complete";

    /// Makes a step from its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the step that an approval completes.
    #[must_use]
    pub fn kyc_verification() -> Self {
        Self::new(Self::KYC)
    }

    /// Returns the step of a user who has completed all others.
    #[must_use]
    pub fn complete() -> Self {
        Self::new(Self::COMPLETE)
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A list that cannot be the steps of an onboarding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSteps {
    /// Verification is not among them.
    #[error("kyc_verification is missing")]
    NoVerification,
    /// A step has no name, or the reserved one.
    #[error("a step is empty or named complete")]
    Name,
    /// A step occurs twice.
    #[error("a step occurs twice")]
    Twice,
}

/// The steps of the onboarding in their order, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onboarding {
    steps: Vec<Step>,
    first: Step,
    after_kyc: Step,
}

impl Onboarding {
    /// Reads names separated by commas.
    ///
    /// # Errors
    /// [`InvalidSteps`] when the list lacks `kyc_verification`, repeats a step or holds an empty or reserved name.
    pub fn parse(list: &str) -> Result<Self, InvalidSteps> {
        let steps: Vec<Step> = list.split(',').map(|name| Step::new(name.trim())).collect();
        if steps
            .iter()
            .any(|step| step.as_str().is_empty() || *step == Step::complete())
        {
            return Err(InvalidSteps::Name);
        }
        if steps
            .iter()
            .enumerate()
            .any(|(index, step)| steps.iter().skip(index + 1).any(|other| other == step))
        {
            return Err(InvalidSteps::Twice);
        }
        let mut rest = steps
            .iter()
            .skip_while(|step| **step != Step::kyc_verification());
        rest.next().ok_or(InvalidSteps::NoVerification)?;
        let after_kyc = rest.next().cloned().unwrap_or_else(Step::complete);
        let first = steps.first().cloned().ok_or(InvalidSteps::NoVerification)?;
        Ok(Self {
            steps,
            first,
            after_kyc,
        })
    }

    /// Returns the step on which a new user begins.
    #[must_use]
    pub fn first(&self) -> &Step {
        &self.first
    }

    /// Returns the step that an approval leads to from `kyc_verification`. Returns `None` for any other step.
    #[must_use]
    pub(crate) fn after_approval(&self, step: &Step) -> Option<&Step> {
        (*step == Step::kyc_verification()).then_some(&self.after_kyc)
    }

    /// Returns the step of this name, `complete` included. Returns `None` if no step is named so.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<Step> {
        let step = Step::new(name);
        self.position(&step).map(|_| step)
    }

    /// Returns whether `to` comes after `from`. A step that is not configured any more comes neither before nor after another.
    #[must_use]
    pub(crate) fn is_ahead(&self, from: &Step, to: &Step) -> bool {
        match (self.position(from), self.position(to)) {
            (Some(from), Some(to)) => from < to,
            (None, _) | (_, None) => false,
        }
    }

    fn position(&self, step: &Step) -> Option<usize> {
        let mut steps = self.steps.iter();
        let position = steps.position(|known| known == step);
        position.or_else(|| (*step == Step::complete()).then_some(self.steps.len()))
    }

    /// Returns the steps in their order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_verification_step_is_advanced() {
        let onboarding =
            Onboarding::parse("phone_verification, kyc_verification ,open_banking").unwrap();
        assert_eq!(onboarding.first().as_str(), "phone_verification");
        assert_eq!(
            onboarding
                .after_approval(&Step::kyc_verification())
                .unwrap()
                .as_str(),
            "open_banking"
        );
        assert_eq!(
            onboarding.after_approval(&Step::new("phone_verification")),
            None
        );
        assert_eq!(onboarding.after_approval(&Step::complete()), None);
    }

    #[test]
    fn verification_may_be_the_only_step() {
        let onboarding = Onboarding::parse("kyc_verification").unwrap();
        assert_eq!(
            onboarding.after_approval(onboarding.first()),
            Some(&Step::complete())
        );
    }

    #[test]
    fn refuses_lists_that_make_no_onboarding() {
        assert_eq!(Onboarding::parse(""), Err(InvalidSteps::Name));
        assert_eq!(Onboarding::parse("a,b"), Err(InvalidSteps::NoVerification));
        assert_eq!(
            Onboarding::parse("a,kyc_verification,,b"),
            Err(InvalidSteps::Name)
        );
        assert_eq!(
            Onboarding::parse("kyc_verification,complete"),
            Err(InvalidSteps::Name)
        );
        assert_eq!(
            Onboarding::parse("kyc_verification,a,a"),
            Err(InvalidSteps::Twice)
        );
    }
}
