#![doc = include_str!("../README.md")]

pub mod model;

mod api;
mod control;
mod extract;
mod faults;
mod journal;
mod reviewer;
mod signature;
mod store;
mod webhooks;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::middleware::from_fn;
use local_hosts::local_names_only;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use faults::Faults;
use journal::{Journal, RequestRecord};
use model::{Action, Applicant, ApplicantIds, Moment, Target};
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
    /// The verification levels. Applicants get the first one unless another is named.
    pub levels: Vec<String>,
    /// The file that keeps applicants between runs. Without a file they are kept in memory.
    pub state_file: Option<PathBuf>,
    /// True if users whose id says so (`usr_approved…`) are decided about without anybody at the desk.
    pub decides_by_id: bool,
    /// The delay before each further attempt to deliver a webhook that was not accepted.
    pub retry_delays: Vec<Duration>,
}

/// The state that request handlers share.
struct Simulator {
    credentials: Credentials,
    store: Store,
    webhooks: Arc<Webhooks>,
    faults: Faults,
    requests: Journal<RequestRecord>,
    decides_by_id: bool,
    /// Ends deliveries and pauses when the simulator stops.
    stop: CancellationToken,
}

impl Simulator {
    fn new(settings: Settings) -> io::Result<Self> {
        let stop = CancellationToken::new();
        Ok(Self {
            credentials: Credentials::new(settings.app_token, &settings.secret_key),
            store: Store::open(settings.state_file, settings.levels)?,
            webhooks: Arc::new(Webhooks::new(
                settings.webhook_url,
                &settings.webhook_secret,
                settings.retry_delays,
                stop.clone(),
            )?),
            faults: Faults::default(),
            requests: Journal::default(),
            decides_by_id: settings.decides_by_id,
            stop,
        })
    }

    /// Does something to an applicant and dispatches the webhooks about it. The caller may await the first attempts.
    fn apply(
        &self,
        target: Target<'_>,
        action: Action,
    ) -> Result<(Applicant, Attempts), ChangeError> {
        let ids = ApplicantIds {
            applicant: random_hex(24),
            inspection: random_hex(24),
        };
        let change = self.store.apply(target, action, now(), &ids)?;
        let mut messages = Vec::with_capacity(change.events.len());
        for mut event in change.events {
            event.correlation_id = random_hex(32);
            messages.push(Message::new(&event).map_err(io::Error::from)?);
        }
        Ok((change.applicant, self.webhooks.dispatch(messages)))
    }
}

/// Returns the levels that an account has unless its settings say otherwise.
#[must_use]
pub fn default_levels() -> Vec<String> {
    ["basic-kyc-level", "enhanced-kyc-level"]
        .map(str::to_owned)
        .to_vec()
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
        .fallback(api::respond)
        .layer(from_fn(local_names_only))
        .with_state(simulator)
}

fn now() -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.unwrap_or_default().as_millis();
    Moment::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
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
