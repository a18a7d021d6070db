//! A user, a provider and a network between them and us.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use shared::kyc::{
    ApplicantId, Onboarding, Review, Step as OnboardingStep, Timestamp, User, UserId,
};
use shared::provider::Webhook;
use shared::provider::sumsub::{SumsubWebhook, WebhookSecrets};
use shared::repository::UserStore;
use shared::runtime::Deadline;
use shared::service::{
    Receiver, Recorder, ServiceError, details, reconcile, refresh, start_session,
};

use super::Step;
use super::clock::{self, now, pass};
use super::faulty::Faulty;
use super::provider::{Applicant, ModelProvider, Truth, Verdict};
use crate::app::digest;

const SECRET: &str = "model-secret";

/// A webhook that was sent.
struct Sent {
    body: String,
    at: Timestamp,
    /// Whether it is about the person, and not about the review.
    about_person: bool,
    acknowledged: bool,
}

/// Everything that a history is about.
pub struct World<S> {
    user: UserId,
    provider: ModelProvider,
    receiver: Receiver<Faulty<S>>,
    secrets: WebhookSecrets,
    outbox: Mutex<Vec<Sent>>,
    lost: Vec<Sent>,
    session: bool,
    deliveries: Cell<u64>,
    applicants: u32,
}

/// Far enough away: deadlines are no matter here.
fn deadline() -> Deadline {
    Deadline::within(Duration::from_hours(1))
}

impl<S: UserStore> World<S> {
    /// A user on `kyc_verification` of whom nothing is stored.
    pub fn new(user: &str, store: S) -> Self {
        clock::restart();
        let user = UserId::parse(user).unwrap();
        let provider = ModelProvider {
            user: user.clone(),
            applicant: Mutex::new(None),
            away: Mutex::new(false),
        };
        let onboarding = Onboarding::parse("kyc_verification,open_banking").unwrap();
        let users = Faulty {
            store,
            fault: Mutex::new(None),
            approved: AtomicBool::new(false),
        };
        let receiver = Receiver {
            recorder: Recorder {
                users,
                onboarding,
                clock: now,
            },
            accepts_sandbox: false,
        };
        let secrets = serde_json::from_value(json!({ "secrets": [SECRET] })).unwrap();
        Self {
            user,
            provider,
            receiver,
            secrets,
            outbox: Mutex::default(),
            lost: Vec::new(),
            session: false,
            deliveries: Cell::new(0),
            applicants: 0,
        }
    }

    /// Plays a history to its end, and says how many webhooks were delivered.
    ///
    /// # Errors
    /// What is wrong at the end.
    pub async fn play(mut self, steps: &[Step]) -> Result<u64, String> {
        for step in steps {
            pass(Duration::from_millis(1));
            self.step(step).await;
        }
        *self.provider.away.lock().unwrap() = false;
        *self.receiver.recorder.users.fault.lock().unwrap() = None;
        pass(Duration::from_secs(1));
        let sent = self.outbox.lock().unwrap().len();
        for index in (0..sent).rev() {
            self.deliver(index).await?;
        }
        let awaited = self.stored().await.due_at().is_some();
        for _ in 0..20 {
            let Some(due) = self.stored().await.due_at() else {
                break;
            };
            clock::set(due);
            self.reconcile().await?;
        }
        if awaited || !self.is_news_lost() {
            self.compare("after the last reconciliation").await?;
        }
        self.poll().await?;
        self.compare("after a poll").await?;

        let step = self.stored().await.step;
        let was_approved = &self.receiver.recorder.users.approved;
        let expected = if was_approved.load(Ordering::Relaxed) {
            OnboardingStep::new("open_banking")
        } else {
            OnboardingStep::kyc_verification()
        };
        if step == expected {
            Ok(self.deliveries.get())
        } else {
            Err(format!("the onboarding is on {step}"))
        }
    }

    async fn stored(&self) -> User {
        self.receiver.recorder.load(&self.user).await.unwrap()
    }

    async fn step(&mut self, step: &Step) {
        let recorder = &self.receiver.recorder;
        // What goes wrong in a step is made good by a later one, or at the end.
        match step {
            Step::Wait(seconds) => pass(Duration::from_secs((*seconds).into())),
            Step::OpenSession => {
                self.session |= start_session(recorder, &self.provider, &self.user, deadline())
                    .await
                    .is_ok();
            }
            Step::Submit if self.session => self.submit(),
            Step::Submit => {}
            Step::Decide(verdict) => self.decide(*verdict),
            Step::Hold => self.change("applicantOnHold", |applicant| {
                let under_review = applicant.truth == Truth::Pending;
                under_review.then(|| applicant.truth = Truth::OnHold)
            }),
            Step::Reset => self.change("applicantReset", |applicant| {
                applicant.truth = Truth::Init;
                Some(())
            }),
            Step::Rename => self.rename(),
            Step::Delete => {
                self.change("applicantDeleted", |applicant| {
                    applicant.deleted = true;
                    Some(())
                });
                self.session = false;
            }
            Step::Deliver(index) => {
                let sent = self.outbox.lock().unwrap().len();
                if sent > 0 {
                    self.deliver(usize::from(*index) % sent).await.ok();
                }
            }
            Step::DeliverWhileRenamed(index) => {
                let sent = self.outbox.lock().unwrap().len();
                if sent > 0 {
                    let world = &*self;
                    let rename = world.meanwhile(|| world.rename());
                    let delivery = world.deliver(usize::from(*index) % sent);
                    tokio::join!(delivery, rename).0.ok();
                }
            }
            Step::Lose(index) => self.lose(usize::from(*index)),
            Step::Poll => {
                self.poll().await.ok();
            }
            Step::PollWhile(verdict) => {
                let world = &*self;
                let decide = world.meanwhile(|| world.decide(*verdict));
                tokio::join!(world.poll(), decide).0.ok();
            }
            Step::Details => {
                details(recorder, &self.provider, &self.user, false, deadline())
                    .await
                    .ok();
            }
            Step::Reconcile => {
                self.reconcile().await.ok();
            }
            Step::Provider(away) => *self.provider.away.lock().unwrap() = *away,
            Step::FailWrite { with_effect } => {
                *recorder.users.fault.lock().unwrap() = Some(*with_effect);
            }
        }
    }

    fn submit(&mut self) {
        let mut applicant = self.provider.applicant.lock().unwrap();
        if applicant.as_ref().is_none_or(|applicant| applicant.deleted) {
            self.applicants += 1;
            let id = ApplicantId::parse(format!("applicant-{}", self.applicants)).unwrap();
            let new = Applicant {
                id,
                created: now(),
                truth: Truth::Init,
                name: "Jane".to_owned(),
                deleted: false,
            };
            *applicant = Some(new.clone());
            drop(applicant);
            self.send("applicantCreated", &new);
            pass(Duration::from_millis(1));
        } else {
            drop(applicant);
        }
        self.change("applicantPending", |applicant| {
            let open = matches!(
                applicant.truth,
                Truth::Init | Truth::Decided(Verdict::Retry, _)
            );
            open.then(|| applicant.truth = Truth::Pending)
        });
    }

    fn rename(&self) {
        self.change("applicantPersonalInfoChanged", |applicant| {
            applicant.name.push('x');
            Some(())
        });
    }

    /// Does something while something else waits for the provider, and delivers the webhook about it.
    async fn meanwhile(&self, change: impl FnOnce()) {
        pass(Duration::from_millis(1));
        change();
        let newest = self.outbox.lock().unwrap().len().checked_sub(1);
        if let Some(newest) = newest {
            self.deliver(newest).await.ok();
        }
    }

    fn decide(&self, verdict: Verdict) {
        self.change("applicantReviewed", |applicant| {
            let submitted = applicant.truth != Truth::Init;
            submitted
                .then(|| applicant.truth = Truth::Decided(verdict, now().truncated_to_seconds()))
        });
    }

    /// Changes the applicant, if there is one, and sends the webhook, if something changed.
    fn change(&self, kind: &str, change: impl FnOnce(&mut Applicant) -> Option<()>) {
        let mut applicant = self.provider.applicant.lock().unwrap();
        let Some(applicant) = applicant.as_mut().filter(|applicant| !applicant.deleted) else {
            return;
        };
        if change(applicant).is_some() {
            let changed = applicant.clone();
            self.send(kind, &changed);
        }
    }

    fn send(&self, kind: &str, applicant: &Applicant) {
        let (status, result) = match applicant.truth {
            Truth::Init => ("init", json!({ "reviewAnswer": "GREEN" })),
            Truth::Pending => ("pending", Value::Null),
            Truth::OnHold => ("onHold", json!({ "reviewAnswer": "GREEN" })),
            Truth::Decided(Verdict::Green, _) => ("completed", json!({ "reviewAnswer": "GREEN" })),
            Truth::Decided(Verdict::Retry, _) => (
                "completed",
                json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY" }),
            ),
            Truth::Decided(Verdict::Final, _) => (
                "completed",
                json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL" }),
            ),
        };
        let event = json!({ "type": kind, "applicantId": applicant.id.as_str(), "externalUserId": self.user.as_str(),
            "reviewStatus": status, "reviewResult": result, "sandboxMode": false, "createdAtMs": now().millis() });
        let sent = Sent {
            body: format!("{event:#}"),
            at: now(),
            about_person: kind == "applicantPersonalInfoChanged",
            acknowledged: false,
        };
        self.outbox.lock().unwrap().push(sent);
    }

    /// Delivers a webhook as its function receives it.
    async fn deliver(&self, index: usize) -> Result<(), String> {
        self.deliveries.set(self.deliveries.get() + 1);
        let body = self.outbox.lock().unwrap()[index].body.clone();
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-payload-digest",
            digest(SECRET, body.as_bytes()).parse().unwrap(),
        );
        let webhook = SumsubWebhook;
        let verified = webhook
            .verify(&self.secrets, &headers, body.as_bytes())
            .map_err(|error| error.to_string())?;
        let received = self
            .receiver
            .receive(&webhook, &self.provider, verified, deadline())
            .await;
        received.map_err(|error| error.to_string())?;
        self.outbox.lock().unwrap()[index].acknowledged = true;
        Ok(())
    }

    fn lose(&mut self, index: usize) {
        let mut outbox = self.outbox.lock().unwrap();
        let waiting: Vec<usize> = (0..outbox.len())
            .filter(|index| !outbox[*index].acknowledged)
            .collect();
        if let Some(lost) = waiting.get(index.checked_rem(waiting.len()).unwrap_or_default()) {
            self.lost.push(outbox.remove(*lost));
        }
    }

    /// Whether something was lost that no later webhook tells.
    fn is_news_lost(&self) -> bool {
        let outbox = self.outbox.lock().unwrap();
        self.lost.iter().any(|lost| {
            let tells = |sent: &&Sent| sent.about_person == lost.about_person && sent.at > lost.at;
            outbox.iter().find(tells).is_none()
        })
    }

    async fn poll(&self) -> Result<(), String> {
        let polled = refresh(
            &self.receiver.recorder,
            &self.provider,
            &self.user,
            deadline(),
        )
        .await;
        match polled {
            Ok(_) | Err(ServiceError::NoApplicant) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn reconcile(&self) -> Result<(), String> {
        let run = reconcile(
            &self.receiver.recorder,
            &self.provider,
            Duration::ZERO,
            deadline(),
        )
        .await;
        run.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Says in what the stored user differs from the provider.
    async fn compare(&self, when: &str) -> Result<(), String> {
        let stored = self.stored().await;
        let applicant = self.provider.applicant.lock().unwrap().clone();
        let seen = |review: &Review| (review.status(), review.verified_at(), review.rejected_at());
        let names = |user: &User| {
            user.name()
                .and_then(|name| name.first())
                .map(|name| name.reveal().to_owned())
        };
        let wrong = match &applicant {
            None => (stored.review != Review::Pending).then_some("there is no applicant"),
            Some(applicant) if applicant.deleted => (stored.name().is_some()
                || stored.applicant.is_some())
            .then_some("the person was erased"),
            Some(applicant) => {
                let review = applicant.review(now());
                let expected_name = review.name().map(|_| applicant.name.clone());
                let same = seen(&stored.review) == seen(&review)
                    && names(&stored) == expected_name
                    && stored.applicant.as_ref() == Some(&applicant.id);
                (!same).then_some("the applicant is different")
            }
        };
        match wrong {
            None => Ok(()),
            Some(wrong) => Err(format!(
                "{when}, {wrong}: stored {stored:?}, provider {applicant:?}"
            )),
        }
    }
}
