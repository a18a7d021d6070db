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
