//! API Gateway: a REST API whose routes are Lambda functions behind the proxy integration.

mod answer;
mod event;

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
    http::{HeaderValue, request::Parts},
    response::Response,
};
use shared::kyc::UserId;
use tokio::{net::TcpListener, sync::broadcast, time::timeout};
use uuid::Uuid;

use self::{answer::Refusal, event::Context};
use crate::{
    lambda::{Failure, Lambda, MAX_PAYLOAD},
    template::{GatewayResponse, Route},
    token,
};

/// The most that API Gateway takes for a body: 10 MiB.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// How much of a body that is too large is still read: a client that is writing would not see our answer.
const MAX_DISCARDED: usize = 256 * 1024 * 1024;

/// The most that API Gateway takes for the request line and the headers.
const MAX_HEAD: usize = 10_240;

/// How long API Gateway waits for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// A request that has been answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The status of the response.
    pub status: u16,
    /// How long it took.
    pub duration: Duration,
    /// The user who the token says is asking. Nobody has checked that: it is for people to read.
    pub user: Option<UserId>,
    /// The request id, which is the trace id of errors and of log lines.
    pub request_id: String,
}

/// The gateway.
pub struct Gateway {
    /// The functions that it calls.
    pub lambda: Arc<Lambda>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// What it answers by itself.
    pub responses: BTreeMap<String, GatewayResponse>,
    /// The stage of the API.
    pub stage: String,
    /// What is served beside the API, at paths that are none of its routes.
    pub pages: Router,
    /// Where every answered request is told.
    pub answered: broadcast::Sender<Answered>,
}

/// Serves the API until `shutdown`.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    mut gateway: Gateway,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    let pages = std::mem::take(&mut gateway.pages);
    let gateway = Arc::new(gateway);
    let handle = move |client, request| handle(Arc::clone(&gateway), port, client, request);
    // Whatever a page does not answer is a request to the API, another method at the same path too.
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
    gateway: Arc<Gateway>,
    port: u16,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let request_id = Uuid::new_v4().to_string();
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let context = Context {
        request_id: &request_id,
        stage: &gateway.stage,
        client: client.ip(),
        port,
    };
    let mut response = match gateway.answer(&head, body, &context).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(&gateway.responses, path, &request_id),
    };
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    let answered = Answered {
        method: head.method.to_string(),
        path: path.to_owned(),
        status: response.status().as_u16(),
        duration: started.elapsed(),
        user: token::subject(&head.headers),
        request_id,
    };
    // Fails only when nobody listens.
    gateway.answered.send(answered).ok();
    response
}

impl Gateway {
    async fn answer(
        &self,
        head: &Parts,
        body: Body,
        context: &Context<'_>,
    ) -> Result<Response, Refusal> {
        // Read before anything is refused: a client that is still writing would not see our answer.
        let body = read(body).await;
        let domain = event::domain(&head.headers).ok_or(Refusal::BadRequest)?;
        if size(head) > MAX_HEAD {
            return Err(Refusal::TooLarge);
        }
        let path = head.uri.path();
        let route = self
            .routes
            .iter()
            .find(|route| route.path == path && route.method == head.method.as_str());
        let route = route.ok_or(Refusal::UnknownRoute)?;
        let event = event::event(head, &body?, &domain, context).to_string();
        if event.len() > MAX_PAYLOAD {
            return Err(Refusal::TooLarge);
        }
        let answer = timeout(
            INTEGRATION_TIMEOUT,
            self.lambda.invoke(&route.binary, event.into()),
        )
        .await;
        match answer {
            Ok(Ok(answer)) => answer::from_function(&answer).ok_or(Refusal::IntegrationFailure),
            Ok(Err(Failure::TimedOut(_))) | Err(_) => Err(Refusal::IntegrationTimeout),
            Ok(Err(_)) => Err(Refusal::IntegrationFailure),
        }
    }
}

/// The size of the request line and the headers.
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

/// The whole body, unless it is too large.
async fn read(mut body: Body) -> Result<Bytes, Refusal> {
    let mut content = Vec::new();
    let mut length = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        // The client has gone, or its encoding is broken.
        let frame = frame.map_err(|_| Refusal::BadRequest)?;
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
        Err(Refusal::TooLarge)
    } else {
        Ok(content.into())
    }
}
