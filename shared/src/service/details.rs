//! The details that a user may see of their verification.

use super::store::{ATTEMPTS, Stored};
use super::{KycService, ServiceError};
use crate::kyc::{Document, DocumentsRead, User, UserId};
use crate::platform::{Deadline, chain};
use crate::provider::{ApplicantLookup, ApplicantRecord, Person, Provider, ProviderError};
use crate::repository::{RepositoryError, UserStore};

/// Cause in the history.
const CAUSE: &str = "details";

/// A verification with the provider's data about the person, as far as the provider could be asked.
#[derive(Debug)]
pub struct Details {
    /// The user as stored after the read.
    pub user: User,
    /// The person. Passed on, never stored, but for the name of an approved user.
    pub person: Option<Person>,
    /// The submitted documents.
    pub documents: Vec<Document>,
}

impl Details {
    /// Returns the part that can be shown without the provider: no country, no date of birth, no nationality.
    fn stored(user: User) -> Self {
        let person = user.name().map(|name| Person {
            first_name: name.first().cloned(),
            last_name: name.last().cloned(),
            date_of_birth: None,
            nationality: None,
            country_of_residence: None,
        });
        let documents = user
            .documents
            .iter()
            .flat_map(|read| &read.documents)
            .cloned();
        let documents = documents
            .map(|stored| Document {
                stored,
                country: None,
            })
            .collect();
        Self {
            user,
            person,
            documents,
        }
    }
}

impl<S: UserStore, P: Provider> KycService<S, P> {
    /// Returns the details of a user. The person is read from the provider each time; the documents are stored for 5 minutes.
    ///
    /// With `refresh` the stored documents are not used, and the provider has to answer. Without it, what the provider does not
    /// answer is left out.
    ///
    /// # Errors
    /// With `refresh`: [`ServiceError::NoApplicant`], and [`ServiceError::Provider`]. Always: [`ServiceError::Repository`].
    pub async fn details(
        &self,
        id: &UserId,
        refresh: bool,
        deadline: Deadline,
    ) -> Result<Details, ServiceError> {
        for attempt in 0..ATTEMPTS {
            let stored = self.user(id).await?;
            if !refresh && stored.applicant.is_none() {
                return Ok(Details::stored(stored));
            }
            match self.try_details(&stored, refresh, deadline).await {
                Ok(Some(details)) => return Ok(details),
                Ok(None) => self.back_off(attempt).await,
                Err(ServiceError::Provider(error)) if !refresh => {
                    tracing::warn!(error = %chain(&error), "provider not read; details show what is stored");
                    return Ok(Details::stored(stored));
                }
                Err(ServiceError::NoApplicant) if !refresh => {
                    return Ok(Details::stored(self.user(id).await?));
                }
                Err(error) => return Err(error),
            }
        }
        Err(RepositoryError::Contention.into())
    }

    /// Reads person and documents and stores the result. Returns `None` if somebody else stored the user meanwhile.
    async fn try_details(
        &self,
        stored: &User,
        refresh: bool,
        deadline: Deadline,
    ) -> Result<Option<Details>, ServiceError> {
        let read_at = (self.clock)();
        let known = &stored.applicant;
        let fresh = !refresh && stored.has_fresh_documents(read_at);

        // The documents are asked for by the provider's id: at the same time if it is known, otherwise afterwards. Afterwards
        // too, if the stored ones are from before a verdict that this read shows first.
        let (lookup, early) =
            tokio::join!(self.provider.applicant_of(&stored.id, deadline), async {
                match known {
                    Some(applicant) if !fresh => {
                        Some(self.provider.documents(applicant, deadline).await)
                    }
                    _ => None,
                }
            });
        let lookup = lookup?;
        let after = self.apply_lookup(stored, &lookup, read_at);
        let is_active = lookup.is_active_for(&after);
        let (true, ApplicantLookup::Active(record)) = (is_active, lookup) else {
            self.store(stored, &after, CAUSE.into(), None).await?;
            return Err(ServiceError::NoApplicant);
        };
        let answer = match (&record.observation.applicant, early) {
            (seen, _) if fresh && seen == known && after.documents.is_some() => None,
            (seen, Some(answer)) if seen == known => Some(answer),
            (Some(seen), _) => Some(self.provider.documents(seen, deadline).await),
            (None, _) => None,
        };
        let read = submitted(answer, refresh)?;
        let (documents, after) = match read {
            Some(documents) => {
                let kept = documents.iter().map(|document| document.stored.clone());
                let read = DocumentsRead {
                    read_at,
                    documents: kept.collect(),
                };
                // Read at the same time as a new verdict, they may be from before it.
                if after.review.is_same_as(&stored.review) {
                    (documents, after.with_documents(read))
                } else {
                    (documents, after)
                }
            }
            None => (documents_with_countries(&after, &record), after),
        };
        let Stored::Done(user) = self.store(stored, &after, CAUSE.into(), None).await? else {
            return Ok(None);
        };
        let seen = record.observation.applicant.as_ref();
        if seen.is_some_and(|seen| user.has_erased(seen)) {
            return Err(ServiceError::NoApplicant);
        }
        Ok(Some(match record.person {
            Some(person) => Details {
                user: *user,
                person: Some(person),
                documents,
            },
            None => Details {
                documents,
                ..Details::stored(*user)
            },
        }))
    }
}

/// Returns the documents that were read. `None`: the stored ones are to be used.
fn submitted(
    answer: Option<Result<Option<Vec<Document>>, ProviderError>>,
    refresh: bool,
) -> Result<Option<Vec<Document>>, ProviderError> {
    match answer.transpose() {
        Ok(read) => Ok(read.map(Option::unwrap_or_default)),
        Err(error) if refresh => Err(error),
        Err(error) => {
            tracing::warn!(error = %chain(&error), "documents not read; details show the stored ones");
            Ok(None)
        }
    }
}

/// Returns the stored documents with the countries that the provider read from documents of their type, where that is one country.
fn documents_with_countries(user: &User, record: &ApplicantRecord) -> Vec<Document> {
    let country_of = |kind| {
        let mut countries = record
            .document_countries
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, country)| country);
        let first = countries.next()?;
        countries.all(|other| other == first).then(|| first.clone())
    };
    let stored = user.documents.iter().flat_map(|read| &read.documents);
    stored
        .map(|stored| Document {
            country: country_of(stored.kind),
            stored: stored.clone(),
        })
        .collect()
}
