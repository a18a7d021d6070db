//! Sumsub's webhook: the proof that a delivery is Sumsub's, and the event that it tells of.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha512};

use super::mapping;
use super::time::WireTime;
use super::wire::{self, DeliveryJson, ReviewStatus};
use crate::kyc::{
    ApplicantId, EventEffect, EventKey, EventTime, Hint, Observation, ProviderTime, UserId,
};
use crate::provider::{DeliveryError, Event, EventMeaning, Origin};

/// Maximum size of an event in bytes.
const MAX_DELIVERY: usize = 256 * 1024;

/// The content of the webhook secret: the secrets that a delivery may be signed with, several during a rotation.
#[derive(Deserialize)]
pub struct WebhookSecrets {
    secrets: Vec<SecretString>,
}

/// Reads a delivery whose digest proves that it comes from Sumsub. Digests are compared in constant time.
///
/// `now` stands in for the date of a verdict in an event without a time.
///
/// # Errors
/// [`DeliveryError`] says why the delivery is not Sumsub's, or no event.
pub fn read_delivery(
    secrets: &WebhookSecrets,
    headers: &HeaderMap,
    body: &[u8],
    now: ProviderTime,
) -> Result<Event, DeliveryError> {
    verify(secrets, headers, body)?;
    if body.len() > MAX_DELIVERY {
        return Err(DeliveryError::TooLarge);
    }
    let delivery: DeliveryJson = wire::read(body).ok_or(DeliveryError::NoEvent)?;
    Ok(event(&delivery, body, now))
}

fn verify(secrets: &WebhookSecrets, headers: &HeaderMap, body: &[u8]) -> Result<(), DeliveryError> {
    let matches = match single(headers, "x-payload-digest-alg")
        .map_err(|Repeated| DeliveryError::Algorithm)?
        .map(HeaderValue::as_bytes)
    {
        None | Some(b"HMAC_SHA256_HEX") => digest_matches::<Hmac<Sha256>>,
        Some(b"HMAC_SHA512_HEX") => digest_matches::<Hmac<Sha512>>,
        Some(_) => return Err(DeliveryError::Algorithm),
    };
    let digest = single(headers, "x-payload-digest")
        .map_err(|Repeated| DeliveryError::NoDigest)?
        .ok_or(DeliveryError::NoDigest)?;
    let digest = lower_hex(digest).ok_or(DeliveryError::Mismatch)?;
    // An empty secret would let anybody sign.
    let mut secrets = secrets
        .secrets
        .iter()
        .filter(|secret| !secret.expose_secret().is_empty())
        .peekable();
    secrets.peek().ok_or(DeliveryError::NoSecret)?;
    if secrets.any(|secret| matches(secret, body, &digest)) {
        Ok(())
    } else {
        Err(DeliveryError::Mismatch)
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

/// Returns the bytes of a digest in lower-case hex, the one form in which it is sent.
fn lower_hex(digest: &HeaderValue) -> Option<Vec<u8>> {
    let digest = digest.as_bytes();
    if digest.iter().any(u8::is_ascii_uppercase) {
        None
    } else {
        hex::decode(digest).ok()
    }
}

/// Returns whether a digest is the HMAC of the body, compared in constant time (`Mac::verify_slice`).
fn digest_matches<M: Mac + KeyInit>(secret: &SecretString, body: &[u8], digest: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
        .is_ok_and(|mac| mac.chain_update(body).verify_slice(digest).is_ok())
}

fn event(delivery: &DeliveryJson, body: &[u8], now: ProviderTime) -> Event {
    let origin = match (delivery.test_mode.0, delivery.sandbox_mode.0) {
        (true, _) => Origin::Test,
        (false, true) => Origin::Sandbox,
        (false, false) => Origin::Production,
    };
    let at = created_at(delivery);
    Event {
        key: key(delivery, at, body),
        kind: delivery
            .kind
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(64)
            .collect(),
        user: delivery
            .external_user_id
            .as_deref()
            .and_then(|id| UserId::parse(id).ok()),
        origin,
        meaning: meaning(delivery, at, now),
    }
}

/// Returns the first creation time that can be read. An event without one is never dropped: it causes a read.
fn created_at(delivery: &DeliveryJson) -> Option<EventTime> {
    [&delivery.created_at_ms, &delivery.created_at]
        .into_iter()
        .flatten()
        .find_map(WireTime::event_time)
}

/// Returns the same key for each delivery of one event, and another for each other event. The provider's correlation id was seen on
/// different events, so it is no part of the key, unless the event bears no time: then its bytes are all there is.
fn key(delivery: &DeliveryJson, at: Option<EventTime>, body: &[u8]) -> EventKey {
    let result = &delivery.review_result;
    let text = |member: &Option<String>| member.clone().unwrap_or_default().into_bytes();
    let created_at = at.map(|at| at.earliest().millis().to_string());
    let bytes = if created_at.is_none() { body } else { b"" };
    let status = delivery.review_status.map_or("", ReviewStatus::as_str);
    let mut hash = Sha256::new();
    for part in [
        text(&delivery.applicant_id),
        // In an event without an applicant, this alone tells the events of two users apart.
        text(&delivery.external_user_id),
        // Two levels of a workflow may end within one second.
        text(&delivery.level_name),
        text(&delivery.applicant_type),
        delivery.kind.clone().into_bytes(),
        created_at.unwrap_or_default().into_bytes(),
        status.as_bytes().to_vec(),
        format!("{:?}", result.review_answer).into_bytes(),
        format!("{:?}", result.review_reject_type).into_bytes(),
        bytes.to_vec(),
    ] {
        // The length keeps two different events from being the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    EventKey::new(hex::encode(hash.finalize()))
}

/// Maps the type of an event. `applicantAction…` is another flow with a GREEN and a RED of its own.
fn meaning(delivery: &DeliveryJson, at: Option<EventTime>, now: ProviderTime) -> EventMeaning {
    let applicant = delivery
        .applicant_id
        .as_deref()
        .and_then(|id| ApplicantId::parse(id).ok());
    let reviewed = |review| {
        EventEffect::Reviewed(Observation {
            applicant: applicant.clone(),
            started_at: None,
            level: mapping::level(delivery.level_name.as_deref()),
            applicant_type: mapping::applicant_type(delivery.applicant_type.as_deref()),
            reviewed_at: None,
            review,
            name: None,
        })
    };
    let effect = match delivery.kind.as_str() {
        "applicantCreated" => EventEffect::Created,
        // These carry the answer that was just taken back.
        "applicantReset" | "applicantStepsReset" => EventEffect::Reset,
        "applicantPending"
        | "applicantPrechecked"
        | "applicantOnHold"
        | "applicantAwaitingUser"
        | "applicantAwaitingService"
        | "applicantReviewed"
        | "applicantWorkflowCompleted"
        | "applicantWorkflowFailed"
        | "applicantLevelChanged" => match delivery.review_status {
            None => EventEffect::Unclear,
            // To the second, as a read shows it, so that the time of a verdict does not depend on which came first.
            status => reviewed(mapping::review(
                status,
                &delivery.review_result,
                at.map_or(now, EventTime::earliest).truncated_to_seconds(),
            )),
        },
        "applicantPersonalInfoChanged" => EventEffect::PersonChanged,
        "applicantDeleted" | "applicantPersonalDataDeleted" => EventEffect::Erased,
        "applicantDeactivated" => EventEffect::Deactivated,
        "applicantActivated" => EventEffect::Activated,
        other if is_of_another_flow(other) => return EventMeaning::Irrelevant,
        _ => return EventMeaning::Unknown,
    };
    EventMeaning::Hint(Hint {
        applicant,
        at,
        effect,
    })
}

fn is_of_another_flow(kind: &str) -> bool {
    kind == "applicantTagsChanged"
        || [
            "applicantAction",
            "applicantKyt",
            "kyc",
            "kyt",
            "aml",
            "videoIdent",
            "travelRule",
        ]
        .iter()
        .any(|flow| kind.starts_with(flow))
}

#[cfg(test)]
mod tests;
