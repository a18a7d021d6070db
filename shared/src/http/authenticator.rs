//! Who is asking: decided from `x-juno-jwt` alone (RFC 7519, RFC 8725).

use http::HeaderMap;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::{Failure, Problem, jws};
use crate::kyc::UserId;
use crate::runtime::{ConfigError, Secret, Variables};

const HEADER: &str = "x-juno-jwt";
/// No token is longer, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// How far two clocks may be apart, in seconds.
const LEEWAY: u64 = 60;

/// Why a token is not accepted. Callers are not told.
#[derive(Debug, thiserror::Error)]
pub enum Unauthenticated {
    /// There is no token, or more than one.
    #[error("there is no single x-juno-jwt header")]
    Header,
    /// It is too long.
    #[error("the token is too long")]
    TooLong,
    /// Its algorithm is not in the allow-list.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// No key of the set has its key id and suits its algorithm.
    #[error("no key suits the token")]
    Key,
    /// Its form, its signature, its times, issuer or audience are wrong.
    #[error("the token is not valid")]
    Token(#[source] jsonwebtoken::errors::Error),
    /// It does not say whom it was issued for.
    #[error("the token has no valid user id")]
    UserId,
}

/// Checks tokens with the keys of a JWK Set.
pub struct Authenticator {
    keys: Secret<JwkSet>,
    policy: Policy,
}

/// What a token must be like, apart from its signature.
struct Policy {
    algorithms: Vec<Algorithm>,
    issuer: Option<String>,
    audience: Option<String>,
    user_id_claim: String,
}

impl Authenticator {
    /// Reads `JWT_ALGORITHMS` (of RS256, ES256, EdDSA, HS256, separated by commas), `JWT_USER_ID_CLAIM`, and the optional
    /// `JWT_ISSUER` and `JWT_AUDIENCE`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or wrong.
    pub fn from_environment(
        variables: &Variables,
        keys: Secret<JwkSet>,
    ) -> Result<Self, ConfigError> {
        jws::install();
        let policy = Policy::from_environment(variables)?;
        Ok(Self { keys, policy })
    }

    /// The key set, to be fetched ahead of the first request.
    pub fn keys(&self) -> &Secret<JwkSet> {
        &self.keys
    }

    /// The user that a request comes from.
    ///
    /// # Errors
    /// [`Problem::Unauthenticated`], or [`Problem::Internal`] when there are no keys to check with.
    pub async fn user(&self, headers: &HeaderMap) -> Result<UserId, Failure> {
        let unauthenticated = |error| Failure::new(Problem::Unauthenticated, error);
        let token = token(headers).map_err(unauthenticated)?;
        let keys = self.keys.get().await?;
        self.policy.user(token, &keys).map_err(unauthenticated)
    }
}

impl Policy {
    fn from_environment(variables: &Variables) -> Result<Self, ConfigError> {
        let algorithms = |names: &str| names.split(',').map(algorithm).collect();
        Ok(Self {
            algorithms: variables.parsed("JWT_ALGORITHMS", algorithms)?,
            issuer: variables.optional("JWT_ISSUER").map(str::to_owned),
            audience: variables.optional("JWT_AUDIENCE").map(str::to_owned),
            user_id_claim: variables.required("JWT_USER_ID_CLAIM")?.to_owned(),
        })
    }

    /// The user that a token was issued for.
    fn user(&self, token: &str, keys: &JwkSet) -> Result<UserId, Unauthenticated> {
        let header = decode_header(token).map_err(Unauthenticated::Token)?;
        if !self.algorithms.contains(&header.alg) {
            return Err(Unauthenticated::Algorithm);
        }
        let key = find(keys, &header).ok_or(Unauthenticated::Key)?;
        let key = DecodingKey::from_jwk(key).map_err(Unauthenticated::Token)?;
        let token = decode::<Map<String, Value>>(token, &key, &self.validation(header.alg))
            .map_err(Unauthenticated::Token)?;
        let id = token
            .claims
            .get(&self.user_id_claim)
            .and_then(Value::as_str);
        UserId::parse(id.ok_or(Unauthenticated::UserId)?).map_err(|_| Unauthenticated::UserId)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.validate_aud = self.audience.is_some();
        let mut required = vec!["exp"];
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

fn algorithm(name: &str) -> Result<Algorithm, &'static str> {
    match name.trim() {
        "RS256" => Ok(Algorithm::RS256),
        "ES256" => Ok(Algorithm::ES256),
        "EdDSA" => Ok(Algorithm::EdDSA),
        "HS256" => Ok(Algorithm::HS256),
        _ => Err("not a list of RS256, ES256, EdDSA, HS256"),
    }
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

/// The key with the token's key id, or, of a token without one, the only key that suits it.
fn find<'a>(keys: &'a JwkSet, header: &Header) -> Option<&'a Jwk> {
    let mut suitable = keys
        .keys
        .iter()
        .filter(|key| suits(key, header.alg))
        .filter(|key| match &header.kid {
            Some(id) => key.common.key_id.as_ref() == Some(id),
            None => true,
        });
    let key = suitable.next()?;
    suitable.next().is_none().then_some(key)
}

/// Whether a key is of the type that the algorithm needs, and meant for it as far as it says so. Without this check a public
/// key could serve as the secret of an HMAC.
fn suits(key: &Jwk, algorithm: Algorithm) -> bool {
    let of_type = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256)
        | (AlgorithmParameters::OctetKey(_), Algorithm::HS256) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => {
            key.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => {
            key.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    let of_use = key
        .common
        .public_key_use
        .as_ref()
        .is_none_or(|of| *of == PublicKeyUse::Signature);
    let of_algorithm = key
        .common
        .key_algorithm
        .as_ref()
        .is_none_or(|of| of.to_string() == format!("{algorithm:?}"));
    of_type && of_use && of_algorithm
}

#[cfg(test)]
mod tests;
