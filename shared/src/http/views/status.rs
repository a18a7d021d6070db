//! `GET /v0/kyc/status`.

use std::time::Duration;

use serde::Serialize;

use super::{Link, Time, View, time};
use crate::http::Route;
use crate::kyc::{ApplicantId, Reason, Standing, Status, Timestamp, next_poll};

/// The status of a verification.
#[derive(Serialize)]
pub struct StatusView<'a> {
    status: &'static str,
    applicant_id: Option<&'a str>,
    verified_at: Option<Time>,
    rejected_at: Option<Time>,
    reject_reason: Option<&'a str>,
    _links: Links,
    #[serde(skip)]
    next_poll: Option<Duration>,
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

impl View for StatusView<'_> {
    fn retry_after(&self) -> Option<Duration> {
        self.next_poll
    }
}

impl<'a> StatusView<'a> {
    /// Makes the view at `now`. While a verdict is awaited, the response says when to ask again (`Retry-After`).
    #[must_use]
    pub fn new(user: &'a Standing, now: Timestamp) -> Self {
        let review = &user.review;
        let status = review.status();
        let waited = user.waiting_since.map(|since| now.since(since));
        Self {
            status: status.as_str(),
            applicant_id: user.applicant.as_ref().map(ApplicantId::as_str),
            verified_at: time(review.verified_at()),
            rejected_at: time(review.rejected_at()),
            reject_reason: review.reason().map(Reason::reveal),
            _links: Links {
                this: Link::get(Route::Status),
                user: Link::get(Route::User),
                refresh: Link::get_with(Route::Status, "?refresh=true"),
                start_verification: status
                    .may_start_verification()
                    .then(|| Link::post(Route::AccessToken)),
            },
            next_poll: (status == Status::InProgress)
                .then(|| next_poll(waited.unwrap_or_default())),
        }
    }
}
