//! The key that stands for the issuer of `x-juno-jwt`, and tokens signed with it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::{
    Error,
    data::{Data, read, write_private},
    secrets::Secrets,
};

/// The id of the key, in the tokens and in the JWK Set.
pub(crate) const KEY_ID: &str = "local";

/// How long a token is valid unless something else is asked for.
pub const DEFAULT_LIFETIME: Duration = Duration::from_hours(12);

/// Signs tokens.
pub struct Signer {
    key: Ed25519KeyPair,
}

impl Signer {
    /// The signer of a data directory, which is set up if it is not yet.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub fn open(data: &Data) -> Result<Self, Error> {
        data.create()?;
        Secrets::load(data, BTreeMap::new()).map(|(signer, _)| signer)
    }

    /// Reads the key, or makes one where there is none; says whether it is new.
    pub(crate) fn load(data: &Data) -> Result<(Self, bool), Error> {
        let path = data.path("signing-key");
        if let Some(path) = &path
            && let Some(text) = read(path)?
        {
            let unusable = |reason: String| Error::Content {
                path: path.clone(),
                reason,
            };
            let document = STANDARD
                .decode(text.trim_ascii())
                .map_err(|error| unusable(error.to_string()))?;
            let key = Ed25519KeyPair::from_pkcs8(&document)
                .map_err(|error| unusable(error.to_string()))?;
            return Ok((Self { key }, false));
        }
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| Error::Key("the system has no randomness".to_owned()))?;
        if let Some(path) = &path {
            write_private(path, format!("{}\n", STANDARD.encode(&document)).as_bytes())?;
        }
        let key = Ed25519KeyPair::from_pkcs8(document.as_ref())
            .map_err(|error| Error::Key(error.to_string()))?;
        Ok((Self { key }, true))
    }

    /// The public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.key.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": KEY_ID, "alg": "EdDSA", "use": "sig" })
    }

    /// A token with these claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": KEY_ID, "typ": "JWT" });
        let [header, claims] =
            [&header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// A token for a user, valid from now on.
    #[must_use]
    pub fn token(&self, user_id: &str, lifetime: Duration) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let end = now.saturating_add(lifetime);
        self.sign(&json!({ "sub": user_id, "iat": now.as_secs(), "exp": end.as_secs() }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_token_is_verified_by_the_jwk() {
        let (signer, new) = Signer::load(&Data::Memory).unwrap();
        assert!(new);

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
    fn the_key_is_kept_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let data = Data::Directory(directory.path().to_owned());

        let (first, new) = Signer::load(&data).unwrap();
        let (second, again) = Signer::load(&data).unwrap();

        assert!(new && !again);
        assert_eq!(first.jwk(), second.jwk());
        let mode = std::fs::metadata(directory.path().join("signing-key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
