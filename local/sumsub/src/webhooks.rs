//! The delivery of webhooks: signs, holds, sends and retries them.

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

use crate::journal::Journal;
use crate::model::{Event, to_wire};
use crate::signature;
use crate::{lock, now};

/// The longest time that an attempt may take, as at the provider.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// The number of characters of a response that the journal keeps.
const RESPONSE_CHARACTERS: usize = 500;

/// The way in which webhooks are delivered.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryMode {
    /// Each is delivered at once.
    #[default]
    Normal,
    /// At once, each twice.
    Duplicated,
    /// Held. On release, the newest is sent first.
    Reordered,
    /// Held. On release, the oldest is sent first.
    Withheld,
}

/// A webhook. Each attempt sends the same bytes.
#[derive(Clone)]
pub(crate) struct Message {
    kind: Option<String>,
    user: Option<String>,
    body: Bytes,
}

impl Message {
    /// Creates the webhook of an event.
    pub(crate) fn new(event: &Event) -> serde_json::Result<Self> {
        Ok(Self {
            kind: Some(event.event_type.to_owned()),
            user: Some(event.external_user_id.clone()),
            body: event.body()?.into(),
        })
    }

    /// Creates a webhook with any payload.
    pub(crate) fn of(payload: &Value) -> serde_json::Result<Self> {
        let member = |name| Some(payload.get(name)?.as_str()?.to_owned());
        Ok(Self {
            kind: member("type"),
            user: member("externalUserId"),
            body: to_wire(payload)?.into(),
        })
    }
}

/// An attempt to deliver a webhook.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryAttempt {
    #[serde(rename = "type")]
    kind: Option<String>,
    external_user_id: Option<String>,
    digest: String,
    attempt: usize,
    at: String,
    body: String,
    status: Option<u16>,
    /// The id of the request in the receiver's logs, if that is API Gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<String>,
}

impl DeliveryAttempt {
    fn accepted(&self) -> bool {
        self.error.is_none()
            && self
                .status
                .is_some_and(|status| (200..300).contains(&status))
    }
}

/// The first attempts at some webhooks, once they have ended.
pub(crate) type Attempts = oneshot::Receiver<Vec<DeliveryAttempt>>;

/// The sender of webhooks, with a journal of all attempts.
pub(crate) struct Webhooks {
    client: Client,
    url: String,
    key: ring::hmac::Key,
    retry_delays: Vec<Duration>,
    outbox: Mutex<Outbox>,
    stop: CancellationToken,
    pub(crate) journal: Journal<DeliveryAttempt>,
}

#[derive(Default)]
struct Outbox {
    mode: DeliveryMode,
    /// The held webhooks, in the order of their release.
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
            // A redirect does not accept a webhook, and the receiver is on this machine.
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

    /// Returns the mode and the number of held webhooks.
    pub(crate) fn state(&self) -> Value {
        let outbox = lock(&self.outbox);
        json!({ "mode": outbox.mode, "held": outbox.held.len() })
    }

    /// Sets the mode. Held webhooks stay held.
    pub(crate) fn set_mode(&self, mode: DeliveryMode) {
        lock(&self.outbox).mode = mode;
    }

    /// Sends or holds webhooks, according to the mode.
    pub(crate) fn dispatch(self: &Arc<Self>, messages: Vec<Message>) -> Attempts {
        let mut outbox = lock(&self.outbox);
        let now = match outbox.mode {
            DeliveryMode::Normal => messages,
            DeliveryMode::Duplicated => messages
                .into_iter()
                .flat_map(|message| [message.clone(), message])
                .collect(),
            DeliveryMode::Reordered => {
                for message in messages {
                    outbox.held.push_front(message);
                }
                Vec::new()
            }
            DeliveryMode::Withheld => {
                outbox.held.extend(messages);
                Vec::new()
            }
        };
        self.deliver(now, true)
    }

    /// Sends a webhook once, whatever the mode and the response.
    pub(crate) fn send(self: &Arc<Self>, message: Message) -> Attempts {
        self.deliver(vec![message], false)
    }

    /// Sends the held webhooks.
    pub(crate) fn release(self: &Arc<Self>) -> Attempts {
        self.deliver(self.take_held(), true)
    }

    /// Drops the held webhooks and returns their number.
    pub(crate) fn forget(&self) -> usize {
        self.take_held().len()
    }

    fn take_held(&self) -> Vec<Message> {
        lock(&self.outbox).held.drain(..).collect()
    }

    /// Makes the first attempts one after the other, even if the caller goes away.
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

    async fn attempt(&self, message: &Message, attempt: usize) -> DeliveryAttempt {
        let digest = signature::digest(&self.key, &message.body);
        let mut delivery = DeliveryAttempt {
            kind: message.kind.clone(),
            external_user_id: message.user.clone(),
            digest: digest.clone(),
            attempt,
            at: now().with_millis(),
            body: String::from_utf8_lossy(&message.body).into_owned(),
            status: None,
            request_id: None,
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
                let id = answer.headers().get("x-amzn-requestid");
                delivery.request_id = id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
                answer.text().await
            }
            Err(error) => Err(error),
        };
        match body {
            Ok(body) => {
                delivery.response_body = Some(body.chars().take(RESPONSE_CHARACTERS).collect());
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
