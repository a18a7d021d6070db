//! A request, reduced to what our routes look at.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};

use super::{Failure, Problem};
use crate::runtime::Deadline;

/// What a function may take where nobody says so.
const UNLIMITED: Duration = Duration::from_secs(30);

/// One call of a route.
#[derive(Debug)]
pub struct Call {
    request: Request,
    deadline: Deadline,
}

impl Call {
    /// Wraps an event of API Gateway, of a REST API and of an HTTP API alike.
    #[must_use]
    pub fn new(request: Request) -> Self {
        let left = request
            .lambda_context_ref()
            .and_then(|context| context.deadline().duration_since(SystemTime::now()).ok());
        let deadline = Deadline::leaving_reserve(left.unwrap_or(UNLIMITED));
        Self { request, deadline }
    }

    /// API Gateway's id of the request, which callers see in errors; Lambda's where there is none.
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

    /// When every outward call must have ended, so that there is time left to answer.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The exact bytes of the body, whether the event held them as text or in base64.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        match self.request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        }
    }

    /// The query parameter `refresh`: `true` or `false`, which is also what its absence means.
    ///
    /// # Errors
    /// [`Problem::InvalidParameter`] for anything else, and for two contradicting ones.
    pub fn refresh(&self) -> Result<bool, Failure> {
        const NAME: &str = "refresh";
        let parameters = self.request.query_string_parameters_ref();
        match parameters
            .and_then(|parameters| parameters.all(NAME))
            .as_deref()
        {
            None | Some(["false"]) => Ok(false),
            Some(["true"]) => Ok(true),
            Some(_) => Err(Problem::InvalidParameter {
                name: NAME,
                expected: "true or false",
            }
            .into()),
        }
    }

    /// Whether `expand` asks for the onboarding: a list separated by commas, of which unknown members are ignored.
    #[must_use]
    pub fn expands_onboarding(&self) -> bool {
        let parameters = self.request.query_string_parameters_ref();
        let lists = parameters
            .and_then(|parameters| parameters.all("expand"))
            .unwrap_or_default();
        lists
            .iter()
            .flat_map(|list| list.split(','))
            .any(|name| name.trim() == "onboarding")
    }
}
