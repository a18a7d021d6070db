//! The control API: plays the applicant and the reviewer, and says how the provider behaves.
//!
//! A call that changes an applicant answers once the first attempt at each of its webhooks has ended.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::applicants::{Change, Details, Refused, ReviewResult, ReviewStatus, Submission};
use crate::extract::{Body, FromPath, Refusal};
use crate::faults::Behaviour;
use crate::store::ChangeError;
use crate::webhooks::{Message, Mode};
use crate::{Simulator, shapes};

type Shared = State<Arc<Simulator>>;
type Answer = Result<Json<Value>, Refusal>;

pub(crate) fn router() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/applicants", get(applicants))
        .route("/applicants/{user}", get(applicant).delete(delete))
        .route("/applicants/{user}/start", post(start))
        .route("/applicants/{user}/submit", post(submit))
        .route("/applicants/{user}/review", post(review))
        .route("/applicants/{user}/status/{status}", post(status))
        .route("/applicants/{user}/reset", post(reset))
        .route("/applicants/{user}/personal-info", post(personal_info))
        .route("/applicants/{user}/level", post(level))
        .route("/api", get(behaviour).put(set_behaviour))
        .route("/webhooks", get(webhooks).put(set_webhooks))
        .route("/webhooks/release", post(release))
        .route("/webhooks/drop", post(forget))
        .route("/webhooks/send", post(send))
        .route("/deliveries", get(deliveries).delete(clear_deliveries))
        .route("/requests", get(requests).delete(clear_requests))
        .fallback(async || Refusal::Path)
        .method_not_allowed_fallback(async || Refusal::Method)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Start {
    level_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Level {
    level_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Travel {
    mode: Mode,
}

async fn applicants(State(simulator): Shared) -> Json<Value> {
    let applicants: Vec<Value> = simulator
        .store
        .all()
        .iter()
        .map(shapes::applicant)
        .collect();
    Json(json!({ "applicants": applicants }))
}

async fn applicant(State(simulator): Shared, FromPath(user): FromPath<String>) -> Answer {
    let found = simulator.store.by_user(&user);
    let applicant = found.ok_or(ChangeError::Refused(Refused::NoApplicant))?;
    Ok(Json(json!({ "applicant": shapes::applicant(&applicant) })))
}

async fn start(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(start): Body<Start>,
) -> Answer {
    let level = start.level_name;
    change(&simulator, &user, Change::Start { level }).await
}

async fn submit(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(submission): Body<Submission>,
) -> Answer {
    change(&simulator, &user, Change::Submit(submission)).await
}

/// Takes any answer: a test may want one that nobody has heard of.
async fn review(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(verdict): Body<ReviewResult>,
) -> Answer {
    change(&simulator, &user, Change::Review(verdict)).await
}

async fn status(
    State(simulator): Shared,
    FromPath((user, status)): FromPath<(String, ReviewStatus)>,
) -> Answer {
    change(&simulator, &user, Change::Status(status)).await
}

async fn reset(State(simulator): Shared, FromPath(user): FromPath<String>) -> Answer {
    change(&simulator, &user, Change::Reset).await
}

async fn personal_info(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(details): Body<Details>,
) -> Answer {
    change(&simulator, &user, Change::Correct(details)).await
}

async fn level(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(level): Body<Level>,
) -> Answer {
    change(&simulator, &user, Change::Level(level.level_name)).await
}

async fn delete(State(simulator): Shared, FromPath(user): FromPath<String>) -> Answer {
    change(&simulator, &user, Change::Delete).await
}

async fn change(simulator: &Simulator, user: &str, change: Change) -> Answer {
    let (applicant, attempts) = simulator.change(user, change)?;
    let deliveries = attempts.await.map_err(|_| Refusal::Stopping)?;
    Ok(Json(json!({
        "applicant": shapes::applicant(&applicant),
        "deliveries": deliveries,
    })))
}

async fn behaviour(State(simulator): Shared) -> Json<Behaviour> {
    Json(simulator.faults.get())
}

async fn set_behaviour(
    State(simulator): Shared,
    Body(behaviour): Body<Behaviour>,
) -> Json<Behaviour> {
    simulator.faults.set(behaviour);
    Json(behaviour)
}

async fn webhooks(State(simulator): Shared) -> Json<Value> {
    Json(simulator.webhooks.state())
}

async fn set_webhooks(State(simulator): Shared, Body(travel): Body<Travel>) -> Json<Value> {
    simulator.webhooks.set_mode(travel.mode);
    Json(simulator.webhooks.state())
}

async fn release(State(simulator): Shared) -> Answer {
    let deliveries = simulator
        .webhooks
        .release()
        .await
        .map_err(|_| Refusal::Stopping)?;
    Ok(Json(json!({ "deliveries": deliveries })))
}

async fn forget(State(simulator): Shared) -> Json<Value> {
    Json(json!({ "dropped": simulator.webhooks.forget() }))
}

async fn send(State(simulator): Shared, Body(payload): Body<Value>) -> Answer {
    let message = Message::of(&payload).map_err(|error| Refusal::Input(error.to_string()))?;
    let deliveries = simulator
        .webhooks
        .send(message)
        .await
        .map_err(|_| Refusal::Stopping)?;
    Ok(Json(json!({ "deliveries": deliveries })))
}

async fn deliveries(State(simulator): Shared) -> Json<Value> {
    Json(json!({ "deliveries": simulator.webhooks.journal.all() }))
}

async fn clear_deliveries(State(simulator): Shared) -> Json<Value> {
    simulator.webhooks.journal.clear();
    Json(json!({ "deliveries": [] }))
}

async fn requests(State(simulator): Shared) -> Json<Value> {
    Json(json!({ "requests": simulator.requests.all() }))
}

async fn clear_requests(State(simulator): Shared) -> Json<Value> {
    simulator.requests.clear();
    Json(json!({ "requests": [] }))
}
