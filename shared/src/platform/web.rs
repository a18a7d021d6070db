//! Rules for every configured address, and for every response that is read from one.

use reqwest::{Response, Url};

/// A request that failed on its way: no connection, no answer in time, or a broken one. Bears no URL, which may hold an id.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TransportError(reqwest::Error);

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }
}

/// Returns whether nobody on the way can read or change what is exchanged: HTTPS, or plain HTTP within this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && local)
}

/// Reads the body of a response. Returns `None` if it is larger than `max` bytes; the rest stays unread.
///
/// # Errors
/// [`TransportError`] if the connection breaks off.
pub(crate) async fn bounded_body(
    mut response: Response,
    max: usize,
) -> Result<Option<Vec<u8>>, TransportError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}
