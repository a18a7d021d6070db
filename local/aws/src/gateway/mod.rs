//! API Gateway: a REST API or an HTTP API whose routes are Lambda functions behind the proxy integration.

mod authorizer;
mod event;
mod response;
mod signature;

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, Request},
    http::{
        HeaderMap, HeaderValue,
        header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, ORIGIN},
        request::Parts,
    },
    response::Response,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::broadcast, time::timeout};
use uuid::Uuid;

pub use self::signature::{Caller, Callers};
use self::{
    authorizer::LambdaAuthorizer,
    event::{Context, Target},
    response::GatewayError,
};
use crate::{
    lambda::{InvocationError, Lambda, MAX_PAYLOAD},
    template::{Api, ApiKind},
};

/// The largest body that API Gateway accepts: 10 MiB.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// The size up to which a body is read although it is too large. A client that is still writing would not see the response.
const MAX_DISCARDED: usize = 256 * 1024 * 1024;

/// The largest request line with headers that API Gateway accepts, in bytes.
const MAX_HEAD: usize = 10_240;

/// The longest time that API Gateway waits for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// An entry of the access log: a request and its response.
#[derive(Debug, Clone)]
pub struct AccessLogEntry {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The status of the response.
    pub status: u16,
    /// The time from request to response.
    pub duration: Duration,
    /// The user that the request claims to come from, as [`Gateway::user`] reads it. Nothing has verified the claim.
    pub user: Option<String>,
    /// The request id, which errors and log lines name too.
    pub request_id: String,
    /// The origin of a web page that is kept from reading the response.
    pub refused_origin: Option<String>,
}

impl AccessLogEntry {
    /// Returns the entry in the terms of the functions' logs.
    #[must_use]
    pub fn json(&self) -> Value {
        let ms = u64::try_from(self.duration.as_millis());
        json!({
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "ms": ms.unwrap_or(u64::MAX),
            "user": self.user,
            "trace_id": self.request_id,
            "refused_origin": self.refused_origin,
        })
    }
}

/// An API and what it needs to respond.
pub struct Gateway {
    /// The service that runs the functions.
    pub lambda: Arc<Lambda>,
    /// The API.
    pub api: Api,
    /// Those who may sign requests, if the API needs a signature.
    pub callers: Option<Callers>,
    /// Pages served beside the API, at paths that are no routes.
    pub pages: Router,
    /// Reads the user of a request for the access log. The gateway itself does not know users.
    pub user: fn(&HeaderMap) -> Option<String>,
    /// Receives an entry for each request.
    pub access_log: broadcast::Sender<AccessLogEntry>,
}

/// A gateway with the answers that its authorizer gave.
struct Server {
    gateway: Gateway,
    authorizer: Option<LambdaAuthorizer>,
}

/// Serves the API until `shutdown`.
///
/// # Errors
/// Fails if the listener does.
pub async fn serve(
    listener: TcpListener,
    mut gateway: Gateway,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    let pages = std::mem::take(&mut gateway.pages);
    let authorizer = gateway.api.authorizer.take().map(LambdaAuthorizer::new);
    let server = Arc::new(Server {
        gateway,
        authorizer,
    });
    let handle = move |client, request| handle(Arc::clone(&server), port, client, request);
    // A request that no page handles is for the API, even if a page has the same path with another method.
    let router = pages
        .method_not_allowed_fallback(handle.clone())
        .fallback(handle);
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(shutdown)
    .await
}

async fn handle(
    server: Arc<Server>,
    port: u16,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let gateway = &server.gateway;
    let request_id = Uuid::new_v4().to_string();
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let context = Context {
        request_id: &request_id,
        stage: &gateway.api.stage,
        client: client.ip(),
        port,
    };
    let mut response = match server.respond(&head, body, &context).await {
        Ok(response) => response,
        Err(error) => error.response(&gateway.api, path, &request_id),
    };
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        let name = match gateway.api.kind {
            ApiKind::Rest => "x-amzn-requestid",
            ApiKind::Http => "apigw-requestid",
        };
        response.headers_mut().insert(name, id);
    }
    let entry = AccessLogEntry {
        method: head.method.to_string(),
        path: path.to_owned(),
        status: response.status().as_u16(),
        duration: started.elapsed(),
        user: (gateway.user)(&head.headers),
        request_id,
        refused_origin: refused_origin(&head, &response),
    };
    // Fails only without receivers.
    gateway.access_log.send(entry).ok();
    response
}

/// Returns the origin of a request from a page of another origin, if the browser will not let it read the response.
fn refused_origin(head: &Parts, response: &Response) -> Option<String> {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN)?;
    let is_own = text(HOST) == origin.strip_prefix("http://");
    let is_let_in = response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN);
    (!is_let_in && !is_own).then(|| origin.to_owned())
}

impl Server {
    async fn respond(
        &self,
        head: &Parts,
        body: Body,
        context: &Context<'_>,
    ) -> Result<Response, GatewayError> {
        // Read before any check, because a client that is still writing would not see the response.
        let body = read(body).await;
        let domain = event::domain(&head.headers).ok_or(GatewayError::BadRequest)?;
        if size(head) > MAX_HEAD {
            return Err(GatewayError::TooLarge);
        }
        let path = head.uri.path();
        let Gateway {
            lambda,
            api,
            callers,
            ..
        } = &self.gateway;
        let routes = api.routes.iter();
        let mut routes = routes.filter(|route| route.method == head.method.as_str());
        let found = routes.find_map(|route| Some((route, parameters(&route.path, path)?)));
        let (route, parameters) = found.ok_or(GatewayError::UnknownRoute)?;
        let body = body?;
        let caller = match callers {
            Some(callers) => Some(callers.authorize(head, &body, &api.stage)?),
            None => None,
        };
        let target = Target {
            resource: &route.path,
            parameters,
            caller,
        };
        let mut event = match api.kind {
            ApiKind::Rest => event::event(head, &body, &domain, &target, context),
            ApiKind::Http => event::http_event(head, &body, &domain, &target, context),
        };
        if let Some(authorizer) = &self.authorizer {
            let context = authorizer.authorize(lambda, api, head, &event).await?;
            if let Some(Value::Object(of_request)) = event.get_mut("requestContext") {
                of_request.insert("authorizer".to_owned(), context);
            }
        }
        let event = event.to_string();
        if event.len() > MAX_PAYLOAD {
            return Err(GatewayError::TooLarge);
        }
        let result = timeout(
            INTEGRATION_TIMEOUT,
            lambda.invoke(&route.binary, event.into()),
        )
        .await;
        match result {
            Ok(Ok(payload)) => {
                response::from_function(&payload, api.kind).ok_or(GatewayError::IntegrationFailure)
            }
            Ok(Err(InvocationError::TimedOut(_))) | Err(_) => Err(GatewayError::IntegrationTimeout),
            Ok(Err(_)) => Err(GatewayError::IntegrationFailure),
        }
    }
}

/// Returns the path parameters if a path is of a route, as they were sent. API Gateway's documentation does not say whether it decodes
/// them; a function that decodes them once is right in both cases.
fn parameters(route: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut segments = path.split('/');
    for expected in route.split('/') {
        let segment = segments.next()?;
        let name = expected
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        match name {
            Some(name) if !segment.is_empty() => {
                parameters.insert(name.to_owned(), segment.to_owned());
            }
            _ if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}

/// Returns the size of the request line and the headers, in bytes.
fn size(head: &Parts) -> usize {
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    target + headers.sum::<usize>()
}

/// Reads the whole body, unless it is too large.
async fn read(mut body: Body) -> Result<Bytes, GatewayError> {
    let mut content = Vec::new();
    let mut length = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        // The client went away, or the encoding is broken.
        let frame = frame.map_err(|_| GatewayError::BadRequest)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len();
        if length <= MAX_BODY {
            content.extend_from_slice(&data);
        } else if length > MAX_DISCARDED {
            break;
        }
    }
    if length > MAX_BODY {
        Err(GatewayError::TooLarge)
    } else {
        Ok(content.into())
    }
}
