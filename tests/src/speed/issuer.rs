//! Who issues the tokens: RS256, which most issuers sign with.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

/// The end of the year 2099, in seconds.
const EXPIRES: i64 = 4_102_444_799;

fn key() -> RsaKeyPair {
    let key = include_bytes!("../../../shared/src/http/authenticator/rsa-test-key.pk8");
    RsaKeyPair::from_pkcs8(key).unwrap()
}

/// The issuer's JWK Set.
pub(super) fn keys() -> Value {
    let public: PublicKeyComponents<Vec<u8>> = key().public().into();
    let [n, e] = [public.n, public.e].map(|number| BASE64_URL_SAFE_NO_PAD.encode(number));
    json!({ "keys": [{ "kty": "RSA", "kid": "issuer", "alg": "RS256", "use": "sig", "n": n, "e": e }] })
}

/// A token for a user.
pub(super) fn token(user: &str) -> String {
    let header = json!({ "alg": "RS256", "kid": "issuer", "typ": "JWT" });
    let claims = json!({ "sub": user, "iat": 1_704_067_200, "exp": EXPIRES });
    let [header, claims] =
        [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let key = key();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    key.sign(
        &RSA_PKCS1_SHA256,
        &random,
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
