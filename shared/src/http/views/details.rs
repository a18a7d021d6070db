//! `GET /v0/kyc/details`.

use serde::Serialize;

use super::{Link, Time, View, revealed, time};
use crate::http::Route;
use crate::kyc::{Document, Status};
use crate::provider::Person;
use crate::service::Details;

/// The details of a verification.
#[derive(Serialize)]
pub struct DetailsView<'a> {
    status: &'static str,
    verified_at: Option<Time>,
    rejected_at: Option<Time>,
    started_at: Option<Time>,
    personal_info: Option<PersonView<'a>>,
    documents: Vec<DocumentView<'a>>,
    verification_complete: bool,
    verification_passed: bool,
    rejection: Option<RejectionView<'a>>,
    _links: Links,
}

#[derive(Serialize)]
struct PersonView<'a> {
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    date_of_birth: Option<&'a str>,
    nationality: Option<&'a str>,
    country_of_residence: Option<&'a str>,
}

#[derive(Serialize)]
struct DocumentView<'a> {
    document_type: &'static str,
    country: Option<&'a str>,
    status: &'static str,
    submitted_at: Option<Time>,
}

#[derive(Serialize)]
struct RejectionView<'a> {
    can_retry: bool,
    message: &'a str,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    refresh: Link,
    status: Link,
    user: Link,
}

impl View for DetailsView<'_> {}

impl<'a> From<&'a Details> for DetailsView<'a> {
    fn from(details: &'a Details) -> Self {
        let review = &details.user.review;
        let status = review.status();
        Self {
            status: status.as_str(),
            verified_at: time(review.verified_at()),
            rejected_at: time(review.rejected_at()),
            started_at: time(details.user.started_at),
            personal_info: details.person.as_ref().map(PersonView::from),
            documents: details.documents.iter().map(DocumentView::from).collect(),
            verification_complete: status.is_submitted(),
            verification_passed: status == Status::Approved,
            rejection: review.reason().map(|reason| RejectionView {
                can_retry: status.may_start_verification(),
                message: reason.reveal(),
            }),
            _links: Links {
                this: Link::get(Route::Details),
                refresh: Link::get_with(Route::Details, "?refresh=true"),
                status: Link::get(Route::Status),
                user: Link::get(Route::User),
            },
        }
    }
}

impl<'a> From<&'a Person> for PersonView<'a> {
    fn from(person: &'a Person) -> Self {
        Self {
            first_name: revealed(person.first_name.as_ref()),
            last_name: revealed(person.last_name.as_ref()),
            date_of_birth: revealed(person.date_of_birth.as_ref()),
            nationality: revealed(person.nationality.as_ref()),
            country_of_residence: revealed(person.country_of_residence.as_ref()),
        }
    }
}

impl<'a> From<&'a Document> for DocumentView<'a> {
    fn from(document: &'a Document) -> Self {
        Self {
            document_type: document.stored.kind.as_str(),
            country: revealed(document.country.as_ref()),
            status: document.stored.status.as_str(),
            submitted_at: time(document.stored.submitted_at),
        }
    }
}
