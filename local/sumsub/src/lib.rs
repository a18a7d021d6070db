#![doc = include_str!("../README.md")]

mod api;
mod applicants;
mod clock;
mod control;
mod extract;
mod faults;
mod journal;
mod payload;
mod shapes;
mod signature;
mod store;
mod transition;
mod webhooks;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use applicants::{Applicant, Change, Identity};
use clock::Moment;
use faults::Faults;
use journal::{Journal, Request};
use signature::Credentials;
use store::{ChangeError, Store};
use webhooks::{Attempts, Message, Webhooks};

/// The settings of a simulator. Not `Debug`, because they hold secrets.
#[derive(Clone)]
pub struct Settings {
    /// The accepted value of `X-App-Token`.
    pub app_token: String,
    /// The secret key that signs requests to the provider's API.
    pub secret_key: String,
    /// The secret that signs webhooks.
    pub webhook_secret: String,
    /// The URL that webhooks are sent to.
    pub webhook_url: String,
    /// The file that keeps applicants between runs. Without a file they are kept in memory.
    pub state_file: Option<PathBuf>,
    /// The delay before each further attempt to deliver a webhook that was not accepted.
    pub retry_delays: Vec<Duration>,
}

/// The state that request handlers share.
struct Simulator {
    credentials: Credentials,
    store: Store,
    webhooks: Arc<Webhooks>,
    faults: Faults,
    requests: Journal<Request>,
    /// Ends deliveries and pauses when the simulator stops.
    stop: CancellationToken,
}

impl Simulator {
    fn new(settings: Settings) -> io::Result<Self> {
        let stop = CancellationToken::new();
        Ok(Self {
            credentials: Credentials::new(settings.app_token, &settings.secret_key),
            store: Store::open(settings.state_file)?,
            webhooks: Arc::new(Webhooks::new(
                settings.webhook_url,
                &settings.webhook_secret,
                settings.retry_delays,
                stop.clone(),
            )?),
            faults: Faults::default(),
            requests: Journal::default(),
            stop,
        })
    }

    /// Changes an applicant and dispatches the webhooks about it. The caller may await the first attempts.
    fn change(&self, user: &str, change: Change) -> Result<(Applicant, Attempts), ChangeError> {
        let identity = Identity {
            applicant: random_hex(24),
            inspection: random_hex(24),
        };
        let outcome = self.store.change(user, change, Moment::now(), &identity)?;
        let mut messages = Vec::with_capacity(outcome.events.len());
        for event in &outcome.events {
            let body = payload::event(&outcome.applicant, event, random_hex(32))
                .map_err(io::Error::from)?;
            messages.push(Message::new(event.kind, user, body));
        }
        Ok((outcome.applicant, self.webhooks.dispatch(messages)))
    }
}

/// Runs a simulator until `shutdown`, which also ends all deliveries of webhooks.
///
/// # Errors
/// Fails if the state file cannot be read or written, or if the listener fails.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), io::Error> {
    let simulator = Arc::new(Simulator::new(settings)?);
    let stop = simulator.stop.clone();
    axum::serve(listener, router(simulator))
        .with_graceful_shutdown(async move {
            shutdown.await;
            stop.cancel();
        })
        .await
}

fn router(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .nest("/simulator", control::router())
        // The API matches paths as sent, because signatures cover them. No route may decode them first.
        .fallback(api::answer)
        .with_state(simulator)
}

/// Returns random lower-case hexadecimal digits.
fn random_hex(digits: usize) -> String {
    let blocks = std::iter::repeat_with(|| Uuid::new_v4().simple().to_string());
    let mut id: String = blocks.take(digits.div_ceil(32)).collect();
    id.truncate(digits);
    id
}

/// Locks a value that stays whole even if a holder of the lock panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
