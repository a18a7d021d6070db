//! Signed deliveries whose content would harm a careless reader.

use serde_json::{Value, json};

use super::unharmed;
use crate::webhook::{green, with};
use tests::app::{Answer, App, USER, WEBHOOK};

async fn deliver(app: &App, body: &[u8]) -> Answer {
    let delivery = app.delivery(body);
    let digest = delivery.digest();
    delivery.send(&[("x-payload-digest", &digest)]).await
}

/// The green event with `member` before its own.
fn more(member: &str) -> String {
    green()
        .to_string()
        .replacen('{', &format!("{{{member},"), 1)
}

/// The green event in which the text `of` is another one.
fn instead(of: &str, wrong: &str) -> String {
    let (event, changed) = (green().to_string(), green().to_string().replace(of, wrong));
    assert_ne!(event, changed);
    changed
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Bytes that are no event.
fn bombs() -> Vec<Vec<u8>> {
    let green = green().to_string();
    let texts = [
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        "\"applicantReviewed\"".to_owned(),
        r#"{"type":7}"#.to_owned(),
        r#"{"type":null}"#.to_owned(),
        r#"{"TYPE":"applicantReviewed"}"#.to_owned(),
        "[".repeat(100_000),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        r#"{"x":"#.repeat(40_000),
        format!("{}1{}", r#"{"x":"#.repeat(30_000), "}".repeat(30_000)),
        more(&format!(r#""reviewResult":{}{}"#, "[".repeat(100_000), "]".repeat(100_000))),
        // Larger than any event.
        more(&format!(r#""x":"{}""#, "x".repeat(300 * 1024))),
        format!("{green}{}", " ".repeat(256 * 1024)),
        // Readers disagree on which of two counts.
        more(r#""reviewResult":{"reviewAnswer":"RED"}"#),
        more(r#""externalUserId":"usr_other""#),
        more(r#""t\u0079pe":"applicantDeleted""#),
        instead(r#""completed""#, "1e400"),
        instead(r#""completed""#, "NaN"),
        instead(r#""completed""#, r#""\ud800""#),
        instead(USER, r"\ud800"),
        instead(USER, r"\udc00\ud800"),
        instead(USER, "\u{0}"),
        instead(USER, "\n"),
        instead(r#""completed""#, "'completed'"),
        format!("\u{feff}{green}"),
        format!("\0{green}"),
        format!("{green}\0"),
        format!("{green}{green}"),
        format!("[{green}]"),
        format!("{green},"),
        format!("// {green}"),
        format!(")]}}'\n{green}"),
        json!(green).to_string(),
        // The members in their order, without their names.
        json!(["applicantReviewed", "65abc123def4560000000000", USER, null, null, "completed", { "reviewAnswer": "GREEN" }, false, false])
            .to_string(),
        format!("payload={green}"),
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><x>&x;</x>".to_owned(),
    ];
    let bytes = [
        b"\0".repeat(1_000),
        b"\xff\x00\xfe".to_vec(),
        utf16(&green),
        [b"\xff\xfe".to_vec(), utf16(&green)].concat(),
        green
            .replace("applicantReviewed", "\u{1}")
            .into_bytes()
            .iter()
            .map(|byte| if *byte == 1 { 0xff } else { *byte })
            .collect(),
    ];
    texts
        .into_iter()
        .map(String::into_bytes)
        .chain(bytes)
        .collect()
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_is_acknowledged_and_changes_nothing() {
    let app = App::start().await;
    let mut believed = Vec::new();
    unharmed(&app, async {
        for bomb in bombs() {
            let what: String = String::from_utf8_lossy(&bomb).chars().take(120).collect();
            let unsigned = app.delivery(bomb.clone()).send(&[]).await;
            unsigned.assert_problem(401, "KYC-401-001", WEBHOOK);
            let answer = deliver(&app, &bomb).await;
            if answer.status != 200 || answer.ok() != json!({ "outcome": "ignored" }) {
                believed.push(format!("{what}: {} {}", answer.status, answer.text));
            }
        }
    })
    .await;
    assert!(believed.is_empty(), "{believed:#?}");
}

#[tokio::test]
async fn an_event_that_concerns_nobody_of_ours_is_ignored() {
    let app = App::start().await;
    unharmed(&app, async {
        for id in [
            json!(""),
            json!("a b"),
            json!("\u{0}"),
            json!("usr_abc123\u{0}"),
            json!(format!("{USER}\n")),
            json!("x".repeat(129)),
            json!("x".repeat(200_000)),
            json!("\u{ff55}sr_abc123"),
            json!([USER]),
            json!({ "S": USER }),
            json!(7),
            json!(true),
        ] {
            let answer = app.deliver(&with("externalUserId", id.clone())).await;
            assert_eq!(answer.ok(), json!({ "outcome": "ignored" }), "{id:.100}");
        }
    })
    .await;
}

/// Of an event with an odd member the rest still counts, once.
#[tokio::test]
async fn an_unreadable_member_does_not_discard_the_event() {
    let app = App::start().await;
    let huge = "x".repeat(150_000);
    let events = [
        ("x", Value::Null, "approved"),
        ("createdAtMs", json!(1e300), "approved"),
        ("createdAtMs", json!("9999-99-99 99:99:99.999"), "approved"),
        ("createdAtMs", json!("+292277026596-12-04"), "approved"),
        ("createdAtMs", json!(huge), "approved"),
        ("applicantId", json!("../../admin"), "approved"),
        ("applicantId", json!({ "$ne": null }), "approved"),
        ("correlationId", json!(huge), "approved"),
        ("sandboxMode", json!("\u{0}"), "approved"),
        (
            "reviewResult",
            json!({ "reviewAnswer": "GREEN", "__proto__": { "reviewAnswer": "RED" } }),
            "approved",
        ),
        (
            "reviewResult",
            json!({ "reviewAnswer": "green" }),
            "in_progress",
        ),
        (
            "reviewResult",
            json!({ "reviewAnswer": ["GREEN"] }),
            "in_progress",
        ),
        ("reviewResult", json!("GREEN"), "in_progress"),
        (
            "reviewResult",
            json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY", "moderationComment": huge }),
            "retry",
        ),
        (
            "reviewResult",
            json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY", "moderationComment": "\u{0}\u{202e}<script>\r\n" }),
            "retry",
        ),
    ];
    for (n, (member, value, status)) in events.into_iter().enumerate() {
        let user = format!("usr_{n}");
        let mut event = with("externalUserId", json!(user));
        event[member] = value;
        let what: String = event.to_string().chars().take(300).collect();
        assert_eq!(
            app.deliver(&event).await.ok()["outcome"],
            "applied",
            "{what}"
        );
        assert_eq!(
            app.stored(&user).await.review.status().as_str(),
            status,
            "{what}"
        );
        let again = unharmed(&app, app.deliver(&event)).await;
        assert_eq!(again.ok()["outcome"], "duplicate", "{what}");
    }
    assert_eq!(app.status().await, "pending");
}

/// Nobody can know which of the two counts.
#[tokio::test]
async fn a_contradictory_verdict_has_no_effect() {
    let app = App::start().await;
    for answers in [
        r#""RED","reviewAnswer":"GREEN""#,
        r#""GREEN","reviewAnswer":"RED""#,
        r#""GREEN","review\u0041nswer":"GREEN""#,
    ] {
        let body = instead(r#""GREEN""#, answers);
        let answer = unharmed(&app, deliver(&app, body.as_bytes())).await;
        assert_eq!(answer.ok()["outcome"], "ignored", "{body}");
    }
}
