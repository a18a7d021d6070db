//! The expected state of a user: a second, independent reading of the rules, from the provider's side.
//!
//! [`Observer`] sees each change at the provider in its order, and nothing else. Its state is what a user is stored as in a kind
//! world. Where deliveries are lost or late, the provider's present state does not always say what was known before an applicant
//! became inactive or went on to another level; [`compare`] then admits each state that the applicant was in.

use shared::kyc::{Review, Status, User};
use sumsub_simulator::model::{Applicant, ReviewStatus};

use crate::provider::Registry;
use crate::provider::applicant::{Answer, Move, is_about_approval};

const UNEXPLAINED_RETRY: &str =
    "Your verification could not be completed. Please check your documents and submit them again.";
const UNEXPLAINED_REJECTION: &str = "Your identity could not be verified.";

/// The verdict that an applicant's review is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Judged {
    status: Status,
    at: Option<i64>,
    reason: Option<String>,
}

fn judged(applicant: &Applicant) -> Judged {
    let second = applicant.review.decided.map(|at| at.seconds() * 1000);
    let reason = |unexplained: &str| comment(applicant).or(Some(unexplained.to_owned()));
    let (status, at, reason) = match (applicant.review.status, Answer::of(applicant)) {
        (ReviewStatus::Init, _) => (Status::Pending, None, None),
        (_, Some(Answer::Green)) if is_about_approval(applicant) => {
            (Status::Approved, second, None)
        }
        (_, Some(Answer::Retry | Answer::Odd)) => (Status::Retry, None, reason(UNEXPLAINED_RETRY)),
        (_, Some(Answer::Final)) => (Status::Rejected, second, reason(UNEXPLAINED_REJECTION)),
        _ => (Status::InProgress, None, None),
    };
    Judged { status, at, reason }
}

fn comment(applicant: &Applicant) -> Option<String> {
    applicant.review.result.as_ref()?.moderation_comment.clone()
}

fn name(applicant: &Applicant) -> Option<String> {
    let person = applicant.person.as_ref();
    person.map(|person| person.first_name.clone())
}

/// Returns whether a review says nothing against an approval that exists already.
fn is_aside(applicant: &Applicant) -> bool {
    matches!(Answer::of(applicant), None | Some(Answer::Green)) && !is_about_approval(applicant)
}

/// A user as somebody sees them who is told of each change at once.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    judged: Judged,
    applicant: Option<String>,
    name: Option<String>,
}

impl Default for Observer {
    fn default() -> Self {
        let judged = Judged {
            status: Status::Pending,
            at: None,
            reason: None,
        };
        Self {
            judged,
            applicant: None,
            name: None,
        }
    }
}

impl Observer {
    /// Sees a change of one of the user's applicants. `applicants` are all of them, as they are after it.
    pub(crate) fn see(
        &mut self,
        applicants: &[Applicant],
        changed: &Applicant,
        step: Option<Move>,
    ) {
        let is_ours = self.applicant.as_ref() == Some(&changed.id);
        if changed.deleted && is_ours {
            if self.judged.status != Status::Approved {
                self.judged = Self::default().judged;
            }
            self.applicant = None;
            self.name = None;
        } else if changed.deactivated && is_ours && self.judged.status == Status::Rejected {
            self.judged = Self::default().judged;
        }
        let Some(active) = applicants.iter().rfind(|applicant| applicant.is_active()) else {
            return;
        };
        let is_reset =
            matches!(step, Some(Move::Reset | Move::ResetSteps)) && active.id == changed.id;
        if self.judged.status == Status::Approved && is_aside(active) && !is_reset {
            if self.applicant.as_ref() == Some(&active.id) {
                self.name = name(active);
            }
            return;
        }
        self.judged = judged(active);
        self.applicant = Some(active.id.clone());
        let is_approved = self.judged.status == Status::Approved;
        self.name = name(active).filter(|_| is_approved);
    }
}

fn stored_judged(user: &User) -> Judged {
    let review = &user.review;
    let at = review.verified_at().or(review.rejected_at());
    Judged {
        status: review.status(),
        at: at.map(shared::kyc::ProviderTime::millis),
        reason: review.reason().map(|reason| reason.reveal().to_owned()),
    }
}

fn stored_name(review: &Review) -> Option<String> {
    let first = review.name()?.first()?;
    Some(first.reveal().to_owned())
}

/// Compares a stored user with the provider.
///
/// # Errors
/// Says what is different.
pub(crate) fn compare(
    user: &User,
    registry: &Registry,
    observer: Option<&Observer>,
) -> Result<(), String> {
    let applicants = registry.applicants_of(user.id.as_str());
    let stored = stored_judged(user);
    let stored_name = stored_name(&user.review);
    let applicant = user.applicant.as_ref().map(|id| id.as_str().to_owned());
    forgotten(user, registry, &applicants)?;
    if let Some(observer) = observer {
        let expected_name = observer.name.clone().filter(|_| user.is_ours());
        let is_same = stored == observer.judged
            && applicant == observer.applicant
            && stored_name == expected_name;
        return is_same
            .then_some(())
            .ok_or_else(|| format!("expected {observer:?}"));
    }
    let active = applicants.iter().rfind(|applicant| applicant.is_active());
    // Whoever was approved before stays so, whatever is aside.
    let was_approved = stored.status == Status::Approved;
    let telling = active.filter(|active| !(was_approved && is_aside(active)));
    let Some(active) = telling else {
        return left_alone(
            &stored,
            stored_name.as_deref(),
            applicant.as_deref(),
            registry,
            &applicants,
        );
    };
    let mut expected = judged(active);
    if !registry.shows_dates {
        expected.at = stored.at;
    }
    if stored != expected {
        return Err(format!("expected {expected:?} instead of {stored:?}"));
    }
    if applicant.as_ref() != Some(&active.id) {
        return Err(format!("the applicant is {}", active.id));
    }
    let is_named = was_approved && user.is_ours();
    if stored_name != name(active).filter(|_| is_named) {
        return Err("the name is another".to_owned());
    }
    Ok(())
}

/// Checks that nothing of an erased person is left.
fn forgotten(user: &User, registry: &Registry, applicants: &[Applicant]) -> Result<(), String> {
    let stored_name = stored_name(&user.review);
    let reason = user.review.reason().map(shared::kyc::Reason::reveal);
    for erased in applicants.iter().filter(|applicant| applicant.deleted) {
        if user
            .applicant
            .as_ref()
            .map(shared::kyc::ApplicantId::as_str)
            == Some(&erased.id)
        {
            return Err("the applicant was erased".to_owned());
        }
        for version in registry.versions(&erased.id) {
            if stored_name.is_some() && stored_name == name(&version) {
                return Err("the name is of an erased person".to_owned());
            }
            if reason.is_some() && reason == comment(&version).as_deref() {
                return Err("the reason is of an erased person".to_owned());
            }
        }
    }
    Ok(())
}

/// Checks a user of whom the provider shows no applicant, or nothing about the approval: the earlier state stays, but no rejection.
fn left_alone(
    stored: &Judged,
    stored_name: Option<&str>,
    applicant: Option<&str>,
    registry: &Registry,
    applicants: &[Applicant],
) -> Result<(), String> {
    if stored.status == Status::Rejected {
        return Err("a rejected user starts over".to_owned());
    }
    let of_user = applicants
        .iter()
        .flat_map(|applicant| registry.versions(&applicant.id));
    let mut of_user: Vec<Applicant> = of_user.collect();
    let was = |version: &Applicant| {
        let judged = judged(version);
        // Without a read in between, the time is the event's.
        let is_same_time =
            judged.at.zip(stored.at).is_none_or(|(at, stored)| {
                (at..=at + registry.stamp_delay() + 1000).contains(&stored)
            }) || !registry.shows_dates;
        judged.status == stored.status && is_same_time
    };
    // A user of whom nothing was heard, or who starts over, is pending.
    if stored.status != Status::Pending && !of_user.iter().any(was) {
        return Err("no applicant was ever in this state".to_owned());
    }
    let Some(applicant) = applicant else {
        return match stored_name {
            None => Ok(()),
            Some(_) => Err("a name without an applicant".to_owned()),
        };
    };
    of_user.retain(|version| version.id == applicant);
    if of_user.is_empty() {
        return Err("the applicant is somebody else's".to_owned());
    }
    let bears = |version| name(version).as_deref() == stored_name;
    if stored_name.is_some() && !of_user.iter().any(bears) {
        return Err("the name is somebody else's".to_owned());
    }
    Ok(())
}
