//! What the bytes of an answer mean.

use super::mapping;
use super::wire::{self, Applicant, Resources};
use crate::kyc::{Document, Timestamp};
use crate::provider::{ProviderError, Sighting};

/// The applicant of an answer, as of `read_at`, the time at which the read began.
///
/// # Errors
/// [`ProviderError::Malformed`] when it is no applicant.
pub fn applicant(body: &[u8], read_at: Timestamp) -> Result<Sighting, ProviderError> {
    let applicant: Applicant = wire::read(body).ok_or(ProviderError::Malformed)?;
    Ok(if applicant.deleted {
        Sighting::Deleted { at: read_at }
    } else {
        Sighting::Applicant(Box::new(mapping::snapshot(&applicant, read_at)))
    })
}

/// The documents of an answer that lists the images an applicant submitted.
///
/// # Errors
/// [`ProviderError::Malformed`] when it is no such list.
pub fn documents(body: &[u8]) -> Result<Vec<Document>, ProviderError> {
    let resources: Resources = wire::read(body).ok_or(ProviderError::Malformed)?;
    Ok(mapping::documents(&resources.items))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kyc::Review;

    const AT: Timestamp = Timestamp::from_millis(1_704_103_320_000);

    fn seen(answer: &Value) -> Result<Sighting, ProviderError> {
        applicant(answer.to_string().as_bytes(), AT)
    }

    #[test]
    fn an_applicant_may_be_deleted() {
        let deleted = seen(&json!({ "id": "a", "deleted": true }));
        assert!(matches!(deleted, Ok(Sighting::Deleted { at: AT })));
    }

    #[test]
    fn an_array_is_no_object() {
        let review = json!(["2024-01-01 10:01:00", "completed", { "reviewAnswer": "GREEN" }]);
        let whole = json!(["a", null, "usr_abc123", null, null, review]);
        assert!(matches!(seen(&whole), Err(ProviderError::Malformed)));
        let Ok(Sighting::Applicant(snapshot)) = seen(&json!({ "id": "a", "review": review }))
        else {
            panic!("no applicant");
        };
        assert_eq!(snapshot.observation.review, Review::InProgress);
        assert!(documents(b"[[]]").is_err());
        let listed = documents(br#"{"items":[[null,["PASSPORT"]]]}"#).unwrap();
        assert_eq!(listed, []);
    }
}
