use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const RECEIVED: Timestamp = Timestamp::from_millis(1_704_110_000_000);

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

fn verified(accepted: &[&str], headers: &HeaderMap, body: &[u8]) -> Result<(), Unverified> {
    SumsubWebhook
        .verify(&secrets(accepted), headers, body)
        .map(|_| ())
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
            Err(Unverified::Algorithm)
        );
        assert_eq!(
            verified(&accepted, &headers(&sha256, Some("HMAC_SHA512_HEX")), &body),
            Err(Unverified::Mismatch)
        );
        assert_eq!(
            verified(&["another"], &headers(&sha256, None), &body),
            Err(Unverified::Mismatch)
        );
        assert_eq!(
            verified(&accepted, &headers(&sha256.to_uppercase(), None), &body),
            Err(Unverified::Mismatch)
        );
        assert_eq!(
            verified(&accepted, &headers(sha256.get(..62).unwrap(), None), &body),
            Err(Unverified::Mismatch)
        );
        assert_eq!(
            verified(
                &accepted,
                &headers(&sha256, None),
                &[&body[..], b" "].concat()
            ),
            Err(Unverified::Mismatch)
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
        Err(Unverified::Digest)
    );
    for algorithm in ["", "none", "hmac_sha256_hex", "HMAC_SHA256"] {
        assert_eq!(
            verified(&accepted, &headers(digest, Some(algorithm)), &body),
            Err(Unverified::Algorithm),
            "{algorithm}"
        );
    }
    let mut twice = headers(digest, None);
    twice.append("x-payload-digest", digest.parse().unwrap());
    assert_eq!(verified(&accepted, &twice, &body), Err(Unverified::Digest));
}

#[test]
fn an_empty_secret_refuses_everything() {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"")
        .unwrap()
        .chain_update(b"{}");
    let digest = hex::encode(mac.finalize().into_bytes());
    for none in [&[][..], &[""]] {
        assert_eq!(
            verified(none, &headers(&digest, None), b"{}"),
            Err(Unverified::NoSecret)
        );
    }
}

fn parse(delivery: &Value) -> Event {
    let body = serde_json::to_vec_pretty(delivery).unwrap();
    SumsubWebhook.parse(Verified(&body), RECEIVED).unwrap()
}

fn delivery(kind: &str, status: &str, result: &Value) -> Value {
    json!({ "applicantId": "65abc123def4560000000000", "externalUserId": "usr_abc123", "type": kind, "sandboxMode": false,
        "reviewStatus": status, "reviewResult": result, "correlationId": "same", "createdAt": "2024-01-01 10:02:00+0000",
        "createdAtMs": "2024-01-01 10:02:00.123" })
}

fn review_of(event: Event) -> Review {
    match event.news {
        News::Observed(observation) => observation.review,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_a_verdict() {
    let event = parse(&delivery(
        "applicantReviewed",
        "completed",
        &json!({ "reviewAnswer": "GREEN" }),
    ));
    assert_eq!(event.user, Some(UserId::parse("usr_abc123").unwrap()));
    assert_eq!(
        event.applicant,
        Some(ApplicantId::parse("65abc123def4560000000000").unwrap())
    );
    assert_eq!(event.at, Timestamp::from_millis(1_704_103_320_123));
    assert_eq!(event.origin, Origin::Production);
    assert_eq!(
        review_of(event),
        Review::Approved {
            at: Timestamp::from_millis(1_704_103_320_000),
            name: None
        }
    );
}

#[test]
fn a_green_counts_on_verdicts_only() {
    let green = json!({ "reviewAnswer": "GREEN" });
    for kind in ["applicantReset", "applicantStepsReset", "applicantCreated"] {
        assert_eq!(
            review_of(parse(&delivery(kind, "completed", &green))),
            Review::Pending,
            "{kind}"
        );
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
    ] {
        assert!(
            matches!(
                parse(&delivery(kind, "completed", &green)).news,
                News::Irrelevant
            ),
            "{kind}"
        );
    }
    for kind in [
        "applicantDeactivated",
        "applicantActivated",
        "applicantTagsChanged",
    ] {
        assert!(
            matches!(
                parse(&delivery(kind, "completed", &green)).news,
                News::Irrelevant
            ),
            "{kind}"
        );
    }
    assert!(matches!(
        parse(&delivery("somethingNew", "completed", &green)).news,
        News::Unknown
    ));
}

#[test]
fn knows_changes_and_erasures_of_the_person() {
    assert!(matches!(
        parse(&delivery(
            "applicantPersonalInfoChanged",
            "completed",
            &json!({})
        ))
        .news,
        News::PersonChanged
    ));
    for kind in ["applicantDeleted", "applicantPersonalDataDeleted"] {
        assert!(
            matches!(
                parse(&delivery(kind, "completed", &json!({}))).news,
                News::Erased
            ),
            "{kind}"
        );
    }
}

#[test]
fn any_member_but_the_type_may_be_missing_or_odd() {
    for odd in [Value::Null, json!(7), json!([]), json!({})] {
        let event = parse(
            &json!({ "type": "applicantReviewed", "applicantId": odd, "externalUserId": odd, "createdAt": odd, "createdAtMs": null,
            "reviewStatus": odd, "reviewResult": odd, "sandboxMode": odd, "testMode": odd }),
        );
        assert_eq!(
            (event.user.clone(), event.applicant.clone(), event.origin),
            (None, None, Origin::Production)
        );
        assert_eq!(review_of(event), Review::InProgress);
    }
    let bare = parse(&json!({ "type": "applicantReviewed" }));
    assert_eq!(bare.at, RECEIVED);
}

#[test]
fn a_time_from_the_future_is_not_believed() {
    let mut future = delivery(
        "applicantReviewed",
        "completed",
        &json!({ "reviewAnswer": "GREEN" }),
    );
    future["createdAtMs"] = json!("2424-01-01 10:02:00.123");
    assert_eq!(parse(&future).at, RECEIVED);
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
fn what_is_no_event_is_unreadable() {
    let parse = |body: &[u8]| {
        SumsubWebhook
            .parse(Verified(body), RECEIVED)
            .map(|event| event.kind)
    };
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
        assert_eq!(parse(body), Err(Unreadable::NoEvent), "{body:?}");
    }
    let deep = format!(
        "{{\"type\":\"a\",\"reviewResult\":{}{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    assert_eq!(parse(deep.as_bytes()), Err(Unreadable::NoEvent));
    let large = format!("{{\"type\":\"a\",\"x\":\"{}\"}}", "x".repeat(MAX_DELIVERY));
    assert_eq!(parse(large.as_bytes()), Err(Unreadable::TooLarge));
}
