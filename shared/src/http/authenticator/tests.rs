use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

use super::*;

mod issuers;

/// Somebody who can issue tokens: a signing function and the JWK of its key.
struct Issuer {
    algorithm: &'static str,
    jwk: Value,
    sign: Sign,
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn ed25519() -> Issuer {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    Issuer {
        algorithm: "EdDSA",
        jwk: json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": base64(pair.public_key()) }),
        sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()),
    }
}

fn p256() -> Issuer {
    ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256", "P-256")
}

fn ecdsa(signing: &'static EcdsaSigningAlgorithm, algorithm: &'static str, curve: &str) -> Issuer {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref(), &random).unwrap();
    let (x, y) = point(&pair);
    Issuer {
        algorithm,
        jwk: json!({ "kty": "EC", "crv": curve, "kid": "ec", "x": base64(x), "y": base64(y) }),
        sign: Box::new(move |message| pair.sign(&random, message).unwrap().as_ref().to_vec()),
    }
}

/// Returns the coordinates of a public key.
fn point(pair: &EcdsaKeyPair) -> (Vec<u8>, Vec<u8>) {
    let point = &pair.public_key().as_ref()[1..];
    let (x, y) = point.split_at(point.len() / 2);
    (x.to_vec(), y.to_vec())
}

fn rsa() -> Issuer {
    rsa_with(&RSA_PKCS1_SHA256, "RS256")
}

/// A key made for these tests and used nowhere else.
fn rsa_with(encoding: &'static dyn RsaEncoding, algorithm: &'static str) -> Issuer {
    let pair = RsaKeyPair::from_pkcs8(include_bytes!("rsa-test-key.pk8")).unwrap();
    let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
    Issuer {
        algorithm,
        jwk: json!({ "kty": "RSA", "kid": algorithm, "alg": algorithm, "use": "sig", "n": base64(&public.n), "e": base64(&public.e) }),
        sign: Box::new(move |message| {
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
                .unwrap();
            signature
        }),
    }
}

fn hmac(secret: &[u8]) -> Issuer {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    Issuer {
        algorithm: "HS256",
        jwk: json!({ "kty": "oct", "kid": "hmac", "k": base64(secret) }),
        sign: Box::new(move |message| ring::hmac::sign(&key, message).as_ref().to_vec()),
    }
}

impl Issuer {
    fn token(&self, claims: &Value) -> String {
        self.token_with(
            &json!({ "alg": self.algorithm, "kid": self.jwk["kid"] }),
            claims,
        )
    }

    fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!(
            "{}.{}",
            base64(header.to_string()),
            base64(claims.to_string())
        );
        format!("{message}.{}", base64((self.sign)(message.as_bytes())))
    }
}

fn set(issuers: &[&Issuer]) -> Keys {
    let keys: Vec<&Value> = issuers.iter().map(|issuer| &issuer.jwk).collect();
    Keys::of(
        serde_json::from_value(json!({ "keys": keys })).unwrap(),
        true,
    )
}

fn policy(issuer: &str, audience: &str) -> TokenPolicy {
    policy_of("RS256, ES256,EdDSA", issuer, audience)
}

fn policy_of(algorithms: &str, issuer: &str, audience: &str) -> TokenPolicy {
    TokenPolicy::from_environment(&Variables::from([
        ("JWT_ALGORITHMS", algorithms),
        ("JWT_USER_ID_CLAIM", "sub"),
        ("JWT_ISSUER", issuer),
        ("JWT_AUDIENCE", audience),
    ]))
    .unwrap()
}

fn key_source(url: &str) -> Result<KeySource, ConfigError> {
    let variables = Variables::from([("JWKS_URL", url), ("JWKS_LONGEST_USE_MINUTES", "60")]);
    KeySource::from_environment(&variables, || unreachable!("the address is set"))
}

/// Seconds since the Unix epoch, that far from now.
fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + seconds
}

fn claims() -> Value {
    json!({ "sub": "usr_abc123", "exp": seconds_from_now(600) })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn accepted(token: &str, keys: &Keys) -> bool {
    policy("", "").user(token, keys).is_ok()
}

#[test]
fn accepts_each_allowed_algorithm() {
    let issuers = [ed25519(), p256(), rsa()];
    let keys = set(&issuers.iter().collect::<Vec<_>>());
    for issuer in &issuers {
        let id = policy("", "").user(&issuer.token(&claims()), &keys);
        assert_eq!(id.unwrap().as_str(), "usr_abc123", "{}", issuer.algorithm);
    }
}

#[test]
fn algorithms_of_other_issuers_are_accepted_where_they_are_allowed() {
    for issuer in [
        rsa_with(&RSA_PKCS1_SHA512, "RS512"),
        rsa_with(&RSA_PSS_SHA256, "PS256"),
        ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384", "P-384"),
    ] {
        let token = issuer.token(&claims());
        let keys = set(&[&issuer]);
        let refused = policy("", "").user(&token, &keys);
        assert_eq!(refused, Err(Unauthenticated::Algorithm));
        let allowing = policy_of(issuer.algorithm, "", "");
        assert!(allowing.user(&token, &keys).is_ok(), "{}", issuer.algorithm);
    }
}

#[test]
fn a_key_that_names_its_algorithm_is_for_no_other() {
    let allowing = policy_of("RS256,PS256", "", "");
    let mut issuer = rsa_with(&RSA_PSS_SHA256, "PS256");
    let token = issuer.token(&claims());
    issuer.jwk["alg"] = json!("RS256");
    let refused = allowing.user(&token, &set(&[&issuer]));
    assert_eq!(refused, Err(Unauthenticated::Key));
    issuer.jwk["alg"] = Value::Null;
    assert!(allowing.user(&token, &set(&[&issuer])).is_ok());

    let mut issuer = ed25519();
    issuer.jwk["alg"] = json!("Ed25519");
    assert!(accepted(&issuer.token(&claims()), &set(&[&issuer])));
}

#[test]
fn hmac_is_accepted_only_where_it_is_allowed() {
    let issuer = hmac(b"a shared secret of some length..");
    let keys = set(&[&issuer]);
    assert!(!accepted(&issuer.token(&claims()), &keys));
    let allowing = policy_of("HS256", "", "");
    assert!(allowing.user(&issuer.token(&claims()), &keys).is_ok());
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    let rsa = rsa();
    let keys = set(&[&rsa]);
    let modulus = URL_SAFE_NO_PAD
        .decode(rsa.jwk["n"].as_str().unwrap())
        .unwrap();
    let allowing = policy_of("RS256, ES256,EdDSA,HS256", "", "");
    for kid in [json!("RS256"), Value::Null] {
        let token = hmac(&modulus).token_with(&json!({ "alg": "HS256", "kid": kid }), &claims());
        assert!(matches!(
            allowing.user(&token, &keys),
            Err(Unauthenticated::Key)
        ));
    }
}

#[test]
fn refuses_what_is_unsigned_or_signed_by_others() {
    let (issuer, other) = (ed25519(), ed25519());
    let keys = set(&[&issuer]);
    assert!(!accepted(&other.token(&claims()), &keys));
    for alg in ["none", "None", "HS256", "ES256", "RS512", ""] {
        let token = issuer.token_with(&json!({ "alg": alg, "kid": "ed" }), &claims());
        assert!(!accepted(&token, &keys), "{alg}");
        let (message, _) = token.rsplit_once('.').unwrap();
        assert!(!accepted(&format!("{message}."), &keys), "{alg} unsigned");
    }
    let token = issuer.token(&claims());
    let (header, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = base64(with("sub", json!("usr_other")).to_string());
    assert!(!accepted(&format!("{header}.{forged}.{signature}"), &keys));
}

#[test]
fn refuses_what_is_no_token() {
    let keys = set(&[&ed25519()]);
    for token in [
        "", ".", "..", "a.b.c", "e30.e30.", "Bearer x", "{}", "\u{0}",
    ] {
        assert!(!accepted(token, &keys), "{token:?}");
    }
}

#[test]
fn each_key_that_may_have_signed_a_token_is_tried() {
    let (one, other, ec) = (ed25519(), ed25519(), p256());
    let token = one.token_with(&json!({ "alg": "EdDSA" }), &claims());
    assert!(accepted(&token, &set(&[&one, &ec])));
    assert!(
        accepted(&token, &set(&[&other, &one])),
        "no key id in the token"
    );
    assert!(!accepted(&token, &set(&[&other, &ec])));

    let with_id = one.token(&claims());
    assert!(
        accepted(&with_id, &set(&[&other, &one])),
        "two keys of one id"
    );
    let mut nameless = ed25519();
    let of_nameless = nameless.token(&claims());
    nameless.jwk["kid"] = Value::Null;
    assert!(
        accepted(&of_nameless, &set(&[&other, &nameless])),
        "no key id in the set"
    );

    let many = [&other, &other, &other, &other, &one];
    assert!(!accepted(&token, &set(&many)), "the fifth is not tried");
}

#[test]
fn numbers_of_keys_are_read_as_issuers_write_them() {
    let mut issuer = rsa();
    let token = issuer.token(&claims());
    let modulus = URL_SAFE_NO_PAD
        .decode(issuer.jwk["n"].as_str().unwrap())
        .unwrap();
    for form in [
        base64([&[0], &modulus[..]].concat()),
        STANDARD.encode(&modulus),
    ] {
        issuer.jwk["n"] = json!(form);
        assert!(accepted(&token, &set(&[&issuer])), "{form}");
    }
}

#[test]
fn coordinates_may_lack_their_leading_zeros() {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    // One in 128 keys has such a coordinate.
    let pair = std::iter::repeat_with(|| {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap()
    });
    let pair = pair
        .into_iter()
        .find(|pair| point(pair).0[0] == 0 || point(pair).1[0] == 0);
    let pair = pair.unwrap();
    let (x, y) = point(&pair);
    let trimmed = |number: &[u8]| base64(number.strip_prefix(&[0]).unwrap_or(number));
    let issuer = Issuer {
        algorithm: "ES256",
        jwk: json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "x": trimmed(&x), "y": trimmed(&y) }),
        sign: Box::new(move |message| pair.sign(&random, message).unwrap().as_ref().to_vec()),
    };
    assert!(accepted(&issuer.token(&claims()), &set(&[&issuer])));
}

#[test]
fn a_key_that_is_meant_for_something_else_is_not_used() {
    for (member, value) in [
        ("use", json!("enc")),
        ("alg", json!("ES256")),
        ("kid", json!("another")),
        ("key_ops", json!(["sign"])),
    ] {
        let mut issuer = ed25519();
        let token = issuer.token(&claims());
        issuer.jwk[member] = value;
        assert!(!accepted(&token, &set(&[&issuer])), "{member}");
    }
}

#[test]
fn a_refusal_says_what_was_wrong() {
    let issuer = ed25519();
    let keys = set(&[&issuer]);
    let strict = policy("https://issuer.example", "kyc");
    let mut good = with("iss", json!("https://issuer.example"));
    good["aud"] = json!("kyc");
    assert!(strict.user(&issuer.token(&good), &keys).is_ok());
    for (name, value, why) in [
        (
            "iss",
            json!("https://evil.example"),
            Unauthenticated::Issuer,
        ),
        ("iss", Value::Null, Unauthenticated::Claim),
        ("aud", json!("other"), Unauthenticated::Audience),
        ("aud", Value::Null, Unauthenticated::Audience),
        ("exp", Value::Null, Unauthenticated::Claim),
        ("exp", json!("tomorrow"), Unauthenticated::Claim),
        (
            "exp",
            json!(seconds_from_now(-90)),
            Unauthenticated::Expired,
        ),
        ("nbf", json!(seconds_from_now(90)), Unauthenticated::Early),
        ("sub", json!(7), Unauthenticated::UserId),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        let refused = strict.user(&issuer.token(&bad), &keys);
        assert_eq!(refused, Err(why), "{bad}");
    }
    let header = |header: Value| strict.user(&issuer.token_with(&header, &good), &keys);
    let other = header(json!({ "alg": "EdDSA", "kid": "other" }));
    assert_eq!(other, Err(Unauthenticated::Key));
    let other = header(json!({ "alg": "Ed448", "kid": "ed" }));
    assert_eq!(other, Err(Unauthenticated::Algorithm));
    let refused = strict.user(&ed25519().token(&good), &keys);
    assert_eq!(refused, Err(Unauthenticated::Signature));
}

/// RFC 9864 names what EdDSA was with this curve.
#[test]
fn the_newer_name_of_an_algorithm_is_as_strict() {
    for names in ["EdDSA", "Ed25519"] {
        let policy = policy_of(names, "", "");
        let (issuer, other) = (ed25519(), ed25519());
        let keys = set(&[&issuer]);
        let header = json!({ "alg": "Ed25519", "kid": "ed" });
        let token = |issuer: &Issuer, claims: &Value| issuer.token_with(&header, claims);
        assert!(policy.user(&token(&issuer, &claims()), &keys).is_ok());
        for (refused, why) in [
            (token(&other, &claims()), Unauthenticated::Signature),
            (
                token(&issuer, &with("exp", json!(seconds_from_now(-90)))),
                Unauthenticated::Expired,
            ),
            (
                token(&issuer, &with("nbf", json!(seconds_from_now(90)))),
                Unauthenticated::Early,
            ),
            (
                token(&issuer, &with("exp", Value::Null)),
                Unauthenticated::Claim,
            ),
        ] {
            assert_eq!(policy.user(&refused, &keys), Err(why));
        }
        // Neither name stands for the other in the bytes that are signed.
        let signed = token(&issuer, &claims());
        let older = base64(r#"{"alg":"EdDSA","kid":"ed"}"#);
        let (_, rest) = signed.split_once('.').unwrap();
        let refused = policy.user(&format!("{older}.{rest}"), &keys);
        assert_eq!(refused, Err(Unauthenticated::Signature));
    }
    let without = policy_of("RS256", "", "");
    let token = ed25519().token_with(&json!({ "alg": "Ed25519" }), &claims());
    let refused = without.user(&token, &set(&[&ed25519()]));
    assert_eq!(refused, Err(Unauthenticated::Algorithm));
}

#[test]
fn times_are_checked_with_a_minute_of_leeway() {
    let issuer = ed25519();
    let keys = set(&[&issuer]);
    for (claims, expected) in [
        (with("exp", json!(seconds_from_now(-30))), true),
        (with("exp", json!(seconds_from_now(-90))), false),
        (with("exp", Value::Null), false),
        (with("exp", json!("tomorrow")), false),
        (json!({ "sub": "usr_abc123" }), false),
        (with("nbf", json!(seconds_from_now(30))), true),
        (with("nbf", json!(seconds_from_now(90))), false),
    ] {
        assert_eq!(
            accepted(&issuer.token(&claims), &keys),
            expected,
            "{claims}"
        );
    }
    assert_eq!(LEEWAY, Duration::from_mins(1));
}

#[test]
fn issuer_and_audience_are_required_when_configured() {
    let issuer = ed25519();
    let keys = set(&[&issuer]);
    let strict = policy("https://issuer.example", "kyc");
    let passes = |claims: &Value| strict.user(&issuer.token(claims), &keys).is_ok();
    let mut good = with("iss", json!("https://issuer.example"));
    good["aud"] = json!(["other", "kyc"]);
    assert!(passes(&good));
    for (name, value) in [
        ("iss", Value::Null),
        ("iss", json!("https://evil.example")),
        ("iss", json!(["https://issuer.example"])),
        ("aud", Value::Null),
        ("aud", json!("other")),
        ("aud", json!(["other", 7])),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(!passes(&bad), "{name}");
    }
    assert!(!passes(&claims()));
    assert!(
        accepted(&issuer.token(&good), &keys),
        "and ignored when not configured"
    );
}

#[test]
fn the_user_id_must_be_an_identifier() {
    let issuer = ed25519();
    let keys = set(&[&issuer]);
    for id in [
        Value::Null,
        json!(7),
        json!(""),
        json!("a b"),
        json!("x".repeat(129)),
        json!(["a"]),
    ] {
        assert!(
            !accepted(&issuer.token(&with("sub", id.clone())), &keys),
            "{id}"
        );
    }
}

#[test]
fn there_is_one_header_of_bounded_size() {
    let mut headers = HeaderMap::new();
    assert!(matches!(token(&headers), Err(Unauthenticated::Header)));
    headers.insert("X-Juno-Jwt", "a".repeat(MAX_TOKEN).parse().unwrap());
    assert!(token(&headers).is_ok());
    headers.insert(HEADER, "a".repeat(MAX_TOKEN + 1).parse().unwrap());
    assert!(matches!(token(&headers), Err(Unauthenticated::TooLong)));
    headers.insert(HEADER, "a".parse().unwrap());
    headers.append(HEADER, "b".parse().unwrap());
    assert!(matches!(token(&headers), Err(Unauthenticated::Header)));
}

#[test]
fn a_key_of_an_unknown_kind_does_not_spoil_the_others() {
    let issuer = ed25519();
    let unknown = [
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "ed" }),
        json!({ "kty": "OKP", "crv": "Ed448", "x": "AAAA", "kid": "ed" }),
        json!({ "kty": "RSA", "kid": "ed" }),
        json!("no key"),
    ];
    let keys: Vec<&Value> = unknown.iter().chain([&issuer.jwk]).collect();
    let keys = serde_json::from_value(json!({ "keys": keys })).unwrap();
    assert!(accepted(&issuer.token(&claims()), &Keys::of(keys, false)));
}

#[test]
fn shared_secrets_are_long_and_never_public() {
    let allowing = policy_of("HS256", "", "");
    let accepts = |secret: &[u8], allowed| {
        let issuer = hmac(secret);
        let keys = serde_json::from_value(json!({ "keys": [issuer.jwk] })).unwrap();
        let token = issuer.token(&claims());
        allowing.user(&token, &Keys::of(keys, allowed)).is_ok()
    };
    assert!(accepts(&[7; 32], true));
    assert!(!accepts(&[7; 31], true));
    assert!(!accepts(&[7; 32], false));
}

#[test]
fn a_claim_that_is_there_twice_is_refused() {
    let issuer = ed25519();
    let keys = set(&[&issuer]);
    let exp = seconds_from_now(60);
    for claims in [
        format!(r#"{{"sub":"usr_abc123","sub":"usr_other","exp":{exp}}}"#),
        format!(r#"{{"sub":"usr_abc123","exp":1,"exp":{exp}}}"#),
        format!(r#"{{"sub":"usr_abc123","exp":{exp},"s\u0075b":"usr_other"}}"#),
    ] {
        let message = format!(
            "{}.{}",
            base64(r#"{"alg":"EdDSA","kid":"ed"}"#),
            base64(&claims)
        );
        let signature = base64((issuer.sign)(message.as_bytes()));
        assert!(
            !accepted(&format!("{message}.{signature}"), &keys),
            "{claims}"
        );
    }
}

#[test]
fn a_header_member_that_is_there_twice_is_refused() {
    let issuer = ed25519();
    for header in [
        r#"{"alg":"EdDSA","kid":"ed","b64":true,"b64":false}"#,
        r#"{"alg":"EdDSA","kid":"ed","x":{"y":1,"y":2}}"#,
    ] {
        let message = format!("{}.{}", base64(header), base64(claims().to_string()));
        let signature = base64((issuer.sign)(message.as_bytes()));
        let refused = policy("", "").user(&format!("{message}.{signature}"), &set(&[&issuer]));
        assert_eq!(refused, Err(Unauthenticated::Malformed), "{header}");
    }
}

#[test]
fn a_critical_header_is_refused() {
    let issuer = ed25519();
    let header = json!({ "alg": "EdDSA", "kid": "ed", "crit": ["b64"], "b64": false });
    let token = issuer.token_with(&header, &claims());
    assert_eq!(
        policy("", "").user(&token, &set(&[&issuer])),
        Err(Unauthenticated::Critical)
    );
}

#[test]
fn a_key_set_is_fetched_safely_or_not_at_all() {
    for address in [
        "https://issuer.example/.well-known/jwks.json",
        "http://127.0.0.1:9/jwks",
        "http://localhost/jwks",
    ] {
        assert!(key_source(address).is_ok(), "{address}");
    }
    for address in [
        "http://issuer.example/jwks",
        "file:///etc/passwd",
        "ftp://127.0.0.1/jwks",
        "issuer.example",
    ] {
        assert!(key_source(address).is_err(), "{address}");
    }
}

#[test]
fn a_public_key_set_and_shared_secrets_are_not_configured_together() {
    let variables = Variables::from([
        ("JWT_ALGORITHMS", "RS256,HS256"),
        ("JWT_USER_ID_CLAIM", "sub"),
    ]);
    let keys = key_source("https://issuer.example/jwks").unwrap();
    let error = Authenticator::from_environment(&variables, keys)
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("JWT_ALGORITHMS"));
}

#[test]
fn one_of_several_audiences_is_enough_and_cognito_names_it_elsewhere() {
    let issuer = ed25519();
    let keys = set(&[&issuer]);
    let policy = policy("", "kyc, mobile");
    let passes = |claims: &Value| policy.user(&issuer.token(claims), &keys).is_ok();
    for audience in ["kyc", "mobile"] {
        assert!(passes(&with("aud", json!(audience))));
        assert!(
            passes(&with("client_id", json!(audience))),
            "an access token of Cognito"
        );
    }
    assert!(!passes(&with("aud", json!("kyc, mobile"))));
    assert!(!passes(&with("client_id", json!("other"))));
    let mut elsewhere = with("client_id", json!("kyc"));
    elsewhere["aud"] = json!("other");
    assert!(!passes(&elsewhere), "`aud` goes before");
}

#[test]
fn configuration_names_the_variable() {
    let error = |algorithms| {
        let variables =
            Variables::from([("JWT_ALGORITHMS", algorithms), ("JWT_USER_ID_CLAIM", "sub")]);
        TokenPolicy::from_environment(&variables)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(error("").contains("JWT_ALGORITHMS"));
    assert!(error("RS256,none").contains("JWT_ALGORITHMS"));
}
