//! `POST /v0/webhooks/kyc/sumsub/events`.

use serde::Serialize;

use super::View;
use crate::service::DeliveryOutcome;

/// The receipt of a delivery. The provider only looks at the HTTP status; its dashboard shows the rest.
#[derive(Serialize)]
pub struct DeliveryView {
    outcome: &'static str,
}

impl View for DeliveryView {}

impl From<DeliveryOutcome> for DeliveryView {
    fn from(outcome: DeliveryOutcome) -> Self {
        Self {
            outcome: outcome.as_str(),
        }
    }
}
