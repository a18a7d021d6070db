//! The routes.

/// A route. API Gateway sends a function nothing but its own, which is one, but for `user`, which has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /v0/kyc/access-token`
    AccessToken,
    /// `GET /v0/kyc/status`
    Status,
    /// `GET /v0/kyc/details`
    Details,
    /// `GET /v0/kyc/gate`
    Gate,
    /// `GET /v0/user/me`
    User,
    /// `GET /v0/user/me/onboarding/steps`
    OnboardingSteps,
    /// `POST /v0/webhooks/kyc/sumsub/events`
    Webhook,
    /// The calls of the second API, for operators ([`Call`](super::Call)).
    Operations,
}

impl Route {
    /// Returns the path: `self` link and `instance` of errors.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::AccessToken => "/v0/kyc/access-token",
            Self::Status => "/v0/kyc/status",
            Self::Details => "/v0/kyc/details",
            Self::Gate => "/v0/kyc/gate",
            Self::User => "/v0/user/me",
            Self::OnboardingSteps => "/v0/user/me/onboarding/steps",
            Self::Webhook => "/v0/webhooks/kyc/sumsub/events",
            Self::Operations => "/users",
        }
    }

    /// Returns whether web pages call the route.
    #[must_use]
    pub(crate) const fn is_for_browsers(self) -> bool {
        match self {
            Self::AccessToken
            | Self::Status
            | Self::Details
            | Self::Gate
            | Self::User
            | Self::OnboardingSteps => true,
            Self::Webhook | Self::Operations => false,
        }
    }
}
