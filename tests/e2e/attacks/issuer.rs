//! The issuers of tokens in attacks: the trusted one, and those who only claim to be.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};

use tests::app::USER;

/// A key made for tests and used nowhere else.
const RSA: &[u8] = include_bytes!("../../../shared/src/http/authenticator/rsa-test-key.pk8");

/// A key, public part and signing function.
pub(crate) struct Issuer {
    pub(crate) algorithm: &'static str,
    pub(crate) jwk: Value,
    sign: Sign,
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + seconds
}

/// The claims that are enough where no issuer and no audience are asked for.
pub(crate) fn claims() -> Value {
    json!({ "sub": USER, "exp": seconds_from_now(600) })
}

/// A JWK Set.
pub(crate) fn key_set<'a>(issuers: impl IntoIterator<Item = &'a Issuer>) -> Value {
    let keys = issuers.into_iter().map(|issuer| issuer.jwk.clone());
    json!({ "keys": keys.collect::<Vec<_>>() })
}

impl Issuer {
    /// A new Ed25519 key.
    pub(crate) fn ed25519(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let x = base64(pair.public_key());
        Self {
            algorithm: "EdDSA",
            jwk: json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x }),
            sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()),
        }
    }

    /// A new P-256 key.
    pub(crate) fn p256(kid: &str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (base64(&point[1..33]), base64(&point[33..]));
        Self {
            algorithm: "ES256",
            jwk: json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y }),
            sign: Box::new(move |message| pair.sign(&random, message).unwrap().as_ref().to_vec()),
        }
    }

    /// The RSA key: there is one only.
    pub(crate) fn rsa(kid: &str) -> Self {
        let pair = RsaKeyPair::from_pkcs8(RSA).unwrap();
        let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
        let (n, e) = (base64(&public.n), base64(&public.e));
        let sign = move |message: &[u8]| {
            let mut signature = vec![0; pair.public().modulus_len()];
            let random = SystemRandom::new();
            pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                .unwrap();
            signature
        };
        Self {
            algorithm: "RS256",
            jwk: json!({ "kty": "RSA", "kid": kid, "n": n, "e": e }),
            sign: Box::new(sign),
        }
    }

    /// A shared secret.
    pub(crate) fn hmac(kid: &str, secret: &[u8]) -> Self {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        Self {
            algorithm: "HS256",
            jwk: json!({ "kty": "oct", "kid": kid, "k": base64(secret) }),
            sign: Box::new(move |message| ring::hmac::sign(&key, message).as_ref().to_vec()),
        }
    }

    /// The header of its tokens.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "kid": self.jwk["kid"] })
    }

    /// A token as it should be, but for the claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(self.header().to_string(), claims.to_string())
    }

    /// A token of these texts, which need not be JSON.
    pub(crate) fn sign(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        self.seal(&format!("{}.{}", base64(header), base64(claims)))
    }

    /// A token of what stands before its signature.
    pub(crate) fn seal(&self, message: &str) -> String {
        format!("{message}.{}", base64((self.sign)(message.as_bytes())))
    }
}

/// The DER of the RSA key's public part: as PKCS #1 and as a `SubjectPublicKeyInfo`.
pub(crate) fn rsa_public_der() -> [Vec<u8>; 2] {
    let pair = RsaKeyPair::from_pkcs8(RSA).unwrap();
    let pkcs1 = pair.public().as_ref().to_vec();
    let head = hex::decode("30820122300d06092a864886f70d01010105000382010f00").unwrap();
    let info = [head, pkcs1.clone()].concat();
    // The lengths in the head are those of a key of 2048 bits.
    assert_eq!(info.len(), 4 + 0x122);
    [pkcs1, info]
}
