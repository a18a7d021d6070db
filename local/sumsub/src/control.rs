//! The control API, which plays the applicant and the reviewer and sets how the provider behaves.
//!
//! A call that changes an applicant returns after the first attempt at each of its webhooks.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Simulator;
use crate::extract::{Body, ControlError, FromPath};
use crate::faults::Behaviour;
use crate::model::{
    Action, ActionError, Applicant, ApplicantType, Details, ReviewResult, ReviewStatus, Submission,
    Target,
};
use crate::reviewer;
use crate::store::ChangeError;
use crate::webhooks::{DeliveryMode, Message};

type Shared = State<Arc<Simulator>>;
type JsonResult = Result<Json<Value>, ControlError>;

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
        .route("/applicants/{user}/deactivate", post(deactivate))
        .route("/applicants/{user}/activate", post(activate))
        .route("/api", get(behaviour).put(set_behaviour))
        .route("/webhooks", get(webhooks).put(set_webhooks))
        .route("/webhooks/release", post(release))
        .route("/webhooks/drop", post(forget))
        .route("/webhooks/send", post(send))
        .route("/deliveries", get(deliveries).delete(clear_deliveries))
        .route("/requests", get(requests).delete(clear_requests))
        .fallback(async || ControlError::Path)
        .method_not_allowed_fallback(async || ControlError::Method)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Start {
    level_name: Option<String>,
    #[serde(default)]
    applicant_type: ApplicantType,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Level {
    level_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    mode: DeliveryMode,
}

/// The number of an entry that is known already.
#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: usize,
}

async fn applicants(State(simulator): Shared) -> Json<Value> {
    let applicants: Vec<Value> = simulator.store.all().iter().map(Applicant::json).collect();
    Json(json!({ "applicants": applicants }))
}

async fn applicant(State(simulator): Shared, FromPath(user): FromPath<String>) -> JsonResult {
    let found = simulator.store.active(&user);
    let applicant = found.ok_or(ChangeError::Action(ActionError::NoApplicant))?;
    Ok(Json(json!({ "applicant": applicant.json() })))
}

async fn start(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(start): Body<Start>,
) -> JsonResult {
    let action = Action::Start {
        level: start.level_name,
        applicant_type: start.applicant_type,
    };
    apply(&simulator, &user, action).await
}

async fn submit(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(submission): Body<Submission>,
) -> JsonResult {
    let before = simulator.store.active(&user);
    let submitted = apply(&simulator, &user, Action::Submit(submission)).await?;
    if simulator.decides_by_id {
        let was_asked_again = before.as_ref().is_some_and(reviewer::is_asked_again);
        reviewer::decide(&simulator, &user, was_asked_again);
    }
    Ok(submitted)
}

/// Accepts any answer, because a test may want an unknown one.
async fn review(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(verdict): Body<ReviewResult>,
) -> JsonResult {
    apply(&simulator, &user, Action::Review(verdict)).await
}

async fn status(
    State(simulator): Shared,
    FromPath((user, status)): FromPath<(String, ReviewStatus)>,
) -> JsonResult {
    apply(&simulator, &user, Action::Status(status)).await
}

async fn reset(State(simulator): Shared, FromPath(user): FromPath<String>) -> JsonResult {
    apply(&simulator, &user, Action::Reset).await
}

async fn personal_info(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(details): Body<Details>,
) -> JsonResult {
    apply(&simulator, &user, Action::Correct(details)).await
}

async fn level(
    State(simulator): Shared,
    FromPath(user): FromPath<String>,
    Body(level): Body<Level>,
) -> JsonResult {
    apply(&simulator, &user, Action::Level(level.level_name)).await
}

async fn deactivate(State(simulator): Shared, FromPath(user): FromPath<String>) -> JsonResult {
    apply(&simulator, &user, Action::Deactivate).await
}

async fn activate(State(simulator): Shared, FromPath(user): FromPath<String>) -> JsonResult {
    apply(&simulator, &user, Action::Activate).await
}

async fn delete(State(simulator): Shared, FromPath(user): FromPath<String>) -> JsonResult {
    apply(&simulator, &user, Action::Delete).await
}

async fn apply(simulator: &Simulator, user: &str, action: Action) -> JsonResult {
    let (applicant, attempts) = simulator.apply(Target::User(user), action)?;
    let deliveries = attempts.await.map_err(|_| ControlError::Stopping)?;
    Ok(Json(json!({
        "applicant": applicant.json(),
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

async fn set_webhooks(State(simulator): Shared, Body(webhooks): Body<Webhooks>) -> Json<Value> {
    simulator.webhooks.set_mode(webhooks.mode);
    Json(simulator.webhooks.state())
}

async fn release(State(simulator): Shared) -> JsonResult {
    let deliveries = simulator
        .webhooks
        .release()
        .await
        .map_err(|_| ControlError::Stopping)?;
    Ok(Json(json!({ "deliveries": deliveries })))
}

async fn forget(State(simulator): Shared) -> Json<Value> {
    Json(json!({ "dropped": simulator.webhooks.forget() }))
}

async fn send(State(simulator): Shared, Body(payload): Body<Value>) -> JsonResult {
    let message = Message::of(&payload).map_err(|error| ControlError::Input(error.to_string()))?;
    let deliveries = simulator
        .webhooks
        .send(message)
        .await
        .map_err(|_| ControlError::Stopping)?;
    Ok(Json(json!({ "deliveries": deliveries })))
}

async fn deliveries(State(simulator): Shared, Query(after): Query<After>) -> Json<Value> {
    let (deliveries, last) = simulator.webhooks.journal.after(after.after);
    Json(json!({ "deliveries": deliveries, "last": last }))
}

async fn clear_deliveries(State(simulator): Shared) -> Json<Value> {
    simulator.webhooks.journal.clear();
    Json(json!({ "deliveries": [] }))
}

async fn requests(State(simulator): Shared, Query(after): Query<After>) -> Json<Value> {
    let (requests, last) = simulator.requests.after(after.after);
    Json(json!({ "requests": requests, "last": last }))
}

async fn clear_requests(State(simulator): Shared) -> Json<Value> {
    simulator.requests.clear();
    Json(json!({ "requests": [] }))
}
