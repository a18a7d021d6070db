//! The simulator over HTTP, with a receiver of its webhooks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod api;
mod delivery;
mod lifecycle;
mod program;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Method, Response};
use serde_json::Value;
use sha2::Sha256;
use sumsub_simulator::{Settings, default_levels, serve};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const APP_TOKEN: &str = "sbx:simulator-test";
const SECRET_KEY: &str = "request-secret-not-real";
const WEBHOOK_SECRET: &str = "webhook-secret-not-real";

/// A received webhook.
struct Received {
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

/// A receiver of webhooks.
struct Receiver {
    url: String,
    webhooks: mpsc::UnboundedReceiver<Received>,
    /// The next statuses, and then 200.
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    async fn start() -> Self {
        type Shared = (mpsc::UnboundedSender<Received>, Arc<Mutex<VecDeque<u16>>>);

        async fn receive(
            State((sender, answers)): State<Shared>,
            headers: HeaderMap,
            body: Bytes,
        ) -> (StatusCode, &'static str) {
            sender.send(Received { headers, body }).unwrap();
            let status = answers.lock().unwrap().pop_front().unwrap_or(200);
            (StatusCode::from_u16(status).unwrap(), "noted")
        }

        let (sender, webhooks) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let (listener, address) = listen().await;
        let router = Router::new()
            .fallback(receive)
            .with_state((sender, Arc::clone(&answers)));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url: format!("http://{address}/webhooks"),
            webhooks,
            answers,
        }
    }

    fn answer_with(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers.lock().unwrap().extend(statuses);
    }

    async fn next(&mut self) -> Received {
        soon(self.webhooks.recv()).await.unwrap()
    }

    /// Returns the types of the webhooks received so far.
    fn kinds(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.webhooks.try_recv().ok())
            .map(|webhook| webhook.kind())
            .collect()
    }
}

/// A running simulator.
struct Simulator {
    base: String,
    http: Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<()>>,
}

impl Simulator {
    async fn start(webhook_url: &str, state_file: Option<PathBuf>) -> Self {
        Self::with_retries(webhook_url, state_file, Vec::new()).await
    }

    async fn with_retries(
        webhook_url: &str,
        state_file: Option<PathBuf>,
        retry_delays: Vec<Duration>,
    ) -> Self {
        let settings = Settings {
            app_token: APP_TOKEN.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            webhook_secret: WEBHOOK_SECRET.to_owned(),
            webhook_url: webhook_url.to_owned(),
            levels: default_levels(),
            state_file,
            decides_by_id: true,
            retry_delays,
        };
        let (listener, address) = listen().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { drop(stopped.await) };
        let running = tokio::spawn(serve(listener, settings, shutdown));
        drop(rustls::crypto::ring::default_provider().install_default());
        Self {
            base: format!("http://{address}"),
            http: Client::builder().no_proxy().build().unwrap(),
            stop,
            running,
        }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        soon(self.running).await.unwrap().unwrap();
    }

    /// Calls the control API.
    async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/simulator{path}", self.base);
        let request = self.http.request(method, url);
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let answer = soon(request.send()).await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.control(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.control(Method::POST, path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.control(Method::PUT, path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Creates a signed request to the provider's API.
    fn signed(&self, method: &Method, target: &str, body: &str) -> reqwest::RequestBuilder {
        let seconds = time::OffsetDateTime::now_utc().unix_timestamp().to_string();
        let signature = hmac(
            SECRET_KEY,
            format!("{seconds}{method}{target}{body}").as_bytes(),
        );
        self.http
            .request(method.clone(), format!("{}{target}", self.base))
            .header("X-App-Token", APP_TOKEN)
            .header("X-App-Access-Ts", seconds)
            .header("X-App-Access-Sig", signature)
            .header("Content-Type", "application/json")
            .body(body.to_owned())
    }

    async fn call(&self, method: Method, target: &str, body: &str) -> (u16, Value) {
        let answer = soon(self.signed(&method, target, body).send())
            .await
            .unwrap();
        (answer.status().as_u16(), json(answer).await)
    }

    async fn read(&self, target: &str) -> Value {
        let (status, answer) = self.call(Method::GET, target, "").await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

async fn json(answer: Response) -> Value {
    assert_eq!(answer.headers()["content-type"], "application/json");
    answer.json().await.unwrap()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Fails a test that would hang.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .unwrap()
}

/// Signs with another library than the simulator.
fn hmac(secret: &str, bytes: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(bytes);
    hex::encode(mac.finalize().into_bytes())
}
