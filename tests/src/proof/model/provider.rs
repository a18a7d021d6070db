//! A provider that can go away.

use std::sync::Mutex;

use secrecy::SecretString;
use shared::kyc::{
    ApplicantId, Document, Name, NameRead, Observation, Personal, Reason, Review, Timestamp, UserId,
};
use shared::provider::{Provider, ProviderError, Sighting, Snapshot, Subject};
use shared::runtime::Deadline;

use super::clock::now;

/// What a reviewer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Passed.
    Green,
    /// Once more.
    Retry,
    /// Failed.
    Final,
}

/// Where a review stands at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Init,
    Pending,
    OnHold,
    Decided(Verdict, Timestamp),
}

/// An applicant as the provider knows it.
#[derive(Debug, Clone)]
pub(super) struct Applicant {
    pub(super) id: ApplicantId,
    pub(super) created: Timestamp,
    pub(super) truth: Truth,
    pub(super) name: String,
    pub(super) deleted: bool,
}

impl Applicant {
    /// What a read shows.
    pub(super) fn review(&self, read_at: Timestamp) -> Review {
        match self.truth {
            Truth::Init => Review::Pending,
            Truth::Pending | Truth::OnHold => Review::InProgress,
            Truth::Decided(Verdict::Retry, _) => Review::Retry {
                reason: Reason::unexplained_retry(),
            },
            Truth::Decided(Verdict::Final, at) => Review::Rejected {
                at,
                reason: Reason::unexplained_rejection(),
            },
            Truth::Decided(Verdict::Green, at) => {
                let name = Name::new(Some(Personal::new(&*self.name)), None).unwrap();
                Review::Approved {
                    at,
                    name: Some(NameRead { name, read_at }),
                }
            }
        }
    }
}

/// The provider.
pub(super) struct ModelProvider {
    pub(super) user: UserId,
    pub(super) applicant: Mutex<Option<Applicant>>,
    pub(super) away: Mutex<bool>,
}

impl ModelProvider {
    fn check(&self) -> Result<(), ProviderError> {
        if *self.away.lock().unwrap() {
            Err(ProviderError::TimedOut)
        } else {
            Ok(())
        }
    }
}

impl Provider for ModelProvider {
    async fn create_session(&self, _: &UserId, _: Deadline) -> Result<SecretString, ProviderError> {
        self.check().map(|()| SecretString::from("token"))
    }

    async fn observe(&self, _: Subject<'_>, _: Deadline) -> Result<Sighting, ProviderError> {
        self.check()?;
        let applicant = self.applicant.lock().unwrap().clone();
        let at = now();
        // The answer is on its way; others get their turn.
        tokio::task::yield_now().await;
        Ok(match applicant {
            None => Sighting::Nobody,
            Some(applicant) if applicant.deleted => Sighting::Deleted { at },
            Some(applicant) => Sighting::Applicant(Box::new(Snapshot {
                user: Some(self.user.clone()),
                observation: Observation {
                    at,
                    review: applicant.review(at),
                    started_at: Some(applicant.created),
                    applicant: Some(applicant.id),
                },
                person: None,
                document_countries: Vec::new(),
            })),
        })
    }

    async fn documents(
        &self,
        _: &ApplicantId,
        _: Deadline,
    ) -> Result<Option<Vec<Document>>, ProviderError> {
        self.check().map(|()| Some(Vec::new()))
    }
}
