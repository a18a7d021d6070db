//! The JSON of the contract. Members stand in the order of its samples, and all are always there.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

use super::{Failure, Reply, Route};
use crate::kyc::{Document, Onboarding, Personal, Status, Step, Timestamp, User, UserId};
use crate::provider::{Person, SESSION_SECONDS};
use crate::service::{Details, Outcome};

#[derive(Serialize)]
struct Link {
    href: Href,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

/// A path, with a query that begins with its question mark.
struct Href(Route, &'static str);

impl Serialize for Href {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}{}", self.0.path(), self.1))
    }
}

impl Link {
    fn get(route: Route) -> Self {
        Self::get_with(route, "")
    }

    fn get_with(route: Route, query: &'static str) -> Self {
        Self {
            href: Href(route, query),
            method: None,
        }
    }

    fn post(route: Route) -> Self {
        Self {
            href: Href(route, ""),
            method: Some("POST"),
        }
    }
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::millis)
}

fn revealed(text: Option<&Personal>) -> Option<&str> {
    text.map(Personal::reveal)
}

#[derive(Serialize)]
struct AccessTokenView<'a> {
    access_token: &'a str,
    expires_in: u32,
    user_id: &'a str,
    _links: AccessTokenLinks,
}

#[derive(Serialize)]
struct AccessTokenLinks {
    #[serde(rename = "self")]
    this: Link,
    status: Link,
}

#[derive(Serialize)]
struct StatusView<'a> {
    status: &'static str,
    applicant_id: Option<&'a str>,
    verified_at: Option<i64>,
    rejected_at: Option<i64>,
    reject_reason: Option<&'a str>,
    _links: StatusLinks,
}

#[derive(Serialize)]
struct StatusLinks {
    #[serde(rename = "self")]
    this: Link,
    user: Link,
    refresh: Link,
    #[serde(rename = "start-verification", skip_serializing_if = "Option::is_none")]
    start_verification: Option<Link>,
}

#[derive(Serialize)]
struct DetailsView<'a> {
    status: &'static str,
    verified_at: Option<i64>,
    rejected_at: Option<i64>,
    started_at: Option<i64>,
    personal_info: Option<PersonView<'a>>,
    documents: Vec<DocumentView<'a>>,
    verification_complete: bool,
    verification_passed: bool,
    rejection: Option<RejectionView<'a>>,
    _links: DetailsLinks,
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
    submitted_at: Option<i64>,
}

#[derive(Serialize)]
struct RejectionView<'a> {
    can_retry: bool,
    message: &'a str,
}

#[derive(Serialize)]
struct DetailsLinks {
    #[serde(rename = "self")]
    this: Link,
    refresh: Link,
    status: Link,
    user: Link,
}

#[derive(Serialize)]
struct MeView<'a> {
    user: UserView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    onboarding: Option<OnboardingView<'a>>,
    _links: MeLinks,
}

#[derive(Serialize)]
struct UserView<'a> {
    id: &'a str,
    first_name: Option<&'a str>,
    last_names: Option<&'a str>,
    kyc_verified_at: Option<i64>,
    kyc_rejected_at: Option<i64>,
}

#[derive(Serialize)]
struct OnboardingView<'a> {
    current_step: &'a str,
    is_complete: bool,
    steps: Vec<StepView<'a>>,
}

#[derive(Serialize)]
struct StepView<'a> {
    step: &'a str,
    status: &'static str,
}

#[derive(Serialize)]
struct MeLinks {
    #[serde(rename = "self")]
    this: Link,
    onboarding: Link,
    kyc: Link,
}

#[derive(Serialize)]
struct ReceiptView {
    outcome: &'static str,
}

impl Reply {
    /// Answers `POST /v0/kyc/access-token`.
    ///
    /// # Errors
    /// [`Problem::Internal`](super::Problem::Internal) if the body could not be written, which never happens.
    pub fn access_token(token: &SecretString, user: &UserId) -> Result<Self, Failure> {
        let links = AccessTokenLinks {
            this: Link::post(Route::AccessToken),
            status: Link::get(Route::Status),
        };
        Ok(Self::json(&AccessTokenView {
            access_token: token.expose_secret(),
            expires_in: SESSION_SECONDS,
            user_id: user.as_str(),
            _links: links,
        })?)
    }

    /// Answers `GET /v0/kyc/status`.
    ///
    /// # Errors
    /// [`Problem::Internal`](super::Problem::Internal) if the body could not be written, which never happens.
    pub fn status(user: &User) -> Result<Self, Failure> {
        let status = user.review.status();
        Ok(Self::json(&StatusView {
            status: status.as_str(),
            applicant_id: user.applicant.as_ref().map(crate::kyc::ApplicantId::as_str),
            verified_at: millis(user.review.verified_at()),
            rejected_at: millis(user.review.rejected_at()),
            reject_reason: user.review.reason().map(crate::kyc::Reason::reveal),
            _links: StatusLinks {
                this: Link::get(Route::Status),
                user: Link::get(Route::User),
                refresh: Link::get_with(Route::Status, "?refresh=true"),
                start_verification: status
                    .may_start_verification()
                    .then(|| Link::post(Route::AccessToken)),
            },
        })?)
    }

    /// Answers `GET /v0/kyc/details`.
    ///
    /// # Errors
    /// [`Problem::Internal`](super::Problem::Internal) if the body could not be written, which never happens.
    pub fn details(details: &Details) -> Result<Self, Failure> {
        let review = &details.user.review;
        let status = review.status();
        Ok(Self::json(&DetailsView {
            status: status.as_str(),
            verified_at: millis(review.verified_at()),
            rejected_at: millis(review.rejected_at()),
            started_at: millis(details.user.started_at),
            personal_info: details.person.as_ref().map(PersonView::from),
            documents: details.documents.iter().map(DocumentView::from).collect(),
            verification_complete: status.is_submitted(),
            verification_passed: status == Status::Approved,
            rejection: review.reason().map(|reason| RejectionView {
                can_retry: status.may_start_verification(),
                message: reason.reveal(),
            }),
            _links: DetailsLinks {
                this: Link::get(Route::Details),
                refresh: Link::get_with(Route::Details, "?refresh=true"),
                status: Link::get(Route::Status),
                user: Link::get(Route::User),
            },
        })?)
    }

    /// Answers `GET /v0/user/me`, with the onboarding where it was asked for.
    ///
    /// # Errors
    /// [`Problem::Internal`](super::Problem::Internal) if the body could not be written, which never happens.
    pub fn user(user: &User, onboarding: Option<&Onboarding>) -> Result<Self, Failure> {
        let name = user.name();
        Ok(Self::json(&MeView {
            user: UserView {
                id: user.id.as_str(),
                first_name: revealed(name.and_then(|name| name.first())),
                last_names: revealed(name.and_then(|name| name.last())),
                kyc_verified_at: millis(user.review.verified_at()),
                kyc_rejected_at: millis(user.review.rejected_at()),
            },
            onboarding: onboarding.map(|onboarding| OnboardingView::new(onboarding, &user.step)),
            _links: MeLinks {
                this: Link::get(Route::User),
                onboarding: Link::get_with(Route::User, "?expand=onboarding"),
                kyc: Link::get(Route::Status),
            },
        })?)
    }

    /// Answers a delivery of the webhook. The provider only looks at the status; its dashboard shows the rest.
    ///
    /// # Errors
    /// [`Problem::Internal`](super::Problem::Internal) if the body could not be written, which never happens.
    pub fn receipt(outcome: Outcome) -> Result<Self, Failure> {
        Ok(Self::json(&ReceiptView {
            outcome: outcome.as_str(),
        })?)
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
            submitted_at: millis(document.stored.submitted_at),
        }
    }
}

impl<'a> OnboardingView<'a> {
    /// Steps before the current one are completed, those behind it pending. A step that is not configured any more stands
    /// nowhere in the list, so that none of them is known to be completed.
    fn new(onboarding: &'a Onboarding, current: &'a Step) -> Self {
        let is_complete = *current == Step::complete();
        let position = onboarding.steps().iter().position(|step| step == current);
        let status = |index: usize| match position {
            _ if is_complete => "completed",
            Some(position) if index < position => "completed",
            Some(position) if index == position => "current",
            Some(_) | None => "pending",
        };
        let steps = onboarding.steps().iter().enumerate();
        Self {
            current_step: current.as_str(),
            is_complete,
            steps: steps
                .map(|(index, step)| StepView {
                    step: step.as_str(),
                    status: status(index),
                })
                .collect(),
        }
    }
}
