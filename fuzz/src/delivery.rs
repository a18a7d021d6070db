//! A delivery of the webhook: the proof that it is the provider's, and its effect.
//!
//! An input is two lines and a body. The lines are `X-Payload-Digest-Alg` (empty: no such header) and `X-Payload-Digest`.

use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};
use shared::kyc::{Status, User, apply_hint};
use shared::provider::sumsub::{WebhookSecrets, read_delivery};
use shared::provider::{DeliveryError, Event, EventMeaning};

use crate::{LEVEL, NOW, NOW_THERE, check_change, disguised, line, nobody, policy};

/// Accepted secrets, during a rotation.
const SECRETS: [&str; 2] = ["unit-test-secret-not-real", "the-secret-before"];
const FOREIGN: &str = "a-secret-of-somebody-else";

/// An empty secret is among them, and must not let anybody sign.
static ACCEPTED: LazyLock<WebhookSecrets> = LazyLock::new(|| {
    serde_json::from_value(json!({ "secrets": [SECRETS[0], "", SECRETS[1]] })).expect("secrets")
});

#[derive(Clone, Copy)]
enum Digest {
    Sha256,
    Sha512,
}

impl Digest {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    fn name(self) -> &'static [u8] {
        match self {
            Self::Sha256 => b"HMAC_SHA256_HEX",
            Self::Sha512 => b"HMAC_SHA512_HEX",
        }
    }

    /// Returns `None` for a name that is not accepted.
    fn named(name: &[u8]) -> Option<Self> {
        if name.is_empty() {
            return Some(Self::Sha256);
        }
        Self::ALL.into_iter().find(|digest| digest.name() == name)
    }

    fn sign(self, secret: &str, body: &[u8]) -> String {
        match self {
            Self::Sha256 => mac::<Hmac<Sha256>>(secret, body),
            Self::Sha512 => mac::<Hmac<Sha512>>(secret, body),
        }
    }
}

fn mac<M: Mac + KeyInit>(secret: &str, body: &[u8]) -> String {
    let mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

/// Checks both: the proof and the content.
pub fn run(data: &[u8]) {
    let (algorithm, rest) = line(data);
    let (claimed, body) = line(rest);
    only_a_secret_proves_it(algorithm, claimed, body);
    let place = claimed.iter().map(|byte| usize::from(*byte)).sum();
    for digest in Digest::ALL {
        nothing_but_the_right_digest_does(digest, body, place);
    }
    it_means_one_thing(body);
}

/// Reads a delivery with these headers. A header that cannot be sent is as wrong as a wrong one.
fn read(algorithm: &[u8], digest: &[u8], body: &[u8]) -> Result<Event, DeliveryError> {
    let mut headers = HeaderMap::new();
    if !algorithm.is_empty() {
        let algorithm = HeaderValue::from_bytes(algorithm).map_err(|_| DeliveryError::Algorithm)?;
        headers.insert("x-payload-digest-alg", algorithm);
    }
    let digest = HeaderValue::from_bytes(digest).map_err(|_| DeliveryError::Mismatch)?;
    headers.insert("x-payload-digest", digest);
    read_delivery(&ACCEPTED, &headers, body, NOW_THERE)
}

/// Returns whether a delivery is taken for the provider's, whatever it holds.
fn is_verified(algorithm: &[u8], digest: &[u8], body: &[u8]) -> bool {
    read(algorithm, digest, body).map_or_else(DeliveryError::is_verified, |_| true)
}

fn only_a_secret_proves_it(algorithm: &[u8], claimed: &[u8], body: &[u8]) {
    let right = Digest::named(algorithm).is_some_and(|digest| {
        SECRETS
            .iter()
            .any(|secret| digest.sign(secret, body).as_bytes() == claimed)
    });
    assert_eq!(is_verified(algorithm, claimed, body), right);
}

fn nothing_but_the_right_digest_does(digest: Digest, body: &[u8], place: usize) {
    let verifies =
        |claimed: &str, body: &[u8]| is_verified(digest.name(), claimed.as_bytes(), body);
    for secret in SECRETS {
        let right = digest.sign(secret, body);
        assert!(verifies(&right, body));

        let mut flipped = hex::decode(&right).expect("hex");
        let bit = place % (flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!verifies(&hex::encode(flipped), body), "a flipped bit");

        let upper = right.to_uppercase();
        assert_eq!(verifies(&upper, body), upper == right, "upper case");
        assert!(!verifies(&right[..place % right.len()], body), "truncated");
        assert!(!verifies(&format!("{right}00"), body), "extended");

        let mut other = body.to_vec();
        other.push(b'\n');
        assert!(!verifies(&right, &other), "an extended body");
        other.pop();
        if let Some(byte) = place.checked_rem(body.len()).map(|index| &mut other[index]) {
            *byte ^= 1;
            assert!(!verifies(&right, &other), "another body");
        }
    }
    assert!(!verifies(&digest.sign(FOREIGN, body), body));
    assert!(!verifies(&digest.sign("", body), body));
    for other in Digest::ALL {
        let accepted = verifies(&other.sign(SECRETS[0], body), body);
        assert_eq!(accepted, other.name() == digest.name(), "another digest");
    }
}

/// Reads a body that the provider signed.
fn parse(body: &[u8]) -> Result<Event, DeliveryError> {
    let digest = Digest::Sha256.sign(SECRETS[0], body);
    let event = read(b"", digest.as_bytes(), body);
    assert!(
        event
            .as_ref()
            .map_or_else(|error| error.is_verified(), |_| true)
    );
    event
}

fn it_means_one_thing(body: &[u8]) {
    let Ok(event) = parse(body) else {
        return;
    };
    let again = parse(body).expect("an event, as before");
    assert_eq!(event.key, again.key);
    assert_eq!(format!("{event:?}"), format!("{again:?}"));

    assert!(event.kind.len() <= 64);
    assert!(event.kind.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(event.key.as_str().len() == 64 && hex::decode(event.key.as_str()).is_ok());

    if let Ok(body) = serde_json::from_slice(body) {
        nothing_personal_is_printed(&event, body);
    }
    for user in &[nobody(), approved(), rejected(), without_level()] {
        it_has_the_same_effect_once_and_twice(user, &event);
        only_a_green_on_a_level_of_the_list_approves(user, &after(user, &event), body);
    }
}

/// Two events that differ in nothing but personal texts are printed alike, but for the key: that is a digest.
fn nothing_personal_is_printed(event: &Event, body: Value) {
    let body = serde_json::to_vec(&disguised(body)).expect("JSON");
    let other = parse(&body).expect("an event, as before");
    let printed = |event: &Event| {
        let Event {
            key: _,
            kind,
            user,
            origin,
            meaning,
        } = event;
        format!("{kind} {user:?} {origin:?} {meaning:?}")
    };
    assert_eq!(printed(event), printed(&other));
}

fn after(user: &User, event: &Event) -> User {
    match &event.meaning {
        EventMeaning::Hint(hint) => apply_hint(user, hint, NOW, &policy()),
        EventMeaning::Irrelevant | EventMeaning::Unknown => user.clone(),
    }
}

/// Returns a user of whom this event is known.
fn known(event: &Value) -> User {
    let body = serde_json::to_vec(event).expect("JSON");
    after(&nobody(), &parse(&body).expect("an event"))
}

fn verdict(result: &Value) -> Value {
    json!({ "type": "applicantReviewed", "applicantId": "65abc123def4560000000000", "applicantType": "individual",
        "levelName": LEVEL, "createdAt": "2024-01-01 10:00:00", "reviewStatus": "completed", "reviewResult": result })
}

fn approved() -> User {
    let user = known(&verdict(&json!({ "reviewAnswer": "GREEN" })));
    assert_eq!(user.review.status(), Status::Approved);
    user
}

fn rejected() -> User {
    let result = json!({ "reviewAnswer": "RED", "reviewRejectType": "FINAL" });
    let user = known(&verdict(&result));
    assert_eq!(user.review.status(), Status::Rejected);
    user
}

/// Returns a user whose approval waits for a read, because its event does not tell the level.
fn without_level() -> User {
    let mut event = verdict(&json!({ "reviewAnswer": "GREEN" }));
    event["levelName"] = Value::Null;
    let user = known(&event);
    assert!(user.review.status() == Status::Pending && user.doubt.is_some());
    user
}

fn it_has_the_same_effect_once_and_twice(user: &User, event: &Event) {
    let once = after(user, event);
    assert_eq!(once, after(&once, event));
    check_change(user, &once);
    assert!(once.name().is_none(), "no event tells a name");

    let EventMeaning::Hint(hint) = &event.meaning else {
        return;
    };
    let is_other = |applicant| user.applicant.as_ref().is_some_and(|own| own != applicant);
    if hint.applicant.as_ref().is_some_and(is_other) {
        assert_eq!(
            (&once.review, &once.applicant),
            (&user.review, &user.applicant)
        );
        assert!(once.doubt.is_some());
    }
    let is_untold = once.review == user.review && once.doubt.is_none();
    assert!(
        hint.at.is_some() || !is_untold,
        "an event without a time causes a read"
    );
}

/// The conditions are read from the JSON itself, without any of the code that reads it otherwise.
fn only_a_green_on_a_level_of_the_list_approves(before: &User, after: &User, body: &[u8]) {
    if after.review == before.review || after.review.status() != Status::Approved {
        return;
    }
    // The rest of the body need not hold a value that can be kept.
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    assert_eq!(body["reviewResult"]["reviewAnswer"], "GREEN");
    let status = body["reviewStatus"].as_str().expect("a status");
    assert!(status.starts_with("completed"));
    assert_eq!(body["levelName"].as_str().map(str::trim), Some(LEVEL));
    assert_eq!(body["applicantType"], "individual");
    let kind = body["type"].as_str().expect("a type");
    assert!(kind.starts_with("applicant") && !kind.starts_with("applicantAction"));
}
