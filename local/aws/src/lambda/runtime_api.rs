//! The Runtime API, through which a function's process gets events and sends responses.
//!
//! Each instance has its own base path, which identifies the sender of a request.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use uuid::Uuid;

use super::{InvocationError, MAX_PAYLOAD};
use crate::{lock, logs::Logs};

/// An event for an instance.
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    pub(super) deadline_ms: u128,
    pub(super) payload: Bytes,
    pub(super) reply: Reply,
}

type Reply = oneshot::Sender<Result<Bytes, InvocationError>>;

/// The invocations of one instance.
struct Mailbox {
    invocations: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    /// The invocation that the instance works on.
    current: Mutex<Option<(String, Reply)>>,
}

/// The API for all instances of all functions.
pub(super) struct RuntimeApi {
    address: SocketAddr,
    instances: Mutex<HashMap<String, Arc<Mailbox>>>,
}

impl RuntimeApi {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            instances: Mutex::default(),
        }
    }

    /// Returns the base URL of an instance. Lambda passes an address without scheme, which could not hold a path.
    pub(super) fn url(&self, instance: &str) -> String {
        format!("http://{}/{instance}", self.address)
    }

    pub(super) fn register(&self, instance: &str) -> mpsc::Sender<Invocation> {
        let (sender, receiver) = mpsc::channel(1);
        let mailbox = Mailbox {
            invocations: receiver.into(),
            current: Mutex::default(),
        };
        lock(&self.instances).insert(instance.to_owned(), Arc::new(mailbox));
        sender
    }

    pub(super) fn unregister(&self, instance: &str) {
        lock(&self.instances).remove(instance);
    }

    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, logs: Arc<Logs>) {
        let router = Router::new()
            .route("/{instance}/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/{instance}/2018-06-01/runtime/invocation/{request}/response",
                post(response),
            )
            .route(
                "/{instance}/2018-06-01/runtime/invocation/{request}/error",
                post(error),
            )
            // The process logs the reason and ends. Its end fails the invocation.
            .route(
                "/{instance}/2018-06-01/runtime/init/error",
                post(StatusCode::ACCEPTED),
            )
            .layer(DefaultBodyLimit::max(MAX_PAYLOAD))
            .with_state(self);
        if let Err(error) = axum::serve(listener, router).await {
            logs.push("lambda", format!("the Runtime API has failed: {error}"));
        }
    }

    fn mailbox(&self, instance: &str) -> Result<Arc<Mailbox>, StatusCode> {
        lock(&self.instances)
            .get(instance)
            .cloned()
            .ok_or(StatusCode::FORBIDDEN)
    }

    /// Ends an invocation with its result.
    ///
    /// # Errors
    /// Fails with 400 unless `request` is the current invocation of the instance.
    fn finish(
        &self,
        instance: &str,
        request: &str,
        result: Result<Bytes, InvocationError>,
    ) -> Result<StatusCode, StatusCode> {
        let mailbox = self.mailbox(instance)?;
        let current = lock(&mailbox.current).take_if(|(id, _)| id == request);
        let (_, reply) = current.ok_or(StatusCode::BAD_REQUEST)?;
        // The receiver is gone if the invocation has just timed out.
        reply.send(result).map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(StatusCode::ACCEPTED)
    }
}

type Api = State<Arc<RuntimeApi>>;

async fn next(State(api): Api, Path(instance): Path<String>) -> Result<Response, StatusCode> {
    let mailbox = api.mailbox(&instance)?;
    let mut invocations = mailbox.invocations.lock().await;
    // Asking for the next event abandons the current one.
    lock(&mailbox.current).take();
    let Invocation {
        request_id,
        function_arn,
        deadline_ms,
        payload,
        reply,
    } = invocations.recv().await.ok_or(StatusCode::GONE)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut unique = Uuid::new_v4().simple().to_string();
    unique.truncate(24);
    let trace_id = format!("Root=1-{:08x}-{unique};Sampled=0", now.as_secs());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", function_arn),
        ("lambda-runtime-trace-id", trace_id),
    ];
    *lock(&mailbox.current) = Some((request_id, reply));
    Ok((
        headers.map(|(name, value)| (HeaderName::from_static(name), value)),
        payload,
    )
        .into_response())
}

async fn response(
    State(api): Api,
    Path((instance, request)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, StatusCode> {
    if let Ok(body) = body {
        return api.finish(&instance, &request, Ok(body));
    }
    api.finish(&instance, &request, Err(InvocationError::TooLarge))?;
    Err(StatusCode::PAYLOAD_TOO_LARGE)
}

async fn error(
    State(api): Api,
    Path((instance, request)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    let report = String::from_utf8_lossy(&body).into_owned();
    api.finish(&instance, &request, Err(InvocationError::Reported(report)))
}
