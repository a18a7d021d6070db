//! `x-juno-jwt`: the tokens that are accepted, and the user of each.
//!
//! An input is a token, or two lines of JSON: a header and claims, which are then signed as the issuer does.

use std::fmt;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};
use sha2::Sha256;
use shared::http::{Keys, TokenPolicy};
use shared::platform::Variables;

use crate::line;

/// Tokens that were really issued, all for this user. No other token is accepted.
const ISSUED: [&str; 2] = [
    // By the development key of `local/`.
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImxvY2FsIiwidHlwIjoiSldUIn0.eyJleHAiOjQxMDI0NDQ4MDgsImlhdCI6MTc5NTQxOTI2Miwic3ViIjoidXNyX2FiYzEyMyJ9.ZKt4hu6OIN0NMlZab1brsxl87YDuEtQVYqkezL2VWLRA6ctzOizeb058kTH6sODZO3b2WzkYRaOv_VuQjZqxCA",
    // With the secret below.
    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImhtYWMiLCJ0eXAiOiJKV1QifQ.eyJleHAiOjQxMDI0NDQ4MDgsImlhdCI6MTc5NTQxOTI2Miwic3ViIjoidXNyX2FiYzEyMyJ9.C0mmrvbQNY6NJwH2F-euMkFZV1PTBXS-4rMToHz1iAs",
];
const USER: &str = "usr_abc123";

const SECRET: &[u8] = b"a shared secret of thirty-two b.";
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "kyc";
/// The tolerated difference of two clocks in seconds, and a second for the time that a check takes.
const TOLERANCE: f64 = 61.0;

/// One key of each kind: that of `local/`, the examples of RFC 7515 (A.2, A.3), and a shared secret.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let set = json!({ "keys": [
        { "kty": "OKP", "crv": "Ed25519", "kid": "local", "alg": "EdDSA", "use": "sig",
          "x": "yz5saSynXE3hLxvB9_sM_XPbeMRbiZ_pjk6X8u8DZWE" },
        { "kty": "EC", "crv": "P-256", "kid": "ec",
          "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" },
        { "kty": "RSA", "kid": "rsa", "e": "AQAB",
          "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" },
        { "kty": "oct", "kid": "hmac", "k": BASE64.encode(SECRET) },
    ] });
    Keys::of(serde_json::from_value(set).expect("a JWK Set"), true)
});

static OPEN: LazyLock<TokenPolicy> = LazyLock::new(|| policy("", ""));
static STRICT: LazyLock<TokenPolicy> = LazyLock::new(|| policy(ISSUER, AUDIENCE));

fn policy(issuer: &str, audience: &str) -> TokenPolicy {
    TokenPolicy::from_environment(&Variables::from([
        ("JWT_ALGORITHMS", "RS256,ES256,EdDSA,HS256"),
        ("JWT_USER_ID_CLAIM", "sub"),
        ("JWT_ISSUER", issuer),
        ("JWT_AUDIENCE", audience),
    ]))
    .expect("a policy")
}

/// Checks the input as it is, and signed.
pub fn run(data: &[u8]) {
    if let Ok(token) = str::from_utf8(data) {
        only_what_was_issued_is_accepted(token.trim_ascii_end());
    }
    let (header, claims) = line(data);
    what_is_accepted_says_so(header, claims);
}

fn only_what_was_issued_is_accepted(token: &str) {
    let user = OPEN.user(token, &KEYS).ok();
    let user = user.as_ref().map(shared::kyc::UserId::as_str);
    assert_eq!(user, ISSUED.contains(&token).then_some(USER));
}

fn what_is_accepted_says_so(header: &[u8], claims: &[u8]) {
    let token = signed(header, claims);
    let user = OPEN.user(&token, &KEYS);
    let strict = STRICT.user(&token, &KEYS);
    let Ok(user) = user else {
        assert!(strict.is_err());
        return;
    };

    let header: Members = serde_json::from_slice(header).expect("a header");
    assert_eq!(header.only("alg"), Some(&json!("HS256")));
    assert!(header.only("crit").is_none_or(Value::is_null));

    let claims: Members = serde_json::from_slice(claims).expect("claims");
    for (name, value) in &claims.0 {
        assert_eq!(claims.only(name), Some(value), "a claim is there once");
    }
    assert_eq!(claims.only("sub"), Some(&json!(user.as_str())));
    let time = |name| claims.only(name).and_then(Value::as_f64);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a clock").as_secs_f64();
    assert!(time("exp").is_some_and(|expiry| expiry > now - TOLERANCE));
    assert!(time("nbf").is_none_or(|start| start < now + TOLERANCE));

    if let Ok(other) = strict {
        assert_eq!(user, other);
        for (name, value) in [("iss", ISSUER), ("aud", AUDIENCE)] {
            let claim = claims.only(name).expect("the claim");
            let names = |claim: &Value| claim == value;
            let listed = claim.as_array().is_some_and(|list| list.iter().any(names));
            assert!(names(claim) || listed, "{name}");
        }
    }
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET).expect("a key of any length");
    let mac = mac.chain_update(&message).finalize().into_bytes();
    format!("{message}.{}", BASE64.encode(mac))
}

/// The members of a JSON object as written, repeated ones included.
struct Members(Vec<(String, Value)>);

impl Members {
    /// Returns the member of this name, which must not be repeated.
    fn only(&self, name: &str) -> Option<&Value> {
        let mut found = self.0.iter().filter(|(other, _)| other == name);
        let value = found.next().map(|(_, value)| value);
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
