//! A reverse proxy, for servers that cannot be mounted as a router in this process.

use axum::{
    BoxError,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use reqwest::Client;

/// A server that requests are forwarded to.
#[derive(Clone)]
pub struct Upstream {
    client: Client,
    url: String,
}

impl Upstream {
    /// Creates an upstream at an origin, such as `http://127.0.0.1:3001`.
    ///
    /// # Errors
    /// Fails if no rustls crypto provider is installed. The client needs one even for plain HTTP.
    pub fn new(url: String) -> std::io::Result<Self> {
        let client = Client::builder().no_proxy().build();
        let client = client.map_err(std::io::Error::other)?;
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

/// Forwards a request and returns the response, or 502 if there is none.
pub async fn forward(State(upstream): State<Upstream>, request: Request) -> Response {
    match upstream.send(request).await {
        Ok((status, headers, body)) => (status, headers, body).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Removes the headers that concern a single connection.
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
