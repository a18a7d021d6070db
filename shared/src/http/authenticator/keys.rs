//! The keys that tokens are verified with (JWK Set, RFC 7517), and where they come from.

use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Header};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::platform::{
    SecretError, SecretSource, Source, TransportError, bounded_body, is_secure, tls,
};

/// Fetching a key set takes no longer.
const FETCH: Duration = Duration::from_secs(3);
/// No key set is larger, in bytes.
const MAX_SET: usize = 64 * 1024;
/// No token is tried with more keys: each try costs time, also for forgeries.
const MAX_TRIED: usize = 4;
/// A shared secret is at least as long as the digest (RFC 7518, 3.2), in bytes.
const MIN_SECRET: usize = 32;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The secret that holds them cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The server of the key set cannot be reached, not in time, or breaks off.
    #[error("the JWK Set cannot be fetched")]
    Fetch(#[from] TransportError),
    /// It answers with another status than 200.
    #[error("the server of the JWK Set answers with status {0}")]
    Status(u16),
    /// The answer is larger than any key set.
    #[error("the JWK Set is larger than 64 KiB")]
    TooLarge,
    /// None of the keys can be used. A set without any is taken for a failure of the issuer, not for its wish.
    #[error("the JWK Set has no key that can be used")]
    NoKey,
}

/// Where the keys come from.
pub enum KeySource {
    /// From a secret.
    Secret(SecretSource<JwkSet>),
    /// From the issuer.
    Url {
        /// The HTTP client.
        http: Client,
        /// The address of the JWK Set.
        url: Url,
    },
}

impl KeySource {
    /// The JWK Set at this address. `http:` is for this machine only.
    ///
    /// # Errors
    /// The sentence says what is wrong with the address.
    pub fn at(url: &str) -> Result<Self, &'static str> {
        let url = Url::parse(url).map_err(|_| "not a URL")?;
        if !is_secure(&url) {
            return Err("not an https URL");
        }
        let http = tls::http_client(|client| client.timeout(FETCH));
        Ok(Self::Url { http, url })
    }
}

impl Source for KeySource {
    type Value = Keys;
    type Error = KeysError;

    /// A key that its issuer withdrew must not count for ever while the set is empty or cannot be read.
    const LONGEST_USE: Option<Duration> = Some(Duration::from_hours(1));

    async fn fetch(&self) -> Result<Keys, KeysError> {
        let keys = match self {
            Self::Secret(secret) => Keys::of(secret.fetch().await?, true),
            Self::Url { http, url } => {
                let answer = http.get(url.clone()).send().await;
                let answer = answer.map_err(TransportError::from)?;
                if answer.status() != http::StatusCode::OK {
                    return Err(KeysError::Status(answer.status().as_u16()));
                }
                let body = bounded_body(answer, MAX_SET).await?;
                let body = body.ok_or(KeysError::TooLarge)?;
                // What is public is no shared secret.
                Keys::of(
                    serde_json::from_slice(&body).map_err(|_| KeysError::NoKey)?,
                    false,
                )
            }
        };
        if keys.0.is_empty() {
            Err(KeysError::NoKey)
        } else {
            Ok(keys)
        }
    }
}

/// A JWK Set as it is written. Keys of kinds that are not known must not spoil the others (RFC 7517, 5).
#[derive(Deserialize)]
pub struct JwkSet {
    keys: Vec<Value>,
}

/// The keys of a set that can be used.
pub struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    /// The one algorithm that the key is for. The token has no say in it.
    algorithm: Algorithm,
    verifier: DecodingKey,
}

impl Keys {
    /// Those of a set that can be used; shared secrets among them only if `shared_secrets_allowed`.
    #[must_use]
    pub fn of(set: JwkSet, shared_secrets_allowed: bool) -> Self {
        let keys = set.keys.into_iter().filter_map(Key::parse);
        Self(
            keys.filter(|key| shared_secrets_allowed || key.algorithm != Algorithm::HS256)
                .collect(),
        )
    }

    /// Returns the keys that may have signed a token, at most [`MAX_TRIED`]: of its algorithm, and not of another key id. Key ids are
    /// optional, in tokens and in sets, and need not be unique (RFC 7515, 4.1.4, RFC 7517, 4.5): while an issuer without them
    /// changes its key, two suit each token.
    pub(super) fn suitable(&self, header: &Header) -> impl Iterator<Item = &DecodingKey> {
        let kid = header.kid.as_ref();
        let algorithm = header.alg;
        let may_be = move |key: &&Key| match (kid, &key.id) {
            (Some(kid), Some(id)) => kid == id,
            (None, _) | (_, None) => true,
        };
        let keys = self.0.iter();
        keys.filter(move |key| key.algorithm == algorithm)
            .filter(may_be)
            .map(|key| &key.verifier)
            .take(MAX_TRIED)
    }
}

impl Key {
    /// None: it is of a kind that is not used here, or meant for something else.
    fn parse(mut jwk: Value) -> Option<Self> {
        // Some issuers write plain base64 instead of base64url without padding.
        for number in ["n", "e", "x", "y", "k"] {
            if let Some(Value::String(text)) = jwk.get_mut(number) {
                *text = text
                    .trim_end_matches('=')
                    .replace('+', "-")
                    .replace('/', "_");
            }
        }
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let algorithm = algorithm(&jwk.algorithm)?;
        let common = &jwk.common;
        let of_use = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        let of_operation = common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let of_algorithm = common
            .key_algorithm
            .is_none_or(|of| of.to_string() == format!("{algorithm:?}"));
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let strong = match (algorithm, key.kind()) {
            (Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => secret.len() >= MIN_SECRET,
            _ => true,
        };
        (of_use && of_operation && of_algorithm && strong).then_some(Self {
            id: jwk.common.key_id,
            algorithm,
            verifier: key,
        })
    }
}

/// The algorithm that a key of this kind is for. Were it the token's choice, a public key could serve as the secret of an HMAC.
fn algorithm(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    match parameters {
        AlgorithmParameters::RSA(_) => Some(Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Some(Algorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Some(Algorithm::EdDSA)
        }
        AlgorithmParameters::OctetKey(_) => Some(Algorithm::HS256),
        _ => None,
    }
}
