//! Sumsub's webhook: how a delivery is proven to be Sumsub's, and what it says.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha512};

use super::mapping;
use super::time::WireTime;
use super::wire::{self, Delivery};
use crate::kyc::{ApplicantId, Observation, Review, Timestamp, UserId};
use crate::provider::{Event, EventKey, News, Origin, Unreadable, Unverified, Verified, Webhook};

/// No event is larger, in bytes.
const MAX_DELIVERY: usize = 256 * 1024;
/// How far ahead of our clock an event may be.
const CLOCK_TOLERANCE: std::time::Duration = std::time::Duration::from_mins(1);

/// The content of the webhook secret: the secrets that a delivery may be signed with, several during a rotation.
#[derive(Deserialize)]
pub struct WebhookSecrets {
    secrets: Vec<SecretString>,
}

/// The receiving end of Sumsub's webhook.
pub struct SumsubWebhook;

impl Webhook for SumsubWebhook {
    type Secrets = WebhookSecrets;

    fn verify<'a>(
        &self,
        secrets: &WebhookSecrets,
        headers: &HeaderMap,
        body: &'a [u8],
    ) -> Result<Verified<'a>, Unverified> {
        let matches = match single(headers, "x-payload-digest-alg")
            .map_err(|Repeated| Unverified::Algorithm)?
            .map(HeaderValue::as_bytes)
        {
            None | Some(b"HMAC_SHA256_HEX") => digest_matches::<Hmac<Sha256>>,
            Some(b"HMAC_SHA512_HEX") => digest_matches::<Hmac<Sha512>>,
            Some(_) => return Err(Unverified::Algorithm),
        };
        let digest = single(headers, "x-payload-digest")
            .map_err(|Repeated| Unverified::Digest)?
            .ok_or(Unverified::Digest)?;
        let digest = lower_hex(digest).ok_or(Unverified::Mismatch)?;
        // An empty secret would let anybody sign.
        let mut secrets = secrets
            .secrets
            .iter()
            .filter(|secret| !secret.expose_secret().is_empty())
            .peekable();
        secrets.peek().ok_or(Unverified::NoSecret)?;
        if secrets.any(|secret| matches(secret, body, &digest)) {
            Ok(Verified(body))
        } else {
            Err(Unverified::Mismatch)
        }
    }

    fn parse(&self, delivery: Verified<'_>, received_at: Timestamp) -> Result<Event, Unreadable> {
        if delivery.0.len() > MAX_DELIVERY {
            return Err(Unreadable::TooLarge);
        }
        let delivery: Delivery = wire::read(delivery.0).ok_or(Unreadable::NoEvent)?;
        Ok(event(&delivery, received_at))
    }
}

struct Repeated;

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Repeated> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        Err(Repeated)
    } else {
        Ok(first)
    }
}

/// The bytes of a digest in lower-case hex, the one form in which it is sent.
fn lower_hex(digest: &HeaderValue) -> Option<Vec<u8>> {
    let digest = digest.as_bytes();
    if digest.iter().any(u8::is_ascii_uppercase) {
        None
    } else {
        hex::decode(digest).ok()
    }
}

/// Whether a digest is the HMAC of the body, compared in constant time (`Mac::verify_slice`).
fn digest_matches<M: Mac + KeyInit>(secret: &SecretString, body: &[u8], digest: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
        .is_ok_and(|mac| mac.chain_update(body).verify_slice(digest).is_ok())
}

fn event(delivery: &Delivery, received_at: Timestamp) -> Event {
    let at = created_at(delivery, received_at);
    let applicant = delivery
        .applicant_id
        .as_deref()
        .and_then(|id| ApplicantId::parse(id).ok());
    let origin = match (delivery.test_mode.0, delivery.sandbox_mode.0) {
        (true, _) => Origin::Test,
        (false, true) => Origin::Sandbox,
        (false, false) => Origin::Production,
    };
    Event {
        key: key(delivery),
        kind: delivery
            .kind
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(64)
            .collect(),
        at,
        user: delivery
            .external_user_id
            .as_deref()
            .and_then(|id| UserId::parse(id).ok()),
        news: news(delivery, at, applicant.as_ref()),
        applicant,
        origin,
    }
}

/// When the event happened, to the millisecond where the delivery says so. An event is never dropped for its time: where none
/// can be read, or it lies in the future, the time of receipt stands in.
fn created_at(delivery: &Delivery, received_at: Timestamp) -> Timestamp {
    let precise = delivery
        .created_at_ms
        .as_ref()
        .and_then(WireTime::timestamp);
    match precise.or_else(|| delivery.created_at.as_ref().and_then(WireTime::timestamp)) {
        Some(at) if at <= received_at.plus(CLOCK_TOLERANCE) => at,
        Some(_) | None => {
            tracing::warn!(
                r#type = delivery.kind,
                "event without a usable creation time, taken for created now"
            );
            received_at
        }
    }
}

/// Equal for each delivery of one event. The provider's correlation id was seen on different events, so it is no part of it.
fn key(delivery: &Delivery) -> EventKey {
    let created_at = delivery
        .created_at_ms
        .as_ref()
        .or(delivery.created_at.as_ref())
        .map(WireTime::as_sent);
    let result = &delivery.review_result;
    let mut hash = Sha256::new();
    for part in [
        delivery.applicant_id.as_deref().unwrap_or_default(),
        &delivery.kind,
        created_at.as_deref().unwrap_or_default(),
        delivery
            .review_status
            .map_or("", super::wire::ReviewStatus::as_str),
        &format!("{:?}", result.review_answer),
        &format!("{:?}", result.review_reject_type),
    ] {
        // The length keeps two different events from being the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    EventKey::new(hex::encode(hash.finalize()))
}

/// What a type of event means. `applicantAction…` is another flow with a GREEN and a RED of its own.
fn news(delivery: &Delivery, at: Timestamp, applicant: Option<&ApplicantId>) -> News {
    let observed = |started_at, review| {
        News::Observed(Observation {
            at,
            applicant: applicant.cloned(),
            started_at,
            review,
        })
    };
    match delivery.kind.as_str() {
        "applicantCreated" => observed(Some(at), Review::Pending),
        // These carry the answer that was just taken back.
        "applicantReset" | "applicantStepsReset" => observed(None, Review::Pending),
        "applicantPending"
        | "applicantPrechecked"
        | "applicantOnHold"
        | "applicantAwaitingUser"
        | "applicantAwaitingService"
        | "applicantReviewed"
        | "applicantWorkflowCompleted"
        | "applicantWorkflowFailed"
        | "applicantLevelChanged" => {
            // To the second, like the review date that a read shows, so that the time of a verdict does not depend on which came first.
            observed(
                None,
                mapping::review(
                    delivery.review_status,
                    &delivery.review_result,
                    at.truncated_to_seconds(),
                ),
            )
        }
        "applicantPersonalInfoChanged" => News::PersonChanged,
        "applicantDeleted" | "applicantPersonalDataDeleted" => News::Erased,
        "applicantActivated" | "applicantDeactivated" | "applicantTagsChanged" => News::Irrelevant,
        other
            if [
                "applicantAction",
                "applicantKyt",
                "kyc",
                "kyt",
                "aml",
                "videoIdent",
                "travelRule",
            ]
            .iter()
            .any(|flow| other.starts_with(flow)) =>
        {
            News::Irrelevant
        }
        _ => News::Unknown,
    }
}

#[cfg(test)]
mod tests;
