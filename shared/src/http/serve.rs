//! The loop of a function: a request in, an answer out, one log line for each.

use std::convert::Infallible;
use std::future::Future;
use std::time::Instant;

use lambda_http::{Body, Error, Request, Response, service_fn};
use tracing::Instrument;

use super::{Call, ErrorTypes, Failure, Reply, Route};
use crate::runtime::chain;

/// Serves `route` until Lambda ends the process. Whatever `handle` fails with becomes problem details; its cause is logged
/// here, once, under the trace id that the caller gets.
///
/// # Errors
/// When Lambda's runtime API is gone.
pub async fn serve<H, F>(route: Route, error_types: ErrorTypes, handle: H) -> Result<(), Error>
where
    H: Fn(Call) -> F,
    F: Future<Output = Result<Reply, Failure>> + Send,
{
    let (handle, error_types) = (&handle, &error_types);
    lambda_http::run(service_fn(move |request: Request| {
        let call = Call::new(request);
        let span = tracing::info_span!("request", trace_id = call.trace_id());
        respond(route, error_types, call.trace_id(), handle(call)).instrument(span)
    }))
    .await
}

async fn respond(
    route: Route,
    error_types: &ErrorTypes,
    trace_id: String,
    handled: impl Future<Output = Result<Reply, Failure>> + Send,
) -> Result<Response<Body>, Infallible> {
    let started = Instant::now();
    let (reply, failure) = match handled.await {
        Ok(reply) => (reply, None),
        Err(failure) => (failure.reply(error_types, route, &trace_id), Some(failure)),
    };
    let (path, status, ms) = (
        route.path(),
        reply.status_code().as_u16(),
        u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    );
    let code = failure.as_ref().map(Failure::code);
    let cause = failure
        .as_ref()
        .and_then(Failure::cause)
        .map(|cause| chain(cause).to_string());
    if reply.status_code().is_server_error() {
        tracing::error!(path, status, ms, code, cause, "request failed");
    } else {
        tracing::info!(path, status, ms, code, cause, "request");
    }
    Ok(reply.into_response())
}
