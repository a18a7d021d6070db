//! A stand-in for the verification provider (Sumsub) that speaks its real API over HTTP.
//!
//! `/resources/…` is the provider's API: signed requests, its JSON, its errors. `/simulator/…` is ours: it
//! plays the applicant and the reviewer, breaks the API on request and decides how webhooks travel.
//! Nothing here shares code with the client it is there to test.

mod api;
mod applicants;
mod background;
mod clock;
mod control;
mod extract;
mod faults;
mod ids;
mod journal;
mod payload;
mod shapes;
mod signature;
mod store;
mod transition;
mod webhooks;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use applicants::{Applicant, Change};
use background::Background;
use clock::Moment;
use faults::Faults;
use ids::Ids;
use journal::{Journal, Request};
use signature::Credentials;
use store::{ChangeError, Store};
use webhooks::{Attempts, Message, Webhooks};

/// What the simulator is told at start. Not `Debug`: it holds secrets.
#[derive(Clone)]
pub struct Settings {
    /// The value of `X-App-Token` that is accepted.
    pub app_token: String,
    /// The key that requests to the provider's API are signed with.
    pub secret_key: String,
    /// The key that webhooks are signed with.
    pub webhook_secret: String,
    /// Where webhooks are sent.
    pub webhook_url: String,
    /// Where applicants are kept between two runs; without it they live in memory only.
    pub state_file: Option<PathBuf>,
    /// How long to wait before each further attempt at a webhook that was not accepted.
    pub retry_delays: Vec<Duration>,
}

/// Everything a request handler needs.
struct Simulator {
    credentials: Credentials,
    ids: Ids,
    store: Store,
    webhooks: Arc<Webhooks>,
    faults: Faults,
    requests: Journal<Request>,
    background: Arc<Background>,
}

impl Simulator {
    fn new(settings: Settings) -> io::Result<Self> {
        let background = Arc::new(Background::new());
        Ok(Self {
            credentials: Credentials::new(settings.app_token, &settings.secret_key),
            ids: Ids::new()?,
            store: Store::open(settings.state_file)?,
            webhooks: Arc::new(Webhooks::new(
                settings.webhook_url,
                &settings.webhook_secret,
                settings.retry_delays,
                Arc::clone(&background),
            )?),
            faults: Faults::default(),
            requests: Journal::default(),
            background,
        })
    }

    /// Changes an applicant and hands over the webhooks that follow. Awaiting the attempts is up to the caller.
    fn change(&self, user: &str, change: Change) -> Result<(Applicant, Attempts), ChangeError> {
        let outcome = self
            .store
            .change(user, change, Moment::now(), &self.ids.identity())?;
        let mut messages = Vec::with_capacity(outcome.events.len());
        for event in &outcome.events {
            let body = payload::event(&outcome.applicant, event, self.ids.hex(32))
                .map_err(io::Error::from)?;
            messages.push(Message::new(event.kind, user, body));
        }
        Ok((outcome.applicant, self.webhooks.dispatch(messages)))
    }
}

/// Runs the simulator on the listener until `shutdown` is ready. Webhooks still under way, and those waiting for
/// their next attempt, end with it.
///
/// # Errors
/// The state file cannot be read or written, the system gives no randomness, or the server cannot run.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), io::Error> {
    let simulator = Arc::new(Simulator::new(settings)?);
    let background = Arc::clone(&simulator.background);
    axum::serve(listener, router(simulator))
        .with_graceful_shutdown(async move {
            shutdown.await;
            background.stop();
        })
        .await
}

fn router(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .nest("/simulator", control::router())
        // The provider's paths are matched as they were sent, so no route may decode them first.
        .fallback(api::answer)
        .with_state(simulator)
}
