//! The keys that tokens are verified with (JWK Set, RFC 7517), and where they come from.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;

use super::accepted::AcceptedTokens;
use crate::platform::{
    ConfigError, SecretError, SecretSource, Source, TransportError, Variables, bounded_body,
    is_secure, tls,
};

/// Fetching a key set takes no longer.
const FETCH: Duration = Duration::from_secs(3);
/// No key set is larger, in bytes.
const MAX_SET: usize = 64 * 1024;
/// No token is tried with more keys: each try costs time, also for forgeries.
const MAX_TRIED: usize = 4;
/// No more of a key id is logged, in characters.
const MAX_LOGGED: usize = 64;
/// A shared secret is at least as long as the digest (RFC 7518, 3.2), in bytes.
const MIN_SECRET: usize = 32;
/// An RSA modulus has at least 2048 bits (RFC 7518, 3.3), in bytes.
const MIN_MODULUS: usize = 256;

/// The reason for which no keys can be had.
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

/// The issuer's keys, wherever they are.
pub struct KeySource {
    place: Place,
    longest_use: Duration,
}

enum Place {
    Secret(SecretSource<JwkSet>),
    Url { http: Client, url: Url },
}

impl KeySource {
    /// Reads `JWKS_URL` and, where that is not set, takes the secret. `JWKS_LONGEST_USE_MINUTES` is the time for which keys stay in use
    /// while they cannot be fetched again: a key that its issuer withdrew must not count for ever because the set is empty or unreadable.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or wrong.
    pub fn from_environment(
        variables: &Variables,
        secret: impl FnOnce() -> Result<SecretSource<JwkSet>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let minutes = |text: &str| text.parse().map(Duration::from_mins);
        Ok(Self {
            place: match variables.optional("JWKS_URL") {
                Some(_) => variables.parsed("JWKS_URL", Place::at)?,
                None => Place::Secret(secret()?),
            },
            longest_use: variables.parsed("JWKS_LONGEST_USE_MINUTES", minutes)?,
        })
    }

    /// Returns whether everybody can read the keys.
    pub(super) fn is_public(&self) -> bool {
        matches!(self.place, Place::Url { .. })
    }
}

impl Place {
    /// Returns the place at this address. `http:` is for this machine only.
    fn at(url: &str) -> Result<Self, &'static str> {
        let url = Url::parse(url).map_err(|_| "not a URL")?;
        if !is_secure(&url) {
            return Err("not an https URL");
        }
        // Keys are fetched so rarely that a connection of the last time may be dead, and nobody has said so.
        let http = tls::http_client(|client| client.timeout(FETCH).pool_max_idle_per_host(0));
        Ok(Self::Url { http, url })
    }
}

impl Source for KeySource {
    type Value = Keys;
    type Error = KeysError;

    const NAME: &'static str = "keys";

    fn longest_use(&self) -> Option<Duration> {
        Some(self.longest_use)
    }

    async fn fetch(&self) -> Result<Keys, KeysError> {
        let keys = match &self.place {
            Place::Secret(secret) => Keys::of(secret.fetch().await?, true),
            Place::Url { http, url } => {
                let answer = http.get(url.clone()).send().await;
                let answer = answer.map_err(TransportError::from)?;
                if answer.status() != http::StatusCode::OK {
                    return Err(KeysError::Status(answer.status().as_u16()));
                }
                let body = bounded_body(answer, MAX_SET).await?;
                let body = body.ok_or(KeysError::TooLarge)?;
                // A public key set holds no shared secrets.
                Keys::of(
                    serde_json::from_slice(&body).map_err(|_| KeysError::NoKey)?,
                    false,
                )
            }
        };
        if keys.keys.is_empty() {
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

/// The keys of a set that can be used, and the tokens that they verified.
pub struct Keys {
    keys: Vec<Key>,
    pub(super) accepted: AcceptedTokens,
}

struct Key {
    id: Option<String>,
    /// The algorithms that the key is for: the one that it names, or those of its kind. The token has no say in it.
    algorithms: &'static [Algorithm],
    verifier: DecodingKey,
}

impl Keys {
    /// Returns those of a set that can be used; shared secrets among them only if `shared_secrets_allowed`.
    #[must_use]
    pub fn of(set: JwkSet, shared_secrets_allowed: bool) -> Self {
        let keys = set.keys.into_iter().filter_map(|jwk| {
            // Which key it is, is public. All the same, what comes from outside is cut.
            let id = jwk.get("kid").and_then(Value::as_str);
            let id: Option<String> = id.map(|id| id.chars().take(MAX_LOGGED).collect());
            match Key::parse(jwk) {
                Ok(key) => key,
                Err(why) => {
                    tracing::warn!(kid = id, why, "a key of the JWK Set cannot be used");
                    None
                }
            }
        });
        let keys = keys
            .filter(|key| shared_secrets_allowed || key.verifier.family() != AlgorithmFamily::Hmac);
        Self {
            keys: keys.collect(),
            accepted: AcceptedTokens::default(),
        }
    }

    /// Returns the keys that may have signed a token, at most [`MAX_TRIED`]: of its algorithm, and not of another key id. Key ids are
    /// optional, in tokens and in sets, and need not be unique (RFC 7515, 4.1.4, RFC 7517, 4.5): while an issuer without them
    /// changes its key, two suit each token.
    pub(super) fn suitable(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
    ) -> impl Iterator<Item = &DecodingKey> {
        let may_be = move |key: &&Key| match (kid, key.id.as_deref()) {
            (Some(kid), Some(id)) => kid == id,
            (None, _) | (_, None) => true,
        };
        let keys = self.keys.iter();
        keys.filter(move |key| key.algorithms.contains(&algorithm))
            .filter(may_be)
            .map(|key| &key.verifier)
            .take(MAX_TRIED)
    }
}

impl Key {
    /// Returns `None` for a key of a kind that is not used here, or that is meant for something else.
    ///
    /// # Errors
    /// The text says why a key that seems to be meant for tokens cannot be used.
    fn parse(mut jwk: Value) -> Result<Option<Self>, &'static str> {
        let algorithm = jwk.get("alg").and_then(Value::as_str).map(str::to_owned);
        let coordinate = match jwk.get("crv").and_then(Value::as_str) {
            Some("P-256") => 32,
            Some("P-384") => 48,
            _ => 0,
        };
        for (member, form) in [
            ("n", Form::Integer),
            ("e", Form::Integer),
            ("k", Form::Octets(0)),
            ("x", Form::Octets(coordinate)),
            ("y", Form::Octets(coordinate)),
        ] {
            if let Some(Value::String(text)) = jwk.get_mut(member) {
                *text = form.normal(text).ok_or("a number of it is not base64url")?;
            }
        }
        let Ok(jwk) = serde_json::from_value::<Jwk>(jwk) else {
            return Ok(None);
        };
        let common = &jwk.common;
        let of_use = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        let of_operation = common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let algorithms = algorithms(&jwk.algorithm, algorithm.as_deref());
        if !of_use || !of_operation || algorithms.is_empty() {
            return Ok(None);
        }
        let verifier = DecodingKey::from_jwk(&jwk).map_err(|_| "its numbers make no key")?;
        match (verifier.family(), verifier.kind()) {
            (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret))
                if secret.len() < MIN_SECRET =>
            {
                Err("it is shorter than 256 bits")
            }
            (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point))
                if point.len() != 1 + 2 * coordinate =>
            {
                Err("its coordinates are longer than those of its curve")
            }
            (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) if point.len() != 32 => {
                Err("its point is not of 256 bits")
            }
            (_, DecodingKeyKind::RsaModulusExponent { n, .. }) if n.len() < MIN_MODULUS => {
                Err("its modulus is shorter than 2048 bits")
            }
            _ => Ok(Some(Self {
                id: jwk.common.key_id,
                algorithms,
                verifier,
            })),
        }
    }
}

/// The form of a number of a key.
#[derive(Clone, Copy)]
enum Form {
    /// Without leading zeros (RFC 7518, 6.3.1.1). Some issuers write the sign of their big integers.
    Integer,
    /// Of this length at least, in bytes (6.2.1.2). Some issuers leave leading zeros out.
    Octets(usize),
}

impl Form {
    /// Returns a number as RFC 7518 wants it, in base64url without padding. Some issuers write plain base64.
    fn normal(self, number: &str) -> Option<String> {
        let number = number
            .trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_");
        let bytes = URL_SAFE_NO_PAD.decode(number).ok()?;
        Some(URL_SAFE_NO_PAD.encode(match self {
            Self::Integer => bytes.into_iter().skip_while(|byte| *byte == 0).collect(),
            Self::Octets(length) => {
                let missing = length.saturating_sub(bytes.len());
                [vec![0; missing], bytes].concat()
            }
        }))
    }
}

/// Returns the algorithms that a key of this kind is for, or the one of them that it names. Were it the token's choice, a public key could
/// serve as the secret of an HMAC.
fn algorithms(parameters: &AlgorithmParameters, named: Option<&str>) -> &'static [Algorithm] {
    let all: &'static [Algorithm] = match parameters {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            &[Algorithm::ES256]
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => {
            &[Algorithm::ES384]
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        AlgorithmParameters::OctetKey(_) => &[Algorithm::HS256],
        _ => &[],
    };
    match named {
        None => all,
        // RFC 9864 names the curve too.
        Some("Ed25519") if all == [Algorithm::EdDSA] => all,
        Some(named) => all
            .chunks(1)
            .find(|one| named.parse().is_ok_and(|named| one.contains(&named)))
            .unwrap_or_default(),
    }
}
