//! What a user may see of their verification.

use super::{Recorder, ServiceError};
use crate::kyc::{Document, DocumentsRead, User, UserId, apply, erase};
use crate::provider::{Person, Provider, Sighting, Snapshot, Subject};
use crate::repository::UserStore;
use crate::runtime::{Deadline, chain};

const CAUSE: &str = "details";

/// A verification with what the provider knows of the person, as far as it could be asked.
#[derive(Debug)]
pub struct Details {
    /// The user.
    pub user: User,
    /// The person. Passed on, never stored, but for the name of an approved user.
    pub person: Option<Person>,
    /// The submitted documents.
    pub documents: Vec<Document>,
}

impl Details {
    /// What can be shown without the provider: no country, no date of birth, no nationality.
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

/// The details of a user. The person is read from the provider each time; the documents are stored for 5 minutes.
///
/// With `refresh` the stored documents are not used, and the provider has to answer. Without it, what the provider does not
/// answer is left out.
///
/// # Errors
/// With `refresh`: [`ServiceError::NoApplicant`], and [`ServiceError::Provider`]. Always: [`ServiceError::Repository`].
pub async fn details<S: UserStore>(
    recorder: &Recorder<S>,
    provider: &impl Provider,
    id: &UserId,
    refresh: bool,
    deadline: Deadline,
) -> Result<Details, ServiceError> {
    let stored = recorder.load(id).await?;
    if !refresh && stored.applicant.is_none() {
        return Ok(Details::stored(stored));
    }
    match read(recorder, provider, stored.clone(), refresh, deadline).await {
        Err(ServiceError::Provider(error)) if !refresh => {
            tracing::warn!(error = %chain(&error), "details without the provider");
            Ok(Details::stored(stored))
        }
        Err(ServiceError::NoApplicant) if !refresh => Ok(Details::stored(recorder.load(id).await?)),
        result => result,
    }
}

async fn read<S: UserStore>(
    recorder: &Recorder<S>,
    provider: &impl Provider,
    stored: User,
    refresh: bool,
    deadline: Deadline,
) -> Result<Details, ServiceError> {
    let read_at = (recorder.clock)();
    let known = stored.applicant.clone();
    let fresh = !refresh
        && stored
            .documents
            .as_ref()
            .is_some_and(|read| read.is_fresh(read_at));

    // The documents are asked for by the provider's id: at the same time if it is known, otherwise afterwards.
    let (sighting, early) = tokio::join!(
        provider.observe(Subject::User(&stored.id), deadline),
        async {
            match &known {
                Some(applicant) if !fresh => Some(provider.documents(applicant, deadline).await),
                _ => None,
            }
        }
    );
    let snapshot = match sighting? {
        Sighting::Applicant(snapshot) => snapshot,
        Sighting::Nobody => return Err(ServiceError::NoApplicant),
        Sighting::Deleted { at } => {
            recorder
                .record_read(stored, CAUSE, |user| erase(user, at))
                .await?;
            return Err(ServiceError::NoApplicant);
        }
    };
    let answer = match (&snapshot.observation.applicant, early) {
        (seen, _) if fresh && *seen == known => None,
        (seen, Some(answer)) if *seen == known => Some(answer),
        (Some(seen), _) => Some(provider.documents(seen, deadline).await),
        (None, _) => None,
    };

    let (documents, read) = match answer.transpose() {
        Ok(Some(documents)) => {
            let documents = documents.unwrap_or_default();
            let read = DocumentsRead {
                read_at,
                documents: documents
                    .iter()
                    .map(|document| document.stored.clone())
                    .collect(),
            };
            (documents, Some(read))
        }
        Ok(None) => (documents_with_countries(&stored, &snapshot), None),
        Err(error) if refresh => return Err(error.into()),
        Err(error) => {
            tracing::warn!(error = %chain(&error), "details with the stored documents");
            (documents_with_countries(&stored, &snapshot), None)
        }
    };
    let change = |user: &User| {
        let user = apply(user, &snapshot.observation, &recorder.onboarding);
        match &read {
            Some(read) => user.with_documents(read.clone()),
            None => user,
        }
    };
    let user = recorder.record_read(stored, CAUSE, change).await?;
    Ok(match snapshot.person {
        Some(person) => Details {
            user,
            person: Some(person),
            documents,
        },
        None => Details {
            documents,
            ..Details::stored(user)
        },
    })
}

/// The stored documents with the countries that the provider read from documents of their type, where that is one country.
fn documents_with_countries(user: &User, snapshot: &Snapshot) -> Vec<Document> {
    let country_of = |kind| {
        let mut countries = snapshot
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
