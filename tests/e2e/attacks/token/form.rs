//! Tokens that are not written as tokens are (RFC 7515, 3.1).

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};
use serde_json::json;

use super::super::issuer::{Issuer, base64};
use super::signature::attacker;
use super::{Attack, right};

pub(super) fn attacks(issuer: &Issuer) -> Vec<Attack> {
    [parts(issuer), encodings(issuer), headers(issuer)].concat()
}

fn parts(issuer: &Issuer) -> Vec<Attack> {
    let valid = issuer.token(&right());
    let (message, signature) = valid.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let tokens = [
        String::new(),
        "x".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        "{}".to_owned(),
        format!("Bearer {valid}"),
        format!("JWT {valid}"),
        format!("\"{valid}\""),
        format!("{valid},{valid}"),
        format!("{valid} {valid}"),
        format!("{valid}."),
        format!("{valid}.."),
        format!(".{valid}"),
        format!("{valid}.{signature}"),
        // As an encrypted token.
        format!("{header}.{claims}.{claims}.{claims}.{signature}"),
        message.to_owned(),
        format!("{message}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{claims}.{header}.{signature}"),
        format!("{header} .{claims}.{signature}"),
        format!("{header}.\t{claims}.{signature}"),
        format!("{header}.{claims}. {signature}"),
        format!("{valid}%00"),
        format!("{valid}%0d%0aX-Evil:%201"),
        format!("{valid}\u{e9}"),
        // As JSON (RFC 7515, 7.2).
        json!({ "payload": claims, "protected": header, "signature": signature }).to_string(),
        "x".repeat(8 * 1024),
        "x".repeat(8 * 1024 + 1),
        ".".repeat(8 * 1024),
    ];
    tokens
        .into_iter()
        .map(|token| (format!("parts: {token:.300}"), token))
        .collect()
}

fn encodings(issuer: &Issuer) -> Vec<Attack> {
    let header = issuer.header().to_string();
    // So long that its base64 is padded.
    let claims = ["", " ", "  "]
        .map(|space| format!("{}{space}", right()))
        .into_iter()
        .find(|claims| claims.len() % 3 == 1)
        .unwrap();
    let valid = issuer.sign(&header, &claims);
    let (message, signature) = valid.rsplit_once('.').unwrap();
    let mut attacks = Vec::new();
    for (kind, engine) in [("standard", BASE64_STANDARD), ("padded", BASE64_URL_SAFE)] {
        let message = format!("{}.{}", engine.encode(&header), engine.encode(&claims));
        attacks.push((format!("{kind} base64"), issuer.seal(&message)));
    }
    attacks.push(("padded signature".to_owned(), format!("{valid}==")));
    attacks.push((
        "hex".to_owned(),
        issuer.seal(&format!(
            "{}.{}",
            hex::encode(&header),
            hex::encode(&claims)
        )),
    ));
    // The last character of 64 bytes has four bits that mean nothing: written otherwise it would be another token.
    let (start, _) = signature.split_at(signature.len() - 1);
    for last in "BCDEFGHIJKLMNOP".chars() {
        if !valid.ends_with(last) {
            attacks.push((
                format!("signature ending in {last}"),
                format!("{message}.{start}{last}"),
            ));
        }
    }
    let mut long = right();
    long["x"] = json!("x".repeat(6 * 1024));
    let long = issuer.token(&long);
    assert!((8_193..9_000).contains(&long.len()), "{}", long.len());
    attacks.push(("a right token, but too long".to_owned(), long));
    attacks
}

/// Headers that say too much.
fn headers(issuer: &Issuer) -> Vec<Attack> {
    let nested = format!(
        r#"{{"alg":"EdDSA","kid":"ed","x":{}{}}}"#,
        "[".repeat(2_000),
        "]".repeat(2_000)
    );
    let mut attacks = vec![(
        "a nested header".to_owned(),
        attacker().sign(nested, right().to_string()),
    )];
    for header in [
        r#"{"alg":"EdDSA","kid":"ed","crit":["exp"]}"#,
        r#"{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}"#,
        r#"{"alg":"EdDSA","kid":"ed","crit":[]}"#,
        r#"{"alg":"EdDSA","kid":"ed","crit":"exp"}"#,
        r#"{"alg":"EdDSA","kid":"ed","crit":["http://evil.example/x"],"http://evil.example/x":1}"#,
        r#"{"alg":"none","alg":"EdDSA","kid":"ed"}"#,
        r#"{"alg":"EdDSA","alg":"none","kid":"ed"}"#,
        r#"{"alg":"EdDSA","a\u006cg":"EdDSA","kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":"evil","kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":"ed","k\u0069d":"evil"}"#,
        r#"{"alg":"EdDSA","kid":"ed"}{}"#,
        r#"{"ALG":"EdDSA","kid":"ed"}"#,
        r#"["JWT","EdDSA",null,null,"ed"]"#,
        r#"{"alg":"EdDSA","enc":"A128GCM","zip":"DEF","kid":7}"#,
        "",
        "null",
    ] {
        attacks.push((header.to_owned(), issuer.sign(header, right().to_string())));
    }
    let message = format!("{}.{}", base64(b"\xff\xfe"), base64(right().to_string()));
    attacks.push(("a header that is no text".to_owned(), issuer.seal(&message)));
    attacks
}
