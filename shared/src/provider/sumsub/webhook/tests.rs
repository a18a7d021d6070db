use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::kyc::{ApplicantType, Level, Review};

const RECEIVED: ProviderTime = ProviderTime::from_millis(1_704_110_000_000);
/// The time of the deliveries below.
const CREATED: ProviderTime = ProviderTime::from_millis(1_704_103_320_123);

fn secrets(secrets: &[&str]) -> WebhookSecrets {
    WebhookSecrets {
        secrets: secrets.iter().copied().map(SecretString::from).collect(),
    }
}

fn headers(digest: &str, algorithm: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-payload-digest", digest.parse().unwrap());
    if let Some(algorithm) = algorithm {
        headers.insert("x-payload-digest-alg", algorithm.parse().unwrap());
    }
    headers
}

fn read(accepted: &[&str], headers: &HeaderMap, body: &[u8]) -> Result<Event, DeliveryError> {
    read_delivery(&secrets(accepted), headers, body, RECEIVED)
}

/// Returns the reason for which a delivery is not the provider's. Some of the golden bodies are no events.
fn verified(accepted: &[&str], headers: &HeaderMap, body: &[u8]) -> Result<(), DeliveryError> {
    match read(accepted, headers, body) {
        Err(error) if !error.is_verified() => Err(error),
        _ => Ok(()),
    }
}

fn sign(secret: &[u8], body: &[u8]) -> HeaderMap {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret)
        .unwrap()
        .chain_update(body);
    headers(&hex::encode(mac.finalize().into_bytes()), None)
}

fn vectors() -> Vec<(String, Vec<u8>, Value)> {
    let vectors: Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let vectors = vectors["webhook"].as_array().unwrap();
    assert!(vectors.len() >= 6);
    vectors
        .iter()
        .map(|vector| {
            let body = STANDARD
                .decode(vector["body_b64"].as_str().unwrap())
                .unwrap();
            (
                vector["secret"].as_str().unwrap().to_owned(),
                body,
                vector["digests"].clone(),
            )
        })
        .collect()
}

#[test]
fn matches_the_golden_digests() {
    for (secret, body, digests) in vectors() {
        let digest = |algorithm: &str| digests[algorithm].as_str().unwrap().to_owned();
        let (sha1, sha256, sha512) = (
            digest("HMAC_SHA1_HEX"),
            digest("HMAC_SHA256_HEX"),
            digest("HMAC_SHA512_HEX"),
        );
        let accepted = [secret.as_str()];
        assert_eq!(verified(&accepted, &headers(&sha256, None), &body), Ok(()));
        assert_eq!(
            verified(&accepted, &headers(&sha256, Some("HMAC_SHA256_HEX")), &body),
            Ok(())
        );
        assert_eq!(
            verified(&accepted, &headers(&sha512, Some("HMAC_SHA512_HEX")), &body),
            Ok(())
        );
        assert_eq!(
            verified(&["old", &secret], &headers(&sha256, None), &body),
            Ok(()),
            "during a rotation"
        );

        assert_eq!(
            verified(&accepted, &headers(&sha1, Some("HMAC_SHA1_HEX")), &body),
            Err(DeliveryError::Algorithm)
        );
        assert_eq!(
            verified(&accepted, &headers(&sha256, Some("HMAC_SHA512_HEX")), &body),
            Err(DeliveryError::Mismatch)
        );
        assert_eq!(
            verified(&["another"], &headers(&sha256, None), &body),
            Err(DeliveryError::Mismatch)
        );
        assert_eq!(
            verified(&accepted, &headers(&sha256.to_uppercase(), None), &body),
            Err(DeliveryError::Mismatch)
        );
        assert_eq!(
            verified(&accepted, &headers(sha256.get(..62).unwrap(), None), &body),
            Err(DeliveryError::Mismatch)
        );
        assert_eq!(
            verified(
                &accepted,
                &headers(&sha256, None),
                &[&body[..], b" "].concat()
            ),
            Err(DeliveryError::Mismatch)
        );
    }
}

#[test]
fn refuses_missing_repeated_and_unknown_headers() {
    let (secret, body, digests) = vectors().remove(0);
    let digest = digests["HMAC_SHA256_HEX"].as_str().unwrap();
    let accepted = [secret.as_str()];
    assert_eq!(
        verified(&accepted, &HeaderMap::new(), &body),
        Err(DeliveryError::NoDigest)
    );
    for algorithm in ["", "none", "hmac_sha256_hex", "HMAC_SHA256"] {
        assert_eq!(
            verified(&accepted, &headers(digest, Some(algorithm)), &body),
            Err(DeliveryError::Algorithm),
            "{algorithm}"
        );
    }
    let mut twice = headers(digest, None);
    twice.append("x-payload-digest", digest.parse().unwrap());
    assert_eq!(
        verified(&accepted, &twice, &body),
        Err(DeliveryError::NoDigest)
    );
}

#[test]
fn an_empty_secret_refuses_everything() {
    let headers = sign(b"", b"{}");
    for none in [&[][..], &[""]] {
        assert_eq!(
            verified(none, &headers, b"{}"),
            Err(DeliveryError::NoSecret)
        );
    }
}

fn read_signed(body: &[u8]) -> Result<Event, DeliveryError> {
    read(&["secret"], &sign(b"secret", body), body)
}

fn parse(delivery: &Value) -> Event {
    read_signed(&serde_json::to_vec_pretty(delivery).unwrap()).unwrap()
}

fn hint(event: Event) -> Hint {
    match event.meaning {
        EventMeaning::Hint(hint) => hint,
        other => panic!("{other:?}"),
    }
}

fn delivery(kind: &str, status: &str, result: &Value) -> Value {
    json!({ "applicantId": "65abc123def4560000000000", "externalUserId": "usr_abc123", "type": kind, "sandboxMode": false,
        "reviewStatus": status, "reviewResult": result, "correlationId": "same", "createdAt": "2024-01-01 10:02:00+0000",
        "createdAtMs": "2024-01-01 10:02:00.123" })
}

fn observation(event: Event) -> Observation {
    match hint(event).effect {
        EventEffect::Reviewed(observation) => observation,
        other => panic!("{other:?}"),
    }
}

fn review_of(event: Event) -> Review {
    observation(event).review
}

#[test]
fn reads_a_verdict() {
    let mut green = delivery(
        "applicantReviewed",
        "completed",
        &json!({ "reviewAnswer": "GREEN" }),
    );
    green["levelName"] = json!("basic");
    green["applicantType"] = json!("individual");
    let event = parse(&green);
    assert_eq!(event.user, Some(UserId::parse("usr_abc123").unwrap()));
    assert_eq!(event.origin, Origin::Production);
    let applicant = ApplicantId::parse("65abc123def4560000000000").ok();
    let hint = hint(event.clone());
    assert_eq!(hint.applicant, applicant);
    assert_eq!(hint.at, Some(EventTime::exact(CREATED)));
    assert_eq!(
        observation(event),
        Observation {
            applicant,
            started_at: None,
            level: Level::parse("basic").ok(),
            applicant_type: Some(ApplicantType::Individual),
            reviewed_at: None,
            review: Review::Approved {
                at: CREATED.truncated_to_seconds(),
                name: None
            },
            name: None,
        }
    );
}

#[test]
fn a_green_counts_on_verdicts_only() {
    let green = json!({ "reviewAnswer": "GREEN" });
    for (kind, effect) in [
        ("applicantReset", EventEffect::Reset),
        ("applicantStepsReset", EventEffect::Reset),
        ("applicantCreated", EventEffect::Created),
        ("applicantDeactivated", EventEffect::Deactivated),
        ("applicantActivated", EventEffect::Activated),
    ] {
        let event = parse(&delivery(kind, "completed", &green));
        assert_eq!(hint(event).effect, effect, "{kind}");
    }
    assert_eq!(
        review_of(parse(&delivery("applicantLevelChanged", "init", &green))),
        Review::Pending
    );
    for kind in [
        "applicantPending",
        "applicantPrechecked",
        "applicantOnHold",
        "applicantAwaitingUser",
        "applicantAwaitingService",
    ] {
        assert_eq!(
            review_of(parse(&delivery(kind, "onHold", &green))),
            Review::InProgress,
            "{kind}"
        );
    }
    for kind in [
        "applicantReviewed",
        "applicantWorkflowCompleted",
        "applicantWorkflowFailed",
    ] {
        assert!(
            matches!(
                review_of(parse(&delivery(kind, "completed", &green))),
                Review::Approved { .. }
            ),
            "{kind}"
        );
    }
    for kind in [
        "applicantActionReviewed",
        "applicantKytTxnApproved",
        "kycCaseUpdated",
        "amlCaseCreated",
        "videoIdentStatusChanged",
        "travelRuleX",
        "applicantTagsChanged",
    ] {
        let event = parse(&delivery(kind, "completed", &green));
        assert!(matches!(event.meaning, EventMeaning::Irrelevant), "{kind}");
    }
    let new = parse(&delivery("somethingNew", "completed", &green));
    assert!(matches!(new.meaning, EventMeaning::Unknown));
}

#[test]
fn knows_changes_and_erasures_of_the_person() {
    for (kind, effect) in [
        ("applicantPersonalInfoChanged", EventEffect::PersonChanged),
        ("applicantDeleted", EventEffect::Erased),
        ("applicantPersonalDataDeleted", EventEffect::Erased),
    ] {
        let event = parse(&delivery(kind, "completed", &json!({})));
        assert_eq!(hint(event).effect, effect, "{kind}");
    }
}

#[test]
fn any_member_but_the_type_may_be_missing_or_odd() {
    for odd in [Value::Null, json!(7), json!([]), json!({})] {
        let event = parse(
            &json!({ "type": "applicantReviewed", "applicantId": odd, "externalUserId": odd, "createdAt": odd, "createdAtMs": null,
            "reviewStatus": odd, "reviewResult": odd, "sandboxMode": odd, "testMode": odd, "levelName": odd, "applicantType": odd }),
        );
        assert_eq!((&event.user, event.origin), (&None, Origin::Production));
        let hint = hint(event);
        assert_eq!((hint.applicant, hint.at), (None, None));
        assert_eq!(hint.effect, EventEffect::Unclear);
        let event = parse(
            &json!({ "type": "applicantReviewed", "reviewStatus": "completed", "reviewResult": odd,
            "levelName": odd, "applicantType": odd }),
        );
        let seen = observation(event);
        assert_eq!(seen.review, Review::InProgress);
        assert_eq!((seen.level, seen.applicant_type), (None, None));
    }
    let bare = parse(&json!({ "type": "applicantReviewed" }));
    assert_eq!(hint(bare).at, None);
    for id in [".", "..", "a b", ""] {
        let event = parse(&json!({ "type": "applicantReviewed", "applicantId": id }));
        assert_eq!(hint(event).applicant, None, "{id:?}");
    }
}

#[test]
fn the_first_time_that_can_be_read_counts() {
    let created = |millis: Value, seconds: Value| {
        let mut delivery = delivery("applicantReviewed", "completed", &json!({}));
        delivery["createdAtMs"] = millis;
        delivery["createdAt"] = seconds;
        parse(&delivery)
    };
    let seconds = || json!("2024-01-01 10:02:00+0000");
    let whole = Some(EventTime::within_second(CREATED));
    for unreadable in [Value::Null, json!("soon"), json!(0), json!([])] {
        let event = created(unreadable, seconds());
        assert_eq!(event.key, created(Value::Null, seconds()).key);
        assert_eq!(hint(event).at, whole);
    }
    for millis in [json!("1704103320123"), json!(1_704_103_320_123_i64)] {
        let event = created(millis, json!("soon"));
        assert_eq!(hint(event).at, Some(EventTime::exact(CREATED)));
    }
    assert_eq!(hint(created(Value::Null, Value::Null)).at, None);
}

#[test]
fn events_without_a_time_are_told_apart_by_their_bytes() {
    let timeless = |correlation_id: &str| {
        let mut delivery = delivery(
            "applicantReviewed",
            "completed",
            &json!({ "reviewAnswer": "GREEN" }),
        );
        delivery["createdAtMs"] = Value::Null;
        delivery["createdAt"] = Value::Null;
        delivery["correlationId"] = json!(correlation_id);
        parse(&delivery).key
    };
    assert_eq!(timeless("first"), timeless("first"));
    assert_ne!(timeless("first"), timeless("second"));
}

#[test]
fn tells_sandbox_and_test_deliveries() {
    for (sandbox, test, origin) in [
        (json!(true), json!(null), Origin::Sandbox),
        (json!("true"), json!(null), Origin::Sandbox),
        (json!("false"), json!(null), Origin::Production),
        (json!(true), json!(true), Origin::Test),
        (json!(false), json!("true"), Origin::Test),
    ] {
        let mut delivery = delivery("applicantReviewed", "completed", &json!({}));
        delivery["sandboxMode"] = sandbox;
        delivery["testMode"] = test;
        assert_eq!(parse(&delivery).origin, origin);
    }
}

#[test]
fn the_key_is_that_of_the_event_and_not_of_the_delivery() {
    let first = delivery(
        "applicantReviewed",
        "completed",
        &json!({ "reviewAnswer": "GREEN" }),
    );
    let mut again = first.clone();
    again["correlationId"] = json!("another");
    assert_eq!(parse(&first).key, parse(&again).key);

    let members = [
        ("applicantId", "65abc123def4560000000001"),
        ("externalUserId", "usr_abc124"),
        ("levelName", "another"),
        ("applicantType", "company"),
        ("type", "applicantPending"),
        ("createdAtMs", "2024-01-01 10:02:00.124"),
        ("reviewStatus", "onHold"),
    ];
    for (member, value) in members {
        let mut other = first.clone();
        other[member] = json!(value);
        assert_ne!(parse(&first).key, parse(&other).key, "{member}");
    }
    let red = |reject_type: &str| {
        parse(&delivery(
            "applicantReviewed",
            "completed",
            &json!({ "reviewAnswer": "RED", "reviewRejectType": reject_type }),
        ))
        .key
    };
    assert_ne!(parse(&first).key, red("RETRY"));
    assert_ne!(red("FINAL"), red("RETRY"));
}

#[test]
fn a_body_that_is_no_event_is_unreadable() {
    let parse = |body: &[u8]| read_signed(body).map(|event| event.kind);
    for body in [
        &b""[..],
        b"null",
        b"[]",
        b"{}",
        b"{\"type\":7}",
        b"\xff",
        b"{\"type\":\"a\"",
        br#"{"type":null}"#,
    ] {
        assert_eq!(parse(body), Err(DeliveryError::NoEvent), "{body:?}");
    }
    let deep = format!(
        "{{\"type\":\"a\",\"reviewResult\":{}{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    assert_eq!(parse(deep.as_bytes()), Err(DeliveryError::NoEvent));
    let large = format!("{{\"type\":\"a\",\"x\":\"{}\"}}", "x".repeat(MAX_DELIVERY));
    assert_eq!(parse(large.as_bytes()), Err(DeliveryError::TooLarge));
    for error in [DeliveryError::NoEvent, DeliveryError::TooLarge] {
        assert!(error.is_verified() && !error.suggests_old_secrets());
    }
}
