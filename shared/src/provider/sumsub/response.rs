//! The meaning of the bytes of a response.

use super::mapping;
use super::wire::{self, ApplicantJson, Resources};
use crate::kyc::{Document, ProviderTime, UserId};
use crate::provider::{ApplicantLookup, ProviderError};

/// Reads an applicant. `asked_for` is the user whose applicant was asked for, if one was; `now` stands in for a missing date.
///
/// # Errors
/// [`ProviderError::Malformed`] if the response is no applicant with an id, [`ProviderError::OtherUser`] if it bears the id of another user:
/// nothing promises that the provider compares ids exactly.
pub fn applicant(
    body: &[u8],
    asked_for: Option<&UserId>,
    now: ProviderTime,
) -> Result<ApplicantLookup, ProviderError> {
    let applicant: ApplicantJson = wire::read(body).ok_or(ProviderError::Malformed)?;
    match (asked_for, &applicant.external_user_id) {
        (Some(user), Some(found)) if user.as_str() != found => Err(ProviderError::OtherUser),
        _ => mapping::lookup(&applicant, now).ok_or(ProviderError::Malformed),
    }
}

/// Reads the documents of a response that lists the images an applicant submitted.
///
/// # Errors
/// [`ProviderError::Malformed`] if the response is no such list.
pub fn documents(body: &[u8]) -> Result<Vec<Document>, ProviderError> {
    let resources: Resources = wire::read(body).ok_or(ProviderError::Malformed)?;
    Ok(mapping::documents(&resources.items))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kyc::{ApplicantId, Review};

    fn seen(answer: &Value) -> Result<ApplicantLookup, ProviderError> {
        let user = UserId::parse("usr_abc123").unwrap();
        let now = ProviderTime::from_millis(1_704_103_320_000);
        applicant(answer.to_string().as_bytes(), Some(&user), now)
    }

    #[test]
    fn a_deleted_applicant_is_inactive() {
        let deleted = seen(&json!({ "id": "a", "deleted": true }));
        let id = ApplicantId::parse("a").unwrap();
        assert!(matches!(deleted, Ok(ApplicantLookup::Inactive(found)) if found == id));
    }

    #[test]
    fn an_answer_about_somebody_else_is_a_fault() {
        let other = seen(&json!({ "id": "a", "externalUserId": "USR_ABC123" }));
        assert!(matches!(other, Err(ProviderError::OtherUser)));
        let silent = seen(&json!({ "id": "a", "externalUserId": null }));
        assert!(matches!(silent, Ok(ApplicantLookup::Active(_))));
    }

    #[test]
    fn an_applicant_whose_id_leads_elsewhere_is_refused() {
        for id in ["", ".", "..", "a b"] {
            let refused = seen(&json!({ "id": id }));
            assert!(matches!(refused, Err(ProviderError::Malformed)), "{id:?}");
        }
    }

    #[test]
    fn an_array_is_no_object() {
        let review = json!(["2024-01-01 10:01:00", "completed", { "reviewAnswer": "GREEN" }]);
        let whole = json!(["a", null, "usr_abc123", null, null, review]);
        assert!(matches!(seen(&whole), Err(ProviderError::Malformed)));
        let Ok(ApplicantLookup::Active(record)) = seen(&json!({ "id": "a", "review": review }))
        else {
            panic!("no applicant");
        };
        assert_eq!(record.observation.review, Review::InProgress);
        assert!(documents(b"[[]]").is_err());
        let listed = documents(br#"{"items":[[null,["PASSPORT"]]]}"#).unwrap();
        assert_eq!(listed, []);
    }
}
