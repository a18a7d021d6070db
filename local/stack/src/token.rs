//! Tokens for `x-juno-jwt`, signed with the development key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use shared::kyc::UserId;

use crate::Error;

/// The default lifetime of a token.
pub const DEFAULT_LIFETIME: Duration = Duration::from_hours(12);

/// The id of the key in tokens and in the JWK Set.
const KEY_ID: &str = "local";

/// The private key. It is public, so that tokens and the files in `events/` are valid on each laptop. No deployed system
/// trusts it.
const KEY: &[u8] = include_bytes!("development-key.pk8");

/// A signer of tokens.
pub struct Signer {
    key: Ed25519KeyPair,
}

impl Signer {
    /// Creates the signer that a stack trusts unless its secrets say otherwise.
    ///
    /// # Errors
    /// Fails if the key cannot be used.
    pub fn development() -> Result<Self, Error> {
        let key = Ed25519KeyPair::from_pkcs8(KEY).map_err(|error| Error::Key(error.to_string()))?;
        Ok(Self { key })
    }

    /// Returns the public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.key.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": KEY_ID, "alg": "EdDSA", "use": "sig" })
    }

    /// Signs a token with these claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": KEY_ID, "typ": "JWT" });
        let [header, claims] =
            [&header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// Signs a token for a user, valid from now on.
    #[must_use]
    pub fn token(&self, user_id: &str, lifetime: Duration) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let end = now.saturating_add(lifetime);
        self.sign(&json!({ "sub": user_id, "iat": now.as_secs(), "exp": end.as_secs() }))
    }
}

/// Returns the user in the token of a request, whoever signed it.
pub(crate) fn subject(headers: &HeaderMap) -> Option<UserId> {
    let token = headers.get("x-juno-jwt")?.to_str().ok()?;
    let claims = BASE64_URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1)?)
        .ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    UserId::parse(claims.get("sub")?.as_str()?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_token_is_verified_by_the_jwk() {
        let signer = Signer::development().unwrap();

        let token = signer.token("usr_1", Duration::from_mins(1));

        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = BASE64_URL_SAFE_NO_PAD
            .decode(signer.jwk()["x"].as_str().unwrap())
            .unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ED25519, key)
            .verify(message.as_bytes(), &signature)
            .unwrap();
        let claims = BASE64_URL_SAFE_NO_PAD
            .decode(message.split_once('.').unwrap().1)
            .unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["sub"], "usr_1");
        assert_eq!(
            claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
            60
        );
    }

    #[test]
    fn the_subject_is_read_from_any_token_and_is_a_user_id() {
        let signer = Signer::development().unwrap();
        let of = |token: String| {
            subject(&HeaderMap::from_iter([(
                "x-juno-jwt".parse().unwrap(),
                token.parse().unwrap(),
            )]))
        };
        let found = of(signer.token("usr_1", Duration::ZERO));
        assert_eq!(found, UserId::parse("usr_1").ok());
        for claims in [
            json!({}),
            json!({ "sub": 1 }),
            json!({ "sub": "\u{1b}[2J" }),
            json!([]),
        ] {
            assert_eq!(of(signer.sign(&claims)), None, "{claims}");
        }
        for token in ["", "a", "a.b.c", "..", "a.e30"] {
            assert_eq!(of(token.to_owned()), None, "{token}");
        }
        assert_eq!(subject(&HeaderMap::new()), None);
    }
}
