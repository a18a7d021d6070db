//! A delivery of the webhook: who can have made it, and what it brings about.
//!
//! An input is two lines and a body. The lines are `X-Payload-Digest-Alg` (empty: not there) and `X-Payload-Digest`, as somebody
//! sends them.

use std::sync::LazyLock;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};
use shared::kyc::{Status, User, apply, erase, rename};
use shared::provider::sumsub::{SumsubWebhook, WebhookSecrets};
use shared::provider::{Event, News, Unreadable, Verified, Webhook};

use crate::{NOW, it_holds_together, line, nobody, onboarding};

/// Those that count, during a rotation.
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

    /// None: a name that is not accepted.
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

fn verify<'a>(algorithm: &[u8], digest: &[u8], body: &'a [u8]) -> Option<Verified<'a>> {
    let mut headers = HeaderMap::new();
    if !algorithm.is_empty() {
        let algorithm = HeaderValue::from_bytes(algorithm).ok()?;
        headers.insert("x-payload-digest-alg", algorithm);
    }
    let digest = HeaderValue::from_bytes(digest).ok()?;
    headers.insert("x-payload-digest", digest);
    SumsubWebhook.verify(&ACCEPTED, &headers, body).ok()
}

fn only_a_secret_proves_it(algorithm: &[u8], claimed: &[u8], body: &[u8]) {
    let right = Digest::named(algorithm).is_some_and(|digest| {
        SECRETS
            .iter()
            .any(|secret| digest.sign(secret, body).as_bytes() == claimed)
    });
    assert_eq!(verify(algorithm, claimed, body).is_some(), right);
}

fn nothing_but_the_right_digest_does(digest: Digest, body: &[u8], place: usize) {
    let verifies =
        |claimed: &str, body: &[u8]| verify(digest.name(), claimed.as_bytes(), body).is_some();
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

/// What a delivery of the provider says.
fn parse(body: &[u8]) -> Result<Event, Unreadable> {
    let digest = Digest::Sha256.sign(SECRETS[0], body);
    let verified = verify(b"", digest.as_bytes(), body).expect("the provider's");
    SumsubWebhook.parse(verified, NOW)
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
    assert!(event.at <= NOW.plus(Duration::from_mins(1)));

    for user in &[nobody(), approved(), rejected()] {
        brings_about_the_same_once_and_twice(user, &event);
    }
    only_a_completed_green_approves(&after(&nobody(), &event), body);
}

fn after(user: &User, event: &Event) -> User {
    match &event.news {
        News::Observed(observation) => apply(user, observation, &onboarding()),
        News::PersonChanged => rename(user, event.at),
        News::Erased => erase(user, event.at),
        News::Irrelevant | News::Unknown => user.clone(),
    }
}

/// A user in whose way an event may come.
fn known(body: &Value) -> User {
    let body = serde_json::to_vec(body).expect("JSON");
    after(&nobody(), &parse(&body).expect("an event"))
}

fn approved() -> User {
    known(
        &json!({ "type": "applicantReviewed", "applicantId": "65abc123def4560000000000",
        "createdAt": "2024-01-01 10:00:00", "reviewStatus": "completed", "reviewResult": { "reviewAnswer": "GREEN" } }),
    )
}

fn rejected() -> User {
    known(
        &json!({ "type": "applicantReviewed", "applicantId": "65abc123def4560000000000",
        "createdAt": "2024-01-01 10:00:00", "reviewStatus": "completed",
        "reviewResult": { "reviewAnswer": "RED", "reviewRejectType": "FINAL" } }),
    )
}

fn brings_about_the_same_once_and_twice(user: &User, event: &Event) {
    let once = after(user, event);
    assert_eq!(once, after(&once, event));
    it_holds_together(user, &once);
}

/// Read from the JSON itself, without any of the code that reads it otherwise.
fn only_a_completed_green_approves(user: &User, body: &[u8]) {
    if user.review.status() != Status::Approved {
        return;
    }
    // What the rest of the body holds need not be a value that can be kept.
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    assert_eq!(body["reviewStatus"], "completed");
    assert_eq!(body["reviewResult"]["reviewAnswer"], "GREEN");
    assert!(body["type"].is_string());
}
