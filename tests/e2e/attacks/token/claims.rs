//! Tokens that are signed rightly and say what does not do.

use serde_json::{Value, json};

use super::super::issuer::{Issuer, seconds_from_now};
use super::{AUDIENCE, Attack, ISSUER, right};
use tests::app::USER;

pub(super) fn attacks(issuer: &Issuer) -> Vec<Attack> {
    let claims = [wrong(), missing(), written()].concat();
    claims
        .into_iter()
        .map(|claims| {
            (
                short(&claims),
                issuer.sign(issuer.header().to_string(), claims),
            )
        })
        .collect()
}

/// Cuts claims to the length that a failing test shows.
fn short(claims: &str) -> String {
    claims.chars().take(200).collect()
}

/// Returns claims with a value that is not accepted.
fn wrong() -> Vec<String> {
    let from_now = |seconds| json!(seconds_from_now(seconds));
    let cases = [
        (
            "exp",
            vec![
                from_now(-120),
                json!(0),
                json!(-1),
                json!(-1e300),
                json!("9999999999"),
                json!("tomorrow"),
                json!(true),
                Value::Null,
                json!([from_now(600)]),
                json!({}),
            ],
        ),
        (
            "nbf",
            vec![
                from_now(120),
                json!(9_999_999_999_i64),
                json!("tomorrow"),
                json!([0]),
                json!({}),
                json!(true),
            ],
        ),
        (
            "iss",
            vec![
                Value::Null,
                json!(""),
                json!("https://evil.example"),
                json!(format!("{ISSUER}/")),
                json!(format!("{ISSUER}.evil.example")),
                json!(ISSUER.to_uppercase()),
                json!([]),
                json!(["https://evil.example"]),
                json!({ "iss": ISSUER }),
                json!(7),
                json!(true),
            ],
        ),
        (
            "aud",
            vec![
                Value::Null,
                json!(""),
                json!("other"),
                json!(format!("{AUDIENCE}2")),
                json!("KYC"),
                json!(format!("{AUDIENCE} other")),
                json!([]),
                json!(["other"]),
                json!([[AUDIENCE]]),
                json!({ AUDIENCE: true }),
                json!(7),
                json!(true),
            ],
        ),
        (
            "sub",
            vec![
                Value::Null,
                json!(""),
                json!(7),
                json!(true),
                json!([USER]),
                json!({ "id": USER }),
                json!("x".repeat(129)),
                json!("two words"),
                json!(" usr_abc123"),
                json!("usr_abc123\n"),
                json!("usr_abc123\u{0}"),
                json!("\u{7f}"),
                json!("usr\u{e4}"),
                json!("\u{202e}321cba_rsu"),
                json!("\u{ff55}sr_abc123"),
            ],
        ),
    ];
    let with = |name: &'static str, value| {
        let mut claims = right();
        claims[name] = value;
        claims.to_string()
    };
    cases
        .into_iter()
        .flat_map(|(name, values)| values.into_iter().map(move |value| with(name, value)))
        .collect()
}

fn missing() -> Vec<String> {
    let without = |name| {
        let mut claims = right();
        claims.as_object_mut().unwrap().remove(name);
        claims.to_string()
    };
    ["exp", "iss", "aud", "sub"].map(without).to_vec()
}

/// Claims as no JSON library writes them.
fn written() -> Vec<String> {
    let right = right().to_string();
    let exp = seconds_from_now(600);
    let more = |member: &str| right.replacen('{', &format!("{{{member},"), 1);
    let instead = |wrong: &str| right.replace(&exp.to_string(), wrong);
    let nested = |open: &str, close: &str| {
        let levels = 4_000 / (open.len() + close.len());
        more(&format!(
            r#""x":{}1{}"#,
            open.repeat(levels),
            close.repeat(levels)
        ))
    };
    vec![
        more(r#""sub":"usr_other""#),
        more(r#""s\u0075b":"usr_other""#),
        more(r#""exp":1"#),
        more(&format!(r#""e\u0078p":{exp}"#)),
        more(r#""iss":"https://evil.example""#),
        more(r#""aud":"other""#),
        more(r#""x":1,"x":2"#),
        instead("1e400"),
        instead("NaN"),
        instead("Infinity"),
        instead("0x7fffffff"),
        instead(&format!("{exp},")),
        right.replace(USER, r"\ud800"),
        right.replace(USER, "usr_abc123\u{1}"),
        right.replace(USER, "\\u0000"),
        nested("[", "]"),
        nested(r#"{"x":"#, "}"),
        format!("{right}{right}"),
        format!("{right}x"),
        format!("\u{feff}{right}"),
        format!("[{right}]"),
        json!(right).to_string(),
        right.replace('"', "'"),
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
    ]
}
