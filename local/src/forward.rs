//! Passes requests on to a server that cannot be wrapped in this process.

use axum::{
    BoxError,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use reqwest::Client;

/// A server behind this one.
#[derive(Clone)]
pub(crate) struct Upstream {
    client: Client,
    url: String,
}

impl Upstream {
    /// The server at this origin.
    ///
    /// # Errors
    /// There is no cryptography for the client, which needs some even for plain HTTP.
    pub(crate) fn new(url: String) -> reqwest::Result<Self> {
        let client = Client::builder().no_proxy().build()?;
        Ok(Self { client, url })
    }

    async fn send(&self, request: Request) -> Result<(StatusCode, HeaderMap, Bytes), BoxError> {
        let (mut head, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await?;
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        remove_framing(&mut head.headers);
        head.headers.remove(header::HOST);
        let request = self
            .client
            .request(head.method, format!("{}{target}", self.url));
        let response = request.headers(head.headers).body(body).send().await?;
        let status = response.status();
        let mut headers = response.headers().clone();
        remove_framing(&mut headers);
        Ok((status, headers, response.bytes().await?))
    }
}

/// Gives the answer of the server behind.
pub(crate) async fn forward(State(upstream): State<Upstream>, request: Request) -> Response {
    match upstream.send(request).await {
        Ok((status, headers, body)) => (status, headers, body).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Removes what is said about one connection only.
fn remove_framing(headers: &mut HeaderMap) {
    let framing = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::EXPECT,
        header::TRANSFER_ENCODING,
    ];
    for name in framing {
        headers.remove(name);
    }
}
