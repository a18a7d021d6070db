//! `GET /v0/user/me` and `GET /v0/user/me/onboarding/steps`.

use serde::Serialize;

use super::{Link, Time, View, revealed, time};
use crate::http::Route;
use crate::kyc::{Onboarding, Step, User};

/// The user object, with the onboarding where it was asked for.
#[derive(Serialize)]
pub struct UserView<'a> {
    user: ProfileView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    onboarding: Option<OnboardingView<'a>>,
    _links: Links,
}

#[derive(Serialize)]
struct ProfileView<'a> {
    id: &'a str,
    first_name: Option<&'a str>,
    last_names: Option<&'a str>,
    kyc_verified_at: Option<Time>,
    kyc_rejected_at: Option<Time>,
}

/// The onboarding of a user.
#[derive(Serialize)]
pub struct OnboardingView<'a> {
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
struct Links {
    #[serde(rename = "self")]
    this: Link,
    onboarding: Link,
    #[serde(rename = "kyc-status")]
    kyc_status: Link,
    #[serde(rename = "kyc-token", skip_serializing_if = "Option::is_none")]
    kyc_token: Option<Link>,
}

impl View for UserView<'_> {}
impl View for OnboardingView<'_> {}

impl<'a> UserView<'a> {
    /// Makes the view of a user, with their onboarding if it is given.
    #[must_use]
    pub fn new(user: &'a User, onboarding: Option<&'a Onboarding>) -> Self {
        let name = user.name();
        Self {
            user: ProfileView {
                id: user.id.as_str(),
                first_name: revealed(name.and_then(|name| name.first())),
                last_names: revealed(name.and_then(|name| name.last())),
                kyc_verified_at: time(user.review.verified_at()),
                kyc_rejected_at: time(user.review.rejected_at()),
            },
            onboarding: onboarding.map(|onboarding| OnboardingView::new(onboarding, &user.step)),
            _links: Links {
                this: Link::get(Route::User),
                onboarding: Link::get_with(Route::User, "?expand=onboarding"),
                kyc_status: Link::get(Route::Status),
                kyc_token: user
                    .review
                    .status()
                    .may_start_verification()
                    .then(|| Link::post(Route::AccessToken)),
            },
        }
    }
}

impl<'a> OnboardingView<'a> {
    /// Makes the view: steps before the current one are completed, those behind it pending. A step that is not configured any
    /// more stands nowhere in the list, so that none of them is known to be completed.
    #[must_use]
    pub fn new(onboarding: &'a Onboarding, current: &'a Step) -> Self {
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
