//! A provider whose every moment is known: it tells nobody anything, it makes the deliveries for a proof to send.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::{StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What happens to an applicant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Create,
    Submit,
    Hold,
    Approve,
    Retry,
    Reject,
    Reset,
    Rename,
    Delete,
}

/// What a user's stored state must be in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// Our word for where the verification stands.
    pub status: &'static str,
    /// When a verdict was given, to the second, in milliseconds.
    pub decided_at: Option<i64>,
    /// What a user is told who has to try again or was rejected.
    pub reason: Option<String>,
    /// The first name.
    pub name: String,
    /// Whether the person was erased.
    pub erased: bool,
    /// How many different events there were.
    pub events: usize,
}

/// The provider. Clones are the same one.
#[derive(Clone, Default)]
pub struct Provider(Arc<Mutex<HashMap<String, Applicant>>>);

#[derive(Default)]
struct Applicant {
    id: String,
    review: Value,
    /// The time of the newest event.
    last: i64,
    truth: Truth,
}

impl Provider {
    /// Serves its API, as far as a refresh and a webhook use it. Gives its URL.
    pub async fn serve(&self) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let provider = self.clone();
        let answer = move |uri: Uri| async move {
            let applicant = uri
                .path()
                .strip_prefix("/resources/applicants/-;externalUserId=")
                .and_then(|rest| provider.applicant(rest.strip_suffix("/one")?));
            match applicant {
                Some(applicant) => (StatusCode::OK, applicant.to_string()),
                None => (StatusCode::NOT_FOUND, String::new()),
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        url
    }

    /// What the state of a user must be, as of now.
    pub fn truth(&self, user: &str) -> Truth {
        self.0.lock().unwrap()[user].truth.clone()
    }

    /// Something that may happen to a user next, by a throw of the dice. None: nothing any more.
    pub fn next(&self, user: &str, rng: &mut fastrand::Rng) -> Option<Move> {
        use Move::{Approve, Create, Delete, Hold, Reject, Rename, Reset, Retry, Submit};
        let applicants = self.0.lock().unwrap();
        let Some(Applicant { truth, .. }) = applicants.get(user) else {
            return Some(Create);
        };
        if truth.erased {
            return None;
        }
        if rng.u8(..40) == 0 {
            return Some(Delete);
        }
        let moves: &[Move] = match truth.status {
            "pending" => &[Submit],
            "in_progress" => &[Approve, Approve, Approve, Retry, Retry, Reject, Hold, Reset],
            "approved" => &[Reset, Reset, Reject, Retry, Rename],
            "retry" => &[Submit, Submit, Submit, Reset],
            _ => &[Approve, Reset, Submit],
        };
        rng.choice(moves).copied()
    }

    /// Makes it happen, and gives the body of the webhook that tells of it.
    ///
    /// The event's time is the millisecond after this one: a read that began in this one may have missed it, a later one
    /// cannot have. So no two observations of one millisecond contradict each other, and the newest is known.
    pub fn play(&self, user: &str, next: Move) -> String {
        self.play_at(user, next, now() + 1)
    }

    /// Makes it happen at a time, or right after the user's last event if that was later.
    pub fn play_at(&self, user: &str, next: Move, at: i64) -> String {
        let mut applicants = self.0.lock().unwrap();
        let number = applicants.len();
        let applicant = applicants
            .entry(user.to_owned())
            .or_insert_with(|| Applicant {
                id: format!("{number:024x}"),
                truth: Truth {
                    name: "Jane".to_owned(),
                    ..Truth::default()
                },
                ..Applicant::default()
            });
        let at = at.max(applicant.last + 1);
        applicant.last = at;
        applicant.truth.events += 1;
        let kind = applicant.change(next, at);
        let mut event = json!({ "applicantId": applicant.id, "externalUserId": user, "type": kind, "sandboxMode": true,
            "applicantType": "individual", "levelName": "basic-kyc-level", "createdAtMs": at });
        for member in ["reviewStatus", "reviewResult"] {
            event[member] = applicant.review[member].clone();
        }
        format!("{event:#}")
    }

    fn applicant(&self, user: &str) -> Option<Value> {
        let applicants = self.0.lock().unwrap();
        let Applicant {
            id, review, truth, ..
        } = applicants.get(user).filter(|found| !found.truth.erased)?;
        Some(
            json!({ "id": id, "externalUserId": user, "type": "individual", "review": review,
            "info": { "firstName": truth.name, "lastName": "Smith" } }),
        )
    }
}

impl Applicant {
    /// Gives the type of the event.
    fn change(&mut self, next: Move, at: i64) -> &'static str {
        let second = at - at % 1000;
        let comment = format!("Comment {at}.");
        let green = json!({ "reviewAnswer": "GREEN" });
        let red = |kind: &str| {
            json!({ "reviewAnswer": "RED", "reviewRejectType": kind,
            "moderationComment": comment, "clientComment": "on a list" })
        };
        let (kind, status, result, ours) = match next {
            Move::Rename => {
                self.truth.name = format!("Jane {at}");
                return "applicantPersonalInfoChanged";
            }
            Move::Delete => {
                self.truth.erased = true;
                return "applicantDeleted";
            }
            Move::Create => ("applicantCreated", "init", Value::Null, "pending"),
            Move::Submit => ("applicantPending", "pending", Value::Null, "in_progress"),
            Move::Hold => ("applicantOnHold", "onHold", Value::Null, "in_progress"),
            Move::Approve => ("applicantReviewed", "completed", green, "approved"),
            Move::Retry => ("applicantReviewed", "completed", red("RETRY"), "retry"),
            Move::Reject => ("applicantReviewed", "completed", red("FINAL"), "rejected"),
            // It carries the answer that it takes back.
            Move::Reset => ("applicantReset", "init", green, "pending"),
        };
        self.review =
            json!({ "reviewStatus": status, "reviewResult": result, "reviewDate": second });
        let truth = &mut self.truth;
        truth.status = ours;
        truth.decided_at = matches!(next, Move::Approve | Move::Reject).then_some(second);
        truth.reason = matches!(next, Move::Retry | Move::Reject).then_some(comment);
        kind
    }
}

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}
