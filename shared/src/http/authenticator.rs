//! Authentication: finds the caller from `x-juno-jwt` alone (RFC 7519, RFC 8725).

mod accepted;
mod keys;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::verify;
use serde_json::Value;

use self::accepted::{TokenDigest, Validity};
pub use self::keys::{JwkSet, KeySource, Keys, KeysError};
use super::{Failure, Problem, jws};
use crate::kyc::UserId;
use crate::platform::json::Unambiguous;
use crate::platform::{Cached, ConfigError, Variables, system_clock};

pub(super) const HEADER: &str = "x-juno-jwt";
/// No token is longer, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// Maximum difference between the issuer's clock and ours.
const LEEWAY: Duration = Duration::from_mins(1);

/// A reason for which a token is refused, with what would be accepted. Callers are not told, and nothing of the token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// There is no token, or more than one.
    #[error("there is no single x-juno-jwt header")]
    Header,
    /// It is longer than 8 KiB.
    #[error("the token is longer than 8 KiB")]
    TooLong,
    /// It is not a JWS with a JSON header and JSON claims, or a member is there twice.
    #[error(
        "the token is not three parts of base64url, the first two JSON objects that have no member twice"
    )]
    Malformed,
    /// It asks for an understanding of its header that we do not have (RFC 7515, 4.1.11).
    #[error("the token has a critical header (crit), which is not supported")]
    Critical,
    /// Its algorithm is not in the allow-list.
    #[error("the token's algorithm (alg) is not one of JWT_ALGORITHMS")]
    Algorithm,
    /// No key of the set has its key id and is for its algorithm.
    #[error("no key of the JWK Set has the token's key id (kid) and is for its algorithm (alg)")]
    Key,
    /// None of those keys signed it.
    #[error(
        "the token's signature is not of the key that its key id (kid) and algorithm (alg) name"
    )]
    Signature,
    /// It lacks a time of expiry, or the issuer where one is configured.
    #[error(
        "the token has no time of expiry (exp) as a number, or no issuer (iss) though JWT_ISSUER is set"
    )]
    Claim,
    /// It has expired.
    #[error("the token has expired: its exp is more than 60 s ago")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet: its nbf is more than 60 s ahead")]
    Early,
    /// It is of another issuer.
    #[error("the token's issuer (iss) is not JWT_ISSUER")]
    Issuer,
    /// It is for another audience.
    #[error("the token's audience (aud, or client_id without aud) is none of JWT_AUDIENCE")]
    Audience,
    /// It does not say whom it was issued for.
    #[error("the token's JWT_USER_ID_CLAIM is not a text of 1 to 128 visible ASCII characters")]
    UserId,
}

impl Unauthenticated {
    /// Returns whether newer keys may help.
    fn seems_old(self) -> bool {
        match self {
            Self::Key | Self::Signature => true,
            Self::Header
            | Self::TooLong
            | Self::Malformed
            | Self::Critical
            | Self::Algorithm
            | Self::Claim
            | Self::Expired
            | Self::Early
            | Self::Issuer
            | Self::Audience
            | Self::UserId => false,
        }
    }
}

/// Checks tokens with the keys of a JWK Set.
pub struct Authenticator {
    keys: Cached<KeySource>,
    policy: TokenPolicy,
}

/// The rules by which tokens are accepted, and the claim that names their user.
pub struct TokenPolicy {
    /// The algorithms that are accepted.
    algorithms: Vec<Algorithm>,
    /// The issuer that a token must name. `None`: any, or none.
    issuer: Option<String>,
    /// The audiences of which a token must name one. Empty: any audience, or none.
    audiences: Vec<String>,
    user_id_claim: String,
}

impl Authenticator {
    /// Reads what [`TokenPolicy::from_environment`] does. Public keys do not go with HS256.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or wrong.
    pub fn from_environment(variables: &Variables, keys: KeySource) -> Result<Self, ConfigError> {
        let policy = TokenPolicy::from_environment(variables)?;
        if keys.is_public() && policy.algorithms.contains(&Algorithm::HS256) {
            return Err(ConfigError::Invalid {
                name: "JWT_ALGORITHMS",
                why: "HS256 needs a secret, and JWKS_URL is public".to_owned(),
            });
        }
        let keys = Cached::new(keys);
        Ok(Self { keys, policy })
    }

    /// Returns the cached keys, so that they can be fetched ahead of the first request.
    pub fn keys(&self) -> &Cached<KeySource> {
        &self.keys
    }

    /// Returns the user whom the token of a request was issued for. A token is verified once, by the keys in use.
    ///
    /// # Errors
    /// [`Problem::Unauthenticated`], or [`Problem::Internal`] when there are no keys to check with.
    pub async fn user(&self, headers: &HeaderMap) -> Result<UserId, Failure> {
        let unauthenticated = |error| Failure::new(Problem::Unauthenticated, error);
        let token = token(headers).map_err(unauthenticated)?;
        let digest = TokenDigest::of(token);
        let user = |keys: &Keys| {
            if let Some(user) = keys.accepted.user(digest, now()) {
                return Ok(user);
            }
            let (user, validity) = self.policy.verify(token, keys)?;
            keys.accepted.remember(digest, validity, user.clone());
            Ok(user)
        };
        let user = self
            .keys
            .check(user, |error: &Unauthenticated| error.seems_old())
            .await?;
        user.map_err(unauthenticated)
    }
}

impl TokenPolicy {
    /// Reads `JWT_ALGORITHMS` (a list, separated by commas), `JWT_USER_ID_CLAIM`, and the optional `JWT_ISSUER` and
    /// `JWT_AUDIENCE` (a list, separated by commas).
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or wrong.
    pub fn from_environment(variables: &Variables) -> Result<Self, ConfigError> {
        jws::install();
        let algorithms = |names: &str| -> Result<Vec<_>, _> {
            let names = names.split(',').map(str::trim);
            names.map(algorithm_of).collect()
        };
        let audiences = variables.optional("JWT_AUDIENCE").unwrap_or_default();
        let audiences = audiences
            .split(',')
            .map(|audience| audience.trim().to_owned());
        Ok(Self {
            algorithms: variables.parsed("JWT_ALGORITHMS", algorithms)?,
            issuer: variables.optional("JWT_ISSUER").map(str::to_owned),
            audiences: audiences.filter(|audience| !audience.is_empty()).collect(),
            user_id_claim: variables.required("JWT_USER_ID_CLAIM")?.to_owned(),
        })
    }

    /// Returns the user whom a token was issued for, if one of the keys signed the token.
    ///
    /// # Errors
    /// [`Unauthenticated`] says why it is not accepted.
    pub fn user(&self, token: &str, keys: &Keys) -> Result<UserId, Unauthenticated> {
        self.verify(token, keys).map(|(user, _)| user)
    }

    fn verify(&self, token: &str, keys: &Keys) -> Result<(UserId, Validity), Unauthenticated> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Unauthenticated::Malformed);
        };
        let (message, _) = token.rsplit_once('.').unwrap_or_default();
        let header = part(header)?;
        if header.get("crit").is_some() {
            return Err(Unauthenticated::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm
            .and_then(|name| algorithm_of(name).ok())
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(Unauthenticated::Algorithm)?;
        // A text (RFC 7515, 4.1.4), or nothing.
        let kid = match header.get("kid") {
            None | Some(Value::Null) => None,
            Some(kid) => Some(kid.as_str().ok_or(Unauthenticated::Malformed)?),
        };
        let mut result = Err(Unauthenticated::Key);
        for key in keys.suitable(algorithm, kid) {
            result = match verify(signature, message.as_bytes(), key, algorithm) {
                Ok(true) => Ok(()),
                Ok(false) => Err(Unauthenticated::Signature),
                Err(_) => Err(Unauthenticated::Malformed),
            };
            if result != Err(Unauthenticated::Signature) {
                break;
            }
        }
        result?;
        let mut claims = part(claims)?;
        let validity = Validity::of(&claims)?;
        if self.issuer.is_some() && claims.get("iss").is_none_or(Value::is_null) {
            return Err(Unauthenticated::Claim);
        }
        validity.check(now())?;
        self.check_scope(&claims)?;
        match claims.get_mut(&self.user_id_claim).map(Value::take) {
            Some(Value::String(id)) => {
                let user = UserId::parse(id).map_err(|_| Unauthenticated::UserId)?;
                Ok((user, validity))
            }
            _ => Err(Unauthenticated::UserId),
        }
    }

    /// Checks that an issuer is one, not a list (RFC 7519, 4.1.1), and that the token is for us. Tokens of Cognito for an API name their
    /// audience in `client_id` (Amazon Cognito Developer Guide, "Understanding the access token").
    fn check_scope(&self, claims: &Value) -> Result<(), Unauthenticated> {
        let is_ours = |audience: &Value| {
            let name = audience.as_str();
            name.is_some_and(|name| self.audiences.iter().any(|ours| ours == name))
        };
        let is_for_us = self.audiences.is_empty()
            || match claims.get("aud").or_else(|| claims.get("client_id")) {
                Some(Value::Array(audiences)) => audiences.iter().any(is_ours),
                Some(audience) => is_ours(audience),
                None => false,
            };
        let issuer = claims.get("iss");
        let is_known = match (&self.issuer, issuer.map(Value::as_str)) {
            (Some(ours), Some(issuer)) => issuer == Some(ours.as_str()),
            (None, Some(issuer)) => issuer.is_some(),
            (_, None) => true,
        };
        if !is_known {
            Err(Unauthenticated::Issuer)
        } else if is_for_us {
            Ok(())
        } else {
            Err(Unauthenticated::Audience)
        }
    }
}

/// Returns the time since 1970.
fn now() -> Duration {
    Duration::from_millis(u64::try_from(system_clock().millis()).unwrap_or(0))
}

/// Reads header or claims of a token: one JSON value in which no member stands twice.
fn part(encoded: &str) -> Result<Value, Unauthenticated> {
    let json = URL_SAFE_NO_PAD.decode(encoded).ok();
    let value = json.and_then(|json| serde_json::from_slice(&json).ok());
    let Unambiguous(value) = value.ok_or(Unauthenticated::Malformed)?;
    Ok(value)
}

/// The algorithms that can be accepted: what issuers sign with (docs/issuers.md), and HS256 for shared secrets.
const ALGORITHMS: [Algorithm; 10] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
    Algorithm::HS256,
];

/// The name of `EdDSA` with the curve of that name since RFC 9864, which `jsonwebtoken` does not know.
const ED25519: &str = "Ed25519";

fn algorithm_of(name: &str) -> Result<Algorithm, &'static str> {
    let algorithm = match name {
        ED25519 => Some(Algorithm::EdDSA),
        name => name.parse().ok(),
    };
    algorithm
        .filter(|algorithm| ALGORITHMS.contains(algorithm))
        .ok_or("not a list of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA (or Ed25519), HS256")
}

fn token(headers: &HeaderMap) -> Result<&str, Unauthenticated> {
    let mut values = headers.get_all(HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Unauthenticated::Header);
    };
    let token = value.to_str().map_err(|_| Unauthenticated::Header)?;
    if token.len() > MAX_TOKEN {
        Err(Unauthenticated::TooLong)
    } else {
        Ok(token)
    }
}

#[cfg(test)]
mod tests;
