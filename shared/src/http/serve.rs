//! The loop of a function: a request in, a response out, one log line for each.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lambda_http::request::LambdaRequest;
use lambda_http::tower::Service;
use lambda_http::{Adapter, Body, Error, IntoResponse, LambdaEvent, lambda_runtime, service_fn};
use serde::Serialize;
use tracing::Instrument;

use super::authorizer::Authorizer;
use super::gateway_event::{Event, normalized};
use super::views::TimeFormat;
use super::{Admitted, ErrorTypes, Failure, Origins, Request, Response, Route, cors};
use crate::platform::{ConfigError, Variables, chain, metrics};

/// The common part of a route's responses.
#[derive(Debug, Clone)]
pub struct Endpoint {
    route: Route,
    error_types: ErrorTypes,
    /// Origins of the web pages that may call the route.
    origins: Origins,
    /// The version of the function, by which alarms tell a new one from the one before.
    version: Option<String>,
}

/// Serves a route until Lambda ends the process. A failure of `handle` becomes problem details; its cause is logged here, once,
/// under the trace id that the caller gets.
///
/// # Errors
/// [`Error`] when Lambda's runtime API is gone.
pub async fn serve<H, F>(endpoint: Endpoint, handle: H) -> Result<(), Error>
where
    H: Fn(Request) -> F + Sync,
    F: Future<Output = Result<Response, Failure>> + Send,
{
    lambda_runtime::run(requests(&endpoint, &handle)).await
}

/// Serves a route, and decides for other APIs who may go on (docs/authorizer.md): `authorize` gets the headers of the request in question.
///
/// # Errors
/// [`Error`] when Lambda's runtime API is gone.
pub async fn serve_and_authorize<H, F, A, D>(
    endpoint: Endpoint,
    handle: H,
    authorize: A,
) -> Result<(), Error>
where
    H: Fn(Request) -> F + Sync,
    F: Future<Output = Result<Response, Failure>> + Send,
    A: Fn(HeaderMap) -> D,
    D: Future<Output = Result<Admitted, Failure>> + Send,
{
    let others = requests(&endpoint, &handle);
    lambda_runtime::run(Authorizer {
        others,
        authorize,
        life: PhantomData,
    })
    .await
}

/// Returns the service that answers requests to a route.
fn requests<'a, H, F>(
    endpoint: &'a Endpoint,
    handle: &'a H,
) -> Requests<
    impl Service<
        LambdaEvent<LambdaRequest>,
        Response: Serialize,
        Error = Infallible,
        Future: Unpin + Send + 'a,
    >,
>
where
    H: Fn(Request) -> F + Sync,
    F: Future<Output = Result<Response, Failure>> + Send + 'a,
{
    let service = service_fn(move |request: lambda_http::Request| async move {
        let origin = endpoint.origins.allowed(request.headers());
        if endpoint.route.is_for_browsers() && request.method() == Method::OPTIONS {
            let preflight = endpoint.finish(Response::no_content(), origin, &cors::CALLS);
            return Ok(Complete(preflight));
        }
        let request = Request::new(request);
        let trace_id = request.trace_id();
        let (instance, times) = (
            endpoint.instance(&request),
            TimeFormat::of(request.headers()),
        );
        let span = tracing::info_span!("request", trace_id);
        // Boxed, since a future is moved each time it is wrapped: this one is 20 kB.
        let handled = Box::pin(times.scope(handle(request)));
        let response = endpoint
            .respond(&instance, &trace_id, handled)
            .instrument(span);
        let response = metrics::traced(trace_id.clone(), response).await;
        Ok::<_, Infallible>(Complete(endpoint.finish(response, origin, &cors::READABLE)))
    });
    Requests(Adapter::from(service))
}

/// Answers requests with a service, and other events with nothing. An error would count against the function's version, and roll
/// deployments back.
struct Requests<S>(S);

impl<S> Service<LambdaEvent<Event>> for Requests<S>
where
    S: Service<LambdaEvent<LambdaRequest>, Future: Unpin>,
{
    type Response = Option<S::Response>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, LambdaEvent { payload, context }: LambdaEvent<Event>) -> Self::Future {
        let request = payload.0;
        if request.is_none() {
            tracing::info!("event is no request; nothing done");
        }
        let request = request.map(|request| LambdaEvent::new(normalized(request), context));
        Answer(request.map(|request| self.0.call(request)))
    }
}

/// The answer to an event, if the event is a request.
struct Answer<F>(Option<F>);

impl<F, R, E> Future for Answer<F>
where
    F: Future<Output = Result<R, E>> + Unpin,
{
    type Output = Result<Option<R>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(answer) => Pin::new(answer).poll(context).map_ok(Some),
            None => Poll::Ready(Ok(None)),
        }
    }
}

/// A response whose body is complete. `lambda_http` would read any other body as a stream of some character encoding.
struct Complete(http::Response<Body>);

impl IntoResponse for Complete {
    fn into_response(self) -> Pin<Box<dyn Future<Output = http::Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}

impl Endpoint {
    /// Reads `ERROR_TYPE_BASE`, the prefix of error types, and `CORS_ORIGINS`, if browsers call the route at all.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or wrong.
    pub fn from_environment(variables: &Variables, route: Route) -> Result<Self, ConfigError> {
        let origins = match variables.optional("CORS_ORIGINS") {
            Some(_) if route.is_for_browsers() => {
                variables.parsed("CORS_ORIGINS", Origins::parse)?
            }
            Some(_) | None => Origins::default(),
        };
        Ok(Self {
            route,
            error_types: ErrorTypes::new(variables.required("ERROR_TYPE_BASE")?),
            origins,
            version: variables
                .optional("AWS_LAMBDA_FUNCTION_VERSION")
                .map(str::to_owned),
        })
    }

    /// Returns the path of a request: that of the function's route, or of its second, or the one with a user's id.
    fn instance(&self, request: &Request) -> Cow<'static, str> {
        match self.route {
            Route::User if request.is_for(Route::OnboardingSteps) => {
                Route::OnboardingSteps.path().into()
            }
            Route::Operations => request.call_path().into(),
            route => route.path().into(),
        }
    }

    /// Returns the response of a handler, or the problem details of its failure, and logs the request.
    async fn respond(
        &self,
        instance: &str,
        trace_id: &str,
        handled: impl Future<Output = Result<Response, Failure>> + Send,
    ) -> Response {
        let started = Instant::now();
        let (response, failure) = match handled.await {
            Ok(response) => (response, None),
            Err(failure) => (
                failure.response(&self.error_types, instance, trace_id),
                Some(failure),
            ),
        };
        // That of the function, by which alarms count.
        let (path, status, ms) = (
            self.route.path(),
            response.status_code().as_u16(),
            u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        );
        let code = failure.as_ref().map(Failure::code);
        let cause = failure
            .as_ref()
            .and_then(Failure::cause)
            .map(|cause| chain(cause).to_string());
        let version = self.version.as_deref();
        if response.status_code().is_server_error() {
            tracing::error!(path, status, version, ms, code, cause, "request failed");
        } else {
            tracing::info!(path, status, version, ms, code, cause, "request");
        }
        response
    }

    /// Returns the response as it is sent, with the headers for a page of an allowed origin.
    fn finish(
        &self,
        response: Response,
        origin: Option<HeaderValue>,
        to_page: &[(HeaderName, &'static str)],
    ) -> http::Response<Body> {
        let mut response = response.into_http();
        if self.route.is_for_browsers() {
            cors::allow(origin, to_page, response.headers_mut());
        }
        response
    }
}
