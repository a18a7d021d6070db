//! A request, reduced to the parts that our routes use.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt};

use super::{Failure, Problem, Route};
use crate::platform::Deadline;

/// Time of a function that runs without Lambda's deadline.
const UNLIMITED: Duration = Duration::from_secs(30);

/// A request to a route.
#[derive(Debug)]
pub struct Request {
    request: lambda_http::Request,
    deadline: Deadline,
}

impl Request {
    /// Wraps an event of API Gateway, of a REST API and of an HTTP API alike.
    #[must_use]
    pub fn new(request: lambda_http::Request) -> Self {
        let left = request
            .lambda_context_ref()
            .and_then(|context| context.deadline().duration_since(SystemTime::now()).ok());
        let deadline = Deadline::leaving_reserve(left.unwrap_or(UNLIMITED));
        Self { request, deadline }
    }

    /// Returns API Gateway's id of the request, which callers see in errors, or Lambda's where there is none.
    #[must_use]
    pub fn trace_id(&self) -> String {
        let gateway = match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.request_id.clone(),
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
            _ => None,
        };
        gateway
            .or_else(|| Some(self.request.lambda_context_ref()?.request_id.clone()))
            .unwrap_or_default()
    }

    /// Returns the time by which every outward call must have ended, so that there is time left to respond.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Returns whether API Gateway took the request for this route. An HTTP API may put the stage before the path.
    #[must_use]
    pub fn is_for(&self, route: Route) -> bool {
        let path = match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.resource_path.as_deref(),
            Some(RequestContext::ApiGatewayV2(context)) => context.http.path.as_deref(),
            _ => None,
        };
        path.is_some_and(|path| path.ends_with(route.path()))
    }

    /// Returns the method.
    pub(super) fn method(&self) -> &Method {
        self.request.method()
    }

    /// Returns the path of the route that a REST API took the request for, with the names of its parameters.
    pub(super) fn resource(&self) -> &str {
        match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.resource_path.as_deref(),
            _ => None,
        }
        .unwrap_or_default()
    }

    /// Returns all values of a query parameter.
    pub(super) fn query(&self, name: &str) -> Vec<&str> {
        let parameters = self.request.query_string_parameters_ref();
        parameters
            .and_then(|parameters| parameters.all(name))
            .unwrap_or_default()
    }

    /// Returns the request as `lambda_http` has it.
    pub(super) fn inner(&self) -> &lambda_http::Request {
        &self.request
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// Returns the exact bytes of the body, whether the event held them as text or in base64.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        match self.request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        }
    }

    /// Reads the query parameter `refresh`: `true` or `false` in any letter case, `1` or `0`. Absent: `false`.
    ///
    /// # Errors
    /// [`Problem::InvalidParameter`] for anything else, and for two contradicting ones.
    pub fn refresh(&self) -> Result<bool, Failure> {
        const NAME: &str = "refresh";
        match &self.query(NAME)[..] {
            [] => Ok(false),
            [no] if no.eq_ignore_ascii_case("false") || *no == "0" => Ok(false),
            [yes] if yes.eq_ignore_ascii_case("true") || *yes == "1" => Ok(true),
            _ => Err(Problem::InvalidParameter {
                name: NAME,
                expected: "true or false",
            }
            .into()),
        }
    }

    /// Returns whether `expand`, a list separated by commas, asks for the onboarding. Unknown members are ignored.
    #[must_use]
    pub fn expands_onboarding(&self) -> bool {
        self.query("expand")
            .iter()
            .flat_map(|list| list.split(','))
            .any(|name| name.trim() == "onboarding")
    }
}
