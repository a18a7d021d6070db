//! `GET /v0/kyc/status`.

use serde::Serialize;

use super::{Link, View, millis};
use crate::http::Route;
use crate::kyc::{ApplicantId, Reason, User};

/// The status of a verification.
#[derive(Serialize)]
pub struct StatusView<'a> {
    status: &'static str,
    applicant_id: Option<&'a str>,
    verified_at: Option<i64>,
    rejected_at: Option<i64>,
    reject_reason: Option<&'a str>,
    _links: Links,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    user: Link,
    refresh: Link,
    #[serde(rename = "start-verification", skip_serializing_if = "Option::is_none")]
    start_verification: Option<Link>,
}

impl View for StatusView<'_> {}

impl<'a> From<&'a User> for StatusView<'a> {
    fn from(user: &'a User) -> Self {
        let review = &user.review;
        let status = review.status();
        Self {
            status: status.as_str(),
            applicant_id: user.applicant.as_ref().map(ApplicantId::as_str),
            verified_at: millis(review.verified_at()),
            rejected_at: millis(review.rejected_at()),
            reject_reason: review.reason().map(Reason::reveal),
            _links: Links {
                this: Link::get(Route::Status),
                user: Link::get(Route::User),
                refresh: Link::get_with(Route::Status, "?refresh=true"),
                start_verification: status
                    .may_start_verification()
                    .then(|| Link::post(Route::AccessToken)),
            },
        }
    }
}
