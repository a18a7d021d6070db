//! The provider of the crash proof: the simulator's model, which tells nobody anything. It makes the deliveries for a proof to send.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::{StatusCode, Uri};
use sumsub_simulator::model::{
    Account, Action, ApplicantIds, ApplicantType, Details, Event, Moment, ReviewResult,
    ReviewStatus, Submission, Target,
};
use tokio::net::TcpListener;

/// The state that must be stored of a user in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// Our word for the state of the verification; empty before there is an applicant.
    pub status: &'static str,
    /// The time of a verdict, to the second, in milliseconds.
    pub decided_at: Option<i64>,
    /// The reason that a user is told who has to try again or was rejected.
    pub reason: Option<String>,
    /// The first name.
    pub name: String,
    /// True if the person was erased.
    pub erased: bool,
    /// The number of events.
    pub events: usize,
    /// The number of those that tell of the review.
    pub about_review: usize,
}

/// The provider. Clones are the same one.
#[derive(Clone)]
pub struct Provider(Arc<Mutex<State>>);

struct State {
    account: Account,
    truths: HashMap<String, Truth>,
}

impl Default for Provider {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            account: Account::new(vec!["basic-kyc-level".to_owned()]),
            truths: HashMap::new(),
        })))
    }
}

impl Provider {
    /// Serves its API, as far as a refresh and a webhook use it. Returns its URL.
    pub async fn serve(&self) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::clone(&self.0);
        let answer = move |uri: Uri| async move {
            let id = uri.path().strip_prefix("/resources/applicants/");
            let id = id
                .and_then(|id| id.strip_suffix("/one"))
                .unwrap_or_default();
            let account = &state.lock().unwrap().account;
            let applicant = match id.strip_prefix("-;externalUserId=") {
                Some(user) => account.active(user),
                None => account.by_id(id),
            };
            match applicant {
                Some(applicant) => (StatusCode::OK, applicant.json().to_string()),
                None => (StatusCode::NOT_FOUND, String::new()),
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        url
    }

    /// Returns the state of a user as of now.
    pub fn truth(&self, user: &str) -> Truth {
        self.0.lock().unwrap().truths[user].clone()
    }

    /// Does something to a user, by a throw of the dice, and returns the bodies of the webhooks that tell of it. `None`: nothing
    /// can happen to the user any more.
    pub fn play(&self, user: &str, rng: &mut fastrand::Rng) -> Option<Vec<String>> {
        let mut state = self.0.lock().unwrap();
        let State { account, truths } = &mut *state;
        let number = truths.len();
        let truth = truths.entry(user.to_owned()).or_default();
        if truth.erased {
            return None;
        }
        let moves: &[&str] = match truth.status {
            "" => &["start"],
            _ if rng.u8(..40) == 0 => &["delete"],
            "pending" => &["submit"],
            "in_progress" => &[
                "approve", "approve", "approve", "retry", "retry", "reject", "hold", "reset",
            ],
            "approved" => &["reset", "reset", "reject", "retry", "correct"],
            "retry" => &["submit", "submit", "submit", "reset"],
            _ => &["approve", "reset", "submit"],
        };
        let next = *rng.choice(moves)?;
        let ids = ApplicantIds {
            applicant: format!("{number:024x}"),
            inspection: format!("{number:024x}"),
        };
        let action = truth.action(next);
        let change = account.apply(Target::User(user), action, now(), &ids);
        let change = change.unwrap();
        truth.follow(next, change.applicant.review.decided);
        truth.events += change.events.len();
        let tells_of_review = |event: &&Event| {
            !["applicantCreated", "applicantPersonalInfoChanged"].contains(&event.event_type)
        };
        truth.about_review += change.events.iter().filter(tells_of_review).count();
        let bodies = change.events.into_iter().map(|event| {
            let body = event.body().unwrap();
            String::from_utf8(body).unwrap()
        });
        Some(bodies.collect())
    }
}

impl Truth {
    /// Names and comments bear the number of events before, so that each is another one.
    fn named(&self) -> Details {
        Details {
            first_name: Some(format!("Jane {}", self.events)),
            last_name: Some("Smith".to_owned()),
            ..Details::default()
        }
    }

    fn comment(&self) -> String {
        format!("Comment {}.", self.events)
    }

    fn action(&self, next: &str) -> Action {
        let red = |kind: &str| {
            Action::Review(ReviewResult {
                moderation_comment: Some(self.comment()),
                client_comment: Some("on a list".to_owned()),
                ..ReviewResult::red(kind)
            })
        };
        match next {
            "start" => Action::Start {
                level: None,
                applicant_type: ApplicantType::Individual,
            },
            "submit" => Action::Submit(Submission {
                details: self.named(),
                ..Submission::default()
            }),
            "hold" => Action::Status(ReviewStatus::OnHold),
            "approve" => Action::Review(ReviewResult::green()),
            "retry" => red("RETRY"),
            "reject" => red("FINAL"),
            "correct" => Action::Correct(self.named()),
            "delete" => Action::Delete,
            _ => Action::Reset,
        }
    }

    fn follow(&mut self, next: &str, decided: Option<Moment>) {
        if ["submit", "correct"].contains(&next) {
            self.name = self.named().first_name.unwrap_or_default();
        }
        self.erased = next == "delete";
        let status = match next {
            "start" | "reset" => "pending",
            "submit" | "hold" => "in_progress",
            "approve" => "approved",
            "retry" => "retry",
            "reject" => "rejected",
            // Whoever was not approved starts over.
            "delete" if self.status != "approved" => "pending",
            _ => return,
        };
        self.status = status;
        let is_decided = ["approve", "reject"].contains(&next);
        self.decided_at = decided
            .filter(|_| is_decided)
            .map(|at| at.millis().div_euclid(1000) * 1000);
        self.reason = ["retry", "reject"].contains(&next).then(|| self.comment());
    }
}

fn now() -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Moment::from_millis(i64::try_from(now.as_millis()).unwrap())
}
