//! A gateway whose function is a script, and the function's side of the Runtime API.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use local_aws::{
    gateway::{self, Gateway},
    lambda::{Function, Lambda},
    logs::{LogLine, Logs},
    template::{self, GatewayResponse, Route},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
};

/// A running gateway with a function at `/function`.
pub(crate) struct Api {
    pub(crate) url: String,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) logs: Arc<Logs>,
    lines: broadcast::Receiver<LogLine>,
}

impl Api {
    pub(crate) async fn start(script: &str, timeout: Duration) -> Self {
        let logs = Arc::new(Logs::new(None));
        let lines = logs.follow();
        let function = Function {
            name: "function".to_owned(),
            executable: Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/functions")
                .join(script),
            memory_size: 128,
            timeout,
            environment: BTreeMap::new(),
        };
        let lambda = Arc::new(Lambda::start(vec![function], &logs).await.unwrap());
        let route = |method: &str| Route {
            method: method.to_owned(),
            path: "/function".to_owned(),
            binary: "function".to_owned(),
        };
        let responses = [
            ("MISSING_AUTHENTICATION_TOKEN", 404),
            ("REQUEST_TOO_LARGE", 413),
            ("DEFAULT_4XX", 400),
            ("INTEGRATION_FAILURE", 502),
            ("INTEGRATION_TIMEOUT", 504),
        ];
        let responses = responses.into_iter().map(|(kind, status)| {
            let headers = BTreeMap::from([("Content-Type".to_owned(), "application/problem+json".to_owned())]);
            let body = json!({ "kind": kind, "instance": "$context.path", "trace_id": "$context.requestId" });
            (kind.to_owned(), GatewayResponse { status: Some(status), headers, body: body.to_string() })
        });
        let gateway = Gateway {
            lambda: Arc::clone(&lambda),
            api: template::Api {
                id: "Api".to_owned(),
                kind: template::ApiKind::Rest,
                authorizer: None,
                stage: "live".to_owned(),
                routes: vec![route("GET"), route("POST")],
                responses: responses.collect(),
            },
            callers: None,
            pages: axum::Router::new(),
            user: |_| None,
            access_log: broadcast::Sender::new(16),
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(gateway::serve(listener, gateway, std::future::pending()));
        Self {
            url,
            lambda,
            logs,
            lines,
        }
    }

    /// Sends a request to the function in its own task.
    pub(crate) fn get(&self) -> tokio::task::JoinHandle<Response> {
        let url = format!("{}/function", self.url);
        tokio::spawn(async move { client().get(url).send().await.unwrap() })
    }

    /// Waits for the next instance that starts.
    pub(crate) async fn instance(&mut self) -> Instance {
        Instance {
            base: self.lines.recv().await.unwrap().line,
        }
    }

    /// Sends a request as given and returns the whole response.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://"))
            .await
            .unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

/// An instance of the script `passive.sh`, for which this type speaks.
pub(crate) struct Instance {
    pub(crate) base: String,
}

impl Instance {
    /// Waits for an event. Returns the request id and the event.
    pub(crate) async fn next(&self) -> (String, Value) {
        let url = format!("{}/2018-06-01/runtime/invocation/next", self.base);
        let response = client()
            .get(url)
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap();
        let id = response.headers()["lambda-runtime-aws-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            response
                .headers()
                .contains_key("lambda-runtime-deadline-ms")
        );
        assert!(
            response
                .headers()
                .contains_key("lambda-runtime-invoked-function-arn")
        );
        (id, response.json().await.unwrap())
    }

    /// Posts to `response` or `error`. Returns the status.
    pub(crate) async fn post(&self, id: &str, what: &str, body: impl Into<reqwest::Body>) -> u16 {
        let url = format!("{}/2018-06-01/runtime/invocation/{id}/{what}", self.base);
        client()
            .post(url)
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    /// Responds to the next event with 200 and this body.
    pub(crate) async fn answer(&self, body: &str) -> Value {
        let (id, event) = self.next().await;
        let answer = json!({ "statusCode": 200, "body": body });
        assert_eq!(self.post(&id, "response", answer.to_string()).await, 202);
        event
    }
}

pub(crate) fn client() -> Client {
    // Fails if another test has installed the provider.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Client::new()
}
