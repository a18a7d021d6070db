//! An issuer's server of keys, which may fail in many ways.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// The behaviour of the server towards a request.
#[derive(Clone)]
pub(super) enum Behaviour {
    /// Answers: status and further headers, and body.
    Answer(String, Vec<u8>),
    /// Answers, but closes the connection before the end.
    Cut(Vec<u8>),
    /// Closes the connection.
    Down,
    /// Keeps the connection open and never responds.
    Hang,
}

impl Behaviour {
    pub(super) fn answer(head: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(head.to_owned(), body.into())
    }

    pub(super) fn keys(set: &Value) -> Self {
        Self::answer("200 OK\r\ncontent-type: application/json", set.to_string())
    }
}

/// The server. It ends when it is dropped.
pub(super) struct KeyServer {
    url: String,
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    requests: AtomicUsize,
}

impl KeyServer {
    /// Starts a server that gives these keys.
    pub(super) async fn start(set: &Value) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(Behaviour::keys(set)),
            requests: AtomicUsize::default(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&serving);
                // An error is the client's wish to end.
                tokio::spawn(async move { shared.serve(client).await.ok() });
            }
        });
        Self {
            url,
            shared,
            task: task.abort_handle(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sets the behaviour of the server from now on.
    pub(super) fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    /// Returns the number of requests so far.
    pub(super) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// One request for each connection.
    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(client.read_u8().await?);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let behaviour = self.behaviour.lock().unwrap().clone();
        let (head, body, length) = match behaviour {
            Behaviour::Answer(head, body) => (head, body.clone(), body.len()),
            Behaviour::Cut(body) => ("200 OK".to_owned(), body.clone(), body.len() + 1),
            Behaviour::Down => return Ok(()),
            // Until the client hangs up.
            Behaviour::Hang => return client.read_u8().await.map(|_| ()),
        };
        let head =
            format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        client.write_all(head.as_bytes()).await?;
        client.write_all(&body).await
    }
}
