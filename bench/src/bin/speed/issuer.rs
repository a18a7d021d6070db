//! The issuer of the tokens. It signs with RS256, as most issuers do, and with HS256 where instructions are counted: valgrind's
//! processor lacks the instructions that make RSA fast, so RSA would hide everything else.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

/// The end of the year 2099, in seconds.
const EXPIRES: i64 = 4_102_444_799;

const SHARED_SECRET: &[u8] = b"of the tokens that instructions are counted with";

fn key() -> RsaKeyPair {
    let key = include_bytes!("../../../../shared/src/http/authenticator/rsa-test-key.pk8");
    RsaKeyPair::from_pkcs8(key).unwrap()
}

/// Returns the issuer's JWK Set.
pub(super) fn keys() -> Value {
    let public: PublicKeyComponents<Vec<u8>> = key().public().into();
    let [n, e] = [public.n, public.e].map(|number| BASE64_URL_SAFE_NO_PAD.encode(number));
    let k = BASE64_URL_SAFE_NO_PAD.encode(SHARED_SECRET);
    json!({ "keys": [
        { "kty": "RSA", "kid": "RS256", "alg": "RS256", "use": "sig", "n": n, "e": e },
        { "kty": "oct", "kid": "HS256", "alg": "HS256", "use": "sig", "k": k },
    ] })
}

/// Signs a token for a user with RS256.
pub(super) fn token(user: &str) -> String {
    signed("RS256", user, |message| {
        let key = key();
        let mut signature = vec![0; key.public().modulus_len()];
        let signed = key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        );
        signed.unwrap();
        signature
    })
}

/// Signs a token for a user with HS256, for runs that count instructions.
pub(super) fn counted_token(user: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SHARED_SECRET);
    signed("HS256", user, |message| {
        hmac::sign(&key, message).as_ref().to_vec()
    })
}

fn signed(algorithm: &str, user: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let header = json!({ "alg": algorithm, "kid": algorithm, "typ": "JWT" });
    let claims = json!({ "sub": user, "iat": 1_704_067_200, "exp": EXPIRES });
    let parts = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = parts.join(".");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}
