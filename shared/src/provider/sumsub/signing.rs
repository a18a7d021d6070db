//! The signature by which Sumsub knows our requests.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Returns the value of `X-App-Access-Sig`: HMAC-SHA256 in lower-case hex over `ts ‖ METHOD ‖ request-target ‖ body`, with the bytes
/// of the secret key as given. `ts` is in seconds since the Unix epoch; `target` is path and query exactly as sent.
///
/// Returns `None` if HMAC refuses the key, which it does for no length.
pub(super) fn sign(
    secret_key: &SecretString,
    ts: i64,
    method: &str,
    target: &str,
    body: &[u8],
) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.expose_secret().as_bytes()).ok()?;
    for part in [
        ts.to_string().as_bytes(),
        method.as_bytes(),
        target.as_bytes(),
        body,
    ] {
        mac.update(part);
    }
    Some(hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn matches_the_golden_signatures() {
        let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
        let requests = vectors["request"].as_array().unwrap();
        assert!(requests.len() >= 6);
        for vector in requests {
            let text = |name: &str| vector[name].as_str().unwrap();
            let signature = sign(
                &SecretString::from(text("secret")),
                vector["ts"].as_i64().unwrap(),
                text("method"),
                text("uri"),
                text("body_utf8").as_bytes(),
            );
            assert_eq!(signature.as_deref(), Some(text("sig")), "{}", text("name"));
        }
    }
}
