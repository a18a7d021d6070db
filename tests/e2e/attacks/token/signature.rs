//! Tokens that nobody whom the system trusts has signed.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::super::issuer::{Issuer, base64, rsa_public_der};
use super::{Attack, Trusted, right};

/// Somebody with a key of their own.
pub(super) fn attacker() -> Issuer {
    Issuer::ed25519("ed")
}

pub(super) fn attacks(trusted: &Trusted, lure: &str) -> Vec<Attack> {
    [
        unsigned(trusted),
        public_keys_as_secrets(trusted),
        swapped(trusted),
        foreign(trusted, lure),
        key_ids(trusted),
    ]
    .concat()
}

/// Tokens that name no algorithm, or one that is not accepted, without a signature and with that of another token.
fn unsigned(trusted: &Trusted) -> Vec<Attack> {
    let claims = right();
    let good = trusted.ed.token(&claims);
    let (_, signature) = good.rsplit_once('.').unwrap();
    let algorithms = [
        json!("none"),
        json!("None"),
        json!("NONE"),
        json!("nOnE"),
        json!(""),
        json!("eddsa"),
        json!("EdDSA "),
        json!("RS384"),
        json!("RS512"),
        json!("PS256"),
        json!("ES384"),
        json!("ES256K"),
        json!("HS384"),
        json!("HS512"),
        json!("Ed448"),
        json!("A128KW"),
        json!(["EdDSA"]),
        json!(0),
        Value::Null,
    ];
    let mut headers: Vec<Value> = algorithms
        .into_iter()
        .map(|algorithm| json!({ "alg": algorithm, "kid": "ed" }))
        .collect();
    headers.push(json!({ "kid": "ed" }));
    headers.push(json!({}));
    headers.push(json!(["EdDSA"]));
    headers.push(json!("EdDSA"));
    let mut attacks = Vec::new();
    for header in headers {
        let message = format!(
            "{}.{}",
            base64(header.to_string()),
            base64(claims.to_string())
        );
        for (kind, signature) in [("no", ""), ("foreign", signature)] {
            attacks.push((
                format!("header {header}, {kind} signature"),
                format!("{message}.{signature}"),
            ));
        }
        attacks.push((
            format!("header {header}, signed so"),
            trusted.ed.seal(&message),
        ));
    }
    for issuer in trusted.all() {
        let token = issuer.token(&claims);
        let (message, _) = token.rsplit_once('.').unwrap();
        // Zeros are a valid signature to some implementations of ECDSA (CVE-2022-21449).
        for length in [0, 1, 32, 64, 256] {
            for byte in [0, 0xff] {
                let signature = base64(vec![byte; length]);
                let what = format!("{} with {length} bytes of {byte}", issuer.algorithm);
                attacks.push((what, format!("{message}.{signature}")));
            }
        }
    }
    attacks
}

/// Public values, used as the secret of an HMAC.
fn public_keys_as_secrets(trusted: &Trusted) -> Vec<Attack> {
    let mut secrets = vec![("nothing", Vec::new())];
    for issuer in [&trusted.rsa, &trusted.ec, &trusted.ed] {
        for member in ["n", "x", "y"] {
            if let Some(text) = issuer.jwk[member].as_str() {
                let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD
                    .decode(text)
                    .unwrap();
                secrets.push(("the number in a key", bytes));
                secrets.push(("the text in a key", text.as_bytes().to_vec()));
            }
        }
        secrets.push(("the JWK", issuer.jwk.to_string().into_bytes()));
    }
    for (der, label) in rsa_public_der()
        .into_iter()
        .zip(["RSA PUBLIC KEY", "PUBLIC KEY"])
    {
        let text = BASE64_STANDARD.encode(&der);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| str::from_utf8(line).unwrap())
            .collect();
        let pem = format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----",
            lines.join("\n")
        );
        secrets.push(("PEM and a line's end", format!("{pem}\n").into_bytes()));
        secrets.push(("PEM", pem.into_bytes()));
        secrets.push(("DER", der));
    }
    let mut attacks = Vec::new();
    for (what, secret) in secrets {
        let forger = Issuer::hmac("", &secret);
        for kid in ["rsa", "ec", "ed", "hmac"] {
            let header = json!({ "alg": "HS256", "kid": kid });
            attacks.push((
                format!("{what} as secret of {kid}"),
                forger.sign(header.to_string(), right().to_string()),
            ));
        }
        let token = forger.sign(r#"{"alg":"HS256"}"#, right().to_string());
        attacks.push((format!("{what} as secret"), token));
    }
    attacks
}

/// The algorithm of one key with the id of another.
fn swapped(trusted: &Trusted) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for of in trusted.all() {
        for id in trusted.all() {
            if of.algorithm != id.algorithm {
                let header = json!({ "alg": of.algorithm, "kid": id.jwk["kid"] }).to_string();
                for signer in [of, id] {
                    let what = format!("{header} signed by {}", signer.algorithm);
                    attacks.push((what, signer.sign(&header, right().to_string())));
                }
            }
        }
    }
    attacks
}

/// Signatures by keys of the right kind, whose owners also say where the key is to be found.
fn foreign(trusted: &Trusted, lure: &str) -> Vec<Attack> {
    let others = [
        attacker(),
        Issuer::p256("ec"),
        Issuer::hmac("hmac", &[7; 32]),
    ];
    let mut attacks = Vec::new();
    for other in &others {
        let algorithm = other.algorithm;
        attacks.push((format!("{algorithm} by another key"), other.token(&right())));
        let brought = [
            json!({ "jwk": other.jwk }),
            json!({ "jku": lure }),
            json!({ "x5u": lure }),
            json!({ "x5c": [base64(other.jwk.to_string())] }),
            json!({ "x5t": "AAAA", "x5t#S256": "AAAA" }),
            json!({ "jwk": other.jwk, "jku": lure, "x5u": lure }),
        ];
        for brought in brought {
            for kid in [other.jwk["kid"].clone(), json!("evil"), Value::Null] {
                let mut header = brought.clone();
                header["alg"] = json!(algorithm);
                header["kid"] = kid;
                attacks.push((
                    header.to_string(),
                    other.sign(header.to_string(), right().to_string()),
                ));
            }
        }
    }
    // The signature is of claims about somebody else.
    let claims = right();
    let theirs = {
        let mut claims = claims.clone();
        claims["sub"] = json!("usr_other");
        claims
    };
    for issuer in trusted.all() {
        let (own, other) = (issuer.token(&claims), issuer.token(&theirs));
        let (message, _) = own.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        let what = format!("{} with the signature of another token", issuer.algorithm);
        attacks.push((what, format!("{message}.{signature}")));
    }
    attacks
}

/// Key ids that are no ids, by the attacker and by somebody whom the system trusts.
fn key_ids(trusted: &Trusted) -> Vec<Attack> {
    let ids = [
        json!("../../etc/passwd"),
        json!("/dev/null"),
        json!("http://127.0.0.1:1/x"),
        json!("' OR 1=1 --"),
        json!("ed' UNION SELECT 'x"),
        json!("ed\u{0}"),
        json!("ed\r\n"),
        json!(" ed"),
        json!("ED"),
        json!(""),
        json!("$(id)"),
        json!("e".repeat(4096)),
        json!(7),
        json!(true),
        json!(["ed"]),
        json!({ "kid": "ed" }),
    ];
    let (attacker, empty) = (attacker(), Issuer::hmac("", b""));
    let mut attacks = Vec::new();
    for id in ids {
        for issuer in [&attacker, &empty, &trusted.ed] {
            let header = json!({ "alg": issuer.algorithm, "kid": id }).to_string();
            attacks.push((header.clone(), issuer.sign(&header, right().to_string())));
        }
    }
    attacks
}
