//! The signatures of requests, which the provider checks, and of webhooks, which it makes.

use axum::http::HeaderMap;
use ring::hmac;
use thiserror::Error;

use crate::model::Moment;

/// The largest difference to the caller's clock.
const TOLERANCE_SECONDS: u64 = 60;

/// The credentials of the customer.
pub(crate) struct Credentials {
    app_token: String,
    key: hmac::Key,
}

/// A reason to respond with 401.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unauthorized {
    #[error("Header '{0}' is missing or unreadable")]
    Header(&'static str),
    #[error("Unknown app token")]
    Token,
    #[error("Request timestamp is not within a minute of the server's clock")]
    Timestamp,
    #[error("Request signature mismatch")]
    Signature,
}

impl Credentials {
    pub(crate) fn new(app_token: String, secret_key: &str) -> Self {
        Self {
            app_token,
            key: key(secret_key),
        }
    }

    /// Checks a request. The signature covers the target as received, percent-encoded and with its query, and the body's bytes.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        method: &str,
        target: &str,
        body: &[u8],
        now: Moment,
    ) -> Result<(), Unauthorized> {
        let token = header(headers, "X-App-Token")?;
        let sent_at = header(headers, "X-App-Access-Ts")?;
        let signature = header(headers, "X-App-Access-Sig")?;
        if token != self.app_token {
            return Err(Unauthorized::Token);
        }
        let seconds: i64 = sent_at
            .parse()
            .map_err(|_| Unauthorized::Header("X-App-Access-Ts"))?;
        if seconds.abs_diff(now.seconds()) > TOLERANCE_SECONDS {
            return Err(Unauthorized::Timestamp);
        }
        let signed = [
            sent_at.as_bytes(),
            method.as_bytes(),
            target.as_bytes(),
            body,
        ]
        .concat();
        let tag = hex::decode(signature).map_err(|_| Unauthorized::Signature)?;
        hmac::verify(&self.key, &signed, &tag).map_err(|_| Unauthorized::Signature)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Unauthorized> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .ok_or(Unauthorized::Header(name))
}

/// Returns the key of a secret: its UTF-8 bytes.
pub(crate) fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

/// Returns the value of `X-Payload-Digest` for a body.
pub(crate) fn digest(key: &hmac::Key, body: &[u8]) -> String {
    hex::encode(hmac::sign(key, body))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const NOON: i64 = 1_704_067_200;

    fn check(
        seconds: i64,
        method: &str,
        target: &str,
        body: &str,
        signature: &'static str,
        now: i64,
    ) -> Result<(), Unauthorized> {
        let headers = HeaderMap::from_iter(
            [
                ("x-app-token", HeaderValue::from_static("sbx:token")),
                ("x-app-access-ts", HeaderValue::from(seconds)),
                ("x-app-access-sig", HeaderValue::from_static(signature)),
            ]
            .map(|(name, value)| (axum::http::HeaderName::from_static(name), value)),
        );
        Credentials::new("sbx:token".to_owned(), "unit-test-secret-not-real").check(
            &headers,
            method,
            target,
            body.as_bytes(),
            Moment::from_millis(now * 1_000),
        )
    }

    #[test]
    fn golden_signatures_are_accepted() {
        let golden = [
            (
                1_607_551_635,
                "POST",
                "/resources/accessTokens?userId=cfd20712-24a2-4c7d-9ab0-146f3c142335&levelName=basic-kyc-level&ttlInSecs=600",
                "",
                "c175403ae849ac1a2f71d59026f095b48a1e93420b769d543b4e15dac0a245b2",
            ),
            (
                NOON,
                "POST",
                "/resources/accessTokens/sdk",
                r#"{"userId":"usr_abc123","levelName":"basic-kyc-level","ttlInSecs":600}"#,
                "ecde1892e07a9f8acec0fa8265f9e0e8431469a526345145e2c1cbc9a83d3b93",
            ),
            (
                NOON,
                "GET",
                "/resources/applicants/-;externalUserId=usr_abc123/one",
                "",
                "4ed4e1e7adf5655e71c9b2e017d0988d7a820b3576a40cc4d7078b8d2525fd50",
            ),
            (
                NOON,
                "GET",
                "/resources/applicants/-;externalUserId=a%2Fb%3Bc%3Dd%20e%2Bf%40g.h/one",
                "",
                "f7721255ba4b11831a3b4a36030af8778cad5d001c74cb06c7298f6d8799709c",
            ),
            (
                NOON,
                "GET",
                "/resources/applicants/65abc123def4560000000000/one",
                "",
                "c8e68a9b4345ab94e8abd772d2a3d701888825e7e3dc60f315cafa47e26272eb",
            ),
            (
                NOON,
                "POST",
                "/resources/applicants/65abc123def4560000000000/status/testCompleted",
                r#"{"reviewAnswer":"GREEN","rejectLabels":[]}"#,
                "b0aed5723cb3de6b0ff355b1ed97f01ac610d0a7c69b12ce16dd5c65c4bd5614",
            ),
        ];
        for (seconds, method, target, body, signature) in golden {
            let at = |now| check(seconds, method, target, body, signature, now);
            assert_eq!(at(seconds), Ok(()), "{target}");
            assert_eq!(at(seconds + 60), Ok(()), "{target}");
            assert_eq!(at(seconds - 60), Ok(()), "{target}");
            assert_eq!(at(seconds + 61), Err(Unauthorized::Timestamp), "{target}");
            assert_eq!(at(seconds - 61), Err(Unauthorized::Timestamp), "{target}");
        }
    }

    #[test]
    fn anything_else_that_was_signed_is_refused() {
        let signature = "4ed4e1e7adf5655e71c9b2e017d0988d7a820b3576a40cc4d7078b8d2525fd50";
        let target = "/resources/applicants/-;externalUserId=usr_abc123/one";
        for (method, target, body) in [
            ("POST", target, ""),
            (
                "GET",
                "/resources/applicants/-;externalUserId=usr_abc124/one",
                "",
            ),
            (
                "GET",
                "/resources/applicants/-%3BexternalUserId=usr_abc123/one",
                "",
            ),
            ("GET", target, "{}"),
        ] {
            assert_eq!(
                check(NOON, method, target, body, signature, NOON),
                Err(Unauthorized::Signature),
            );
        }
        assert_eq!(
            check(NOON, "GET", target, "", "not hexadecimal", NOON),
            Err(Unauthorized::Signature),
        );
    }
}
