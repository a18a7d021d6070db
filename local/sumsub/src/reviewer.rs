//! A reviewer who decides by the user's id, for frontends that are tested without anybody at the desk.

use std::sync::Arc;
use std::time::Duration;

use crate::Simulator;
use crate::model::{Action, Applicant, ReviewResult, ReviewStatus, Target};

/// The time that a check takes, so that somebody who asks meanwhile sees it.
const CHECK: Duration = Duration::from_secs(1);
const SLOW_CHECK: Duration = Duration::from_secs(20);

const RETRY: &str = "The photo is blurry. Please take another one.";
const REJECTION: &str = "The document is not accepted.";

/// A decision on a submission, and the time that it takes.
#[derive(Debug, PartialEq)]
struct Decision {
    after: Duration,
    /// The words for the user, for whom the submission was not good enough, and whether they may try again.
    refusal: Option<(&'static str, &'static str)>,
}

/// Returns the decision that a user's id asks for. `was_asked_again`: whether this is another try.
fn decision(user: &str, was_asked_again: bool) -> Option<Decision> {
    let (after, refusal) = match user {
        _ if user.starts_with("usr_approved") => (CHECK, None),
        _ if user.starts_with("usr_slow") => (SLOW_CHECK, None),
        _ if user.starts_with("usr_retry") && was_asked_again => (CHECK, None),
        _ if user.starts_with("usr_retry") => (CHECK, Some((RETRY, "RETRY"))),
        _ if user.starts_with("usr_rejected") => (CHECK, Some((REJECTION, "FINAL"))),
        _ => return None,
    };
    Some(Decision { after, refusal })
}

impl Decision {
    fn result(&self) -> ReviewResult {
        match self.refusal {
            None => ReviewResult::green(),
            Some((comment, kind)) => ReviewResult {
                moderation_comment: Some(comment.to_owned()),
                ..ReviewResult::red(kind)
            },
        }
    }
}

/// Returns whether a user has to submit again.
pub(crate) fn is_asked_again(applicant: &Applicant) -> bool {
    let review = &applicant.review;
    let kind = review
        .result
        .as_ref()
        .and_then(|result| result.review_reject_type.as_deref());
    review.status == ReviewStatus::Completed && kind == Some("RETRY")
}

/// Decides about a submission that was just made, in the background, if the user's id asks for it.
pub(crate) fn decide(simulator: &Arc<Simulator>, user: &str, was_asked_again: bool) {
    let Some(decision) = decision(user, was_asked_again) else {
        return;
    };
    let (simulator, user) = (Arc::clone(simulator), user.to_owned());
    tokio::spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(decision.after) => {}
            () = simulator.stop.cancelled() => return,
        }
        // Somebody at the desk may have been faster.
        let pending = simulator
            .store
            .active(&user)
            .is_some_and(|applicant| applicant.review.status != ReviewStatus::Completed);
        if pending
            && let Ok((_, attempts)) =
                simulator.apply(Target::User(&user), Action::Review(decision.result()))
        {
            // It fails only when the simulator stops.
            attempts.await.ok();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ask_for_decisions() {
        for (user, was_asked_again, expected) in [
            ("usr_approved", false, Some((CHECK, None))),
            ("usr_approved_7", true, Some((CHECK, None))),
            ("usr_slow", false, Some((SLOW_CHECK, None))),
            ("usr_retry", false, Some((CHECK, Some((RETRY, "RETRY"))))),
            ("usr_retry", true, Some((CHECK, None))),
            (
                "usr_rejected",
                false,
                Some((CHECK, Some((REJECTION, "FINAL")))),
            ),
            ("usr_abc123", false, None),
            ("user_approved", false, None),
        ] {
            let expected = expected.map(|(after, refusal)| Decision { after, refusal });
            assert_eq!(decision(user, was_asked_again), expected, "{user}");
        }
    }
}
