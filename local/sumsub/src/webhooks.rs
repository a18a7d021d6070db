//! Webhooks on their way: signed, sent, held, sent again.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;
use crate::journal::Journal;
use crate::lock;
use crate::signature;

/// How long an attempt may take, as at the provider.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of an answer is kept.
const ANSWER_CHARACTERS: usize = 500;

/// How webhooks travel.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// At once.
    #[default]
    Normal,
    /// At once, each twice.
    Duplicated,
    /// Held; the newest goes first when released.
    Reordered,
    /// Held; the oldest goes first when released.
    Withheld,
}

/// A webhook ready to be sent. The bytes never change again, nor does their digest.
#[derive(Clone)]
pub(crate) struct Message {
    kind: Option<String>,
    user: Option<String>,
    body: Bytes,
}

impl Message {
    /// The webhook for an event of a user.
    pub(crate) fn new(kind: &str, user: &str, body: Vec<u8>) -> Self {
        Self {
            kind: Some(kind.to_owned()),
            user: Some(user.to_owned()),
            body: body.into(),
        }
    }

    /// A webhook that says whatever the payload says.
    pub(crate) fn of(payload: &Value) -> serde_json::Result<Self> {
        let member = |name| Some(payload.get(name)?.as_str()?.to_owned());
        Ok(Self {
            kind: member("type"),
            user: member("externalUserId"),
            body: crate::payload::to_wire(payload)?.into(),
        })
    }
}

/// One attempt at a webhook.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    #[serde(rename = "type")]
    kind: Option<String>,
    external_user_id: Option<String>,
    digest: String,
    attempt: usize,
    at: String,
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<String>,
}

impl Delivery {
    fn accepted(&self) -> bool {
        self.error.is_none()
            && self
                .status
                .is_some_and(|status| (200..300).contains(&status))
    }
}

/// The first attempts at some webhooks, once they have ended. Whoever does not care drops it.
pub(crate) type Attempts = oneshot::Receiver<Vec<Delivery>>;

/// Sends webhooks and remembers every attempt.
pub(crate) struct Webhooks {
    client: Client,
    url: String,
    key: ring::hmac::Key,
    retry_delays: Vec<Duration>,
    outbox: Mutex<Outbox>,
    stop: CancellationToken,
    pub(crate) journal: Journal<Delivery>,
}

#[derive(Default)]
struct Outbox {
    mode: Mode,
    /// In the order of release.
    held: VecDeque<Message>,
}

impl Webhooks {
    pub(crate) fn new(
        url: String,
        secret: &str,
        retry_delays: Vec<Duration>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        // The client needs a crypto provider. Fails if another one is installed, which will do.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let client = Client::builder()
            .timeout(ATTEMPT_TIMEOUT)
            // A redirect is no acceptance, and the receiver is on this machine.
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("provider-simulator/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            client,
            url,
            key: signature::key(secret),
            retry_delays,
            outbox: Mutex::default(),
            stop,
            journal: Journal::default(),
        })
    }

    /// The mode and how many webhooks are held.
    pub(crate) fn state(&self) -> Value {
        let outbox = lock(&self.outbox);
        json!({ "mode": outbox.mode, "held": outbox.held.len() })
    }

    /// What is held stays held, whatever the new mode.
    pub(crate) fn set_mode(&self, mode: Mode) {
        lock(&self.outbox).mode = mode;
    }

    /// Sends or holds webhooks, as the mode says.
    pub(crate) fn dispatch(self: &Arc<Self>, messages: Vec<Message>) -> Attempts {
        let mut outbox = lock(&self.outbox);
        let now = match outbox.mode {
            Mode::Normal => messages,
            Mode::Duplicated => messages
                .into_iter()
                .flat_map(|message| [message.clone(), message])
                .collect(),
            Mode::Reordered => {
                for message in messages {
                    outbox.held.push_front(message);
                }
                Vec::new()
            }
            Mode::Withheld => {
                outbox.held.extend(messages);
                Vec::new()
            }
        };
        self.deliver(now, true)
    }

    /// Sends one webhook whatever the mode, and once whatever the answer.
    pub(crate) fn send(self: &Arc<Self>, message: Message) -> Attempts {
        self.deliver(vec![message], false)
    }

    /// Sends what is held.
    pub(crate) fn release(self: &Arc<Self>) -> Attempts {
        self.deliver(self.take_held(), true)
    }

    /// Forgets what is held and says how much that was.
    pub(crate) fn forget(&self) -> usize {
        self.take_held().len()
    }

    fn take_held(&self) -> Vec<Message> {
        lock(&self.outbox).held.drain(..).collect()
    }

    /// Makes the first attempts one after the other. It goes on when the caller has gone away.
    fn deliver(self: &Arc<Self>, messages: Vec<Message>, retry: bool) -> Attempts {
        let (sender, attempts) = oneshot::channel();
        let webhooks = Arc::clone(self);
        self.spawn(async move {
            let mut deliveries = Vec::with_capacity(messages.len());
            for message in messages {
                let delivery = webhooks.attempt(&message, 1).await;
                if retry && !delivery.accepted() {
                    webhooks.spawn(Arc::clone(&webhooks).retry(message));
                }
                deliveries.push(delivery);
            }
            // Fails if nobody waits for the attempts.
            sender.send(deliveries).ok();
        });
        attempts
    }

    /// Runs a task until the simulator stops.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(task));
    }

    async fn retry(self: Arc<Self>, message: Message) {
        for (attempt, delay) in (2..).zip(&self.retry_delays) {
            tokio::time::sleep(*delay).await;
            if self.attempt(&message, attempt).await.accepted() {
                return;
            }
        }
    }

    async fn attempt(&self, message: &Message, attempt: usize) -> Delivery {
        let digest = signature::digest(&self.key, &message.body);
        let mut delivery = Delivery {
            kind: message.kind.clone(),
            external_user_id: message.user.clone(),
            digest: digest.clone(),
            attempt,
            at: Moment::now().with_millis(),
            status: None,
            error: None,
            response_body: None,
        };
        let answer = self
            .client
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Payload-Digest", digest)
            .header("X-Payload-Digest-Alg", "HMAC_SHA256_HEX")
            .body(message.body.clone())
            .send()
            .await;
        let body = match answer {
            Ok(answer) => {
                delivery.status = Some(answer.status().as_u16());
                answer.text().await
            }
            Err(error) => Err(error),
        };
        match body {
            Ok(body) => {
                delivery.response_body = Some(body.chars().take(ANSWER_CHARACTERS).collect());
            }
            Err(error) => delivery.error = Some(sentence(&error)),
        }
        self.journal.add(delivery.clone());
        delivery
    }
}

fn sentence(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "No answer in time."
    } else if error.is_connect() {
        "No connection."
    } else if error.is_builder() {
        "The webhook URL is not valid."
    } else {
        "The connection broke."
    }
}
