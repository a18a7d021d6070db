//! The loop of a function: a request in, an answer out, one log line for each.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Instant;

use http::{HeaderName, HeaderValue, Method};
use lambda_http::request::LambdaRequest;
use lambda_http::tower::ServiceExt;
use lambda_http::{
    Adapter, Body, Error, IntoResponse, LambdaEvent, Request, Response, lambda_runtime, service_fn,
};
use tracing::Instrument;

use super::{Call, ErrorTypes, Failure, Origins, Reply, Route, cleaned, cors};
use crate::runtime::{chain, metrics};

/// What all answers of a function have in common.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The route that it serves.
    pub route: Route,
    /// Where the types of errors point.
    pub error_types: ErrorTypes,
    /// The web pages that may call it.
    pub origins: Origins,
}

/// Serves a route until Lambda ends the process. Whatever `handle` fails with becomes problem details; its cause is logged
/// here, once, under the trace id that the caller gets.
///
/// # Errors
/// When Lambda's runtime API is gone.
pub async fn serve<H, F>(edge: Edge, handle: H) -> Result<(), Error>
where
    H: Fn(Call) -> F + Sync,
    F: Future<Output = Result<Reply, Failure>> + Send,
{
    let (handle, edge) = (&handle, &edge);
    let service = service_fn(move |request: Request| async move {
        let origin = edge.origins.allowed(request.headers());
        if edge.route.is_for_browsers() && request.method() == Method::OPTIONS {
            let reply = edge.response(Reply::no_content(), origin, &cors::CALLS);
            return Ok(Complete(reply));
        }
        let call = Call::new(request);
        let trace_id = call.trace_id();
        let span = tracing::info_span!("request", trace_id);
        // Boxed, since a future is moved each time it is wrapped: this one is 20 kB.
        let handled = Box::pin(handle(call));
        let reply = edge.reply(&trace_id, handled).instrument(span);
        let reply = metrics::traced(trace_id.clone(), reply).await;
        Ok::<_, Infallible>(Complete(edge.response(reply, origin, &cors::READABLE)))
    });
    let service = Adapter::from(service).map_request(|event: LambdaEvent<LambdaRequest>| {
        LambdaEvent::new(cleaned(event.payload), event.context)
    });
    lambda_runtime::run(service).await
}

/// A response whose body is complete. `lambda_http` would read any other body as a stream of some character encoding.
struct Complete(Response<Body>);

impl IntoResponse for Complete {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}

impl Edge {
    /// The answer, or the problem that stands for it.
    async fn reply(
        &self,
        trace_id: &str,
        handled: impl Future<Output = Result<Reply, Failure>> + Send,
    ) -> Reply {
        let started = Instant::now();
        let (reply, failure) = match handled.await {
            Ok(reply) => (reply, None),
            Err(failure) => (
                failure.reply(&self.error_types, self.route, trace_id),
                Some(failure),
            ),
        };
        let (path, status, ms) = (
            self.route.path(),
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
        reply
    }

    /// The answer as it is sent, with what it says to a page of an allowed origin.
    fn response(
        &self,
        reply: Reply,
        origin: Option<HeaderValue>,
        to_page: &[(HeaderName, &'static str)],
    ) -> Response<Body> {
        let mut response = reply.into_response();
        if self.route.is_for_browsers() {
            cors::allow(origin, to_page, response.headers_mut());
        }
        response
    }
}
