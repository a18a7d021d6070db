//! What holds for every address that is configured, and for every answer that is read from one.

use reqwest::{Response, Url};

/// Whether nobody on the way can read or change what is exchanged: HTTPS, or plain HTTP within this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && local)
}

/// The body of an answer. None: it is larger than `max` bytes, and not read to its end.
///
/// # Errors
/// The connection breaks off.
pub(crate) async fn bounded_body(
    mut answer: Response,
    max: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}
