//! Attacks over HTTP. Each is refused with problem details, and none changes anything that is stored.

mod input;
pub(crate) mod issuer;
mod json;
mod key_server;
mod keys;
mod path;
mod rotation;
mod start;
mod token;
mod webhook;

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use tests::app::{Answer, App, send};

/// Runs attacks, and asserts that the table is afterwards what it was before.
async fn unharmed<T>(app: &App, attacks: impl Future<Output = T>) -> T {
    let before = app.kept().await;
    let result = attacks.await;
    assert_eq!(app.kept().await, before, "the table has changed");
    result
}

/// Asks with a token of whatever kind.
async fn ask(app: &App, method: &Method, path: &str, token: &str) -> Answer {
    let request = app.request(method.clone(), path);
    send(request.header("x-juno-jwt", token)).await
}

/// Sends bytes that no HTTP client would. They should ask for the connection to be closed.
async fn raw(app: &App, request: impl AsRef<[u8]>) -> Answer {
    let address = app.stack.api_url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        let name: HeaderName = name.parse().unwrap();
        (name, value.parse::<HeaderValue>().unwrap())
    };
    Answer {
        status: status.parse().unwrap(),
        headers: lines.map(header).collect::<HeaderMap>(),
        text: body.to_owned(),
    }
}

/// Parameters or environment variables.
fn set<const N: usize>(values: [(&str, &str); N]) -> BTreeMap<String, String> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    values.into_iter().map(owned).collect()
}
