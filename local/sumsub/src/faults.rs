//! Faults of the provider's API, on request. They precede any check, like faults at the provider's edge.

use std::sync::Mutex;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::lock;

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FaultMode {
    #[default]
    Normal,
    /// 503 in plain text.
    Unavailable,
    /// The genuine response, late.
    Slow,
    /// 429 with `Retry-After`.
    Throttled,
    /// 200 with JSON that breaks off.
    Malformed,
}

/// The behaviour of the provider's API.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Behaviour {
    mode: FaultMode,
    #[serde(default = "half_a_minute")]
    delay_ms: u64,
    #[serde(default = "seven_seconds")]
    retry_after: u32,
}

const fn half_a_minute() -> u64 {
    30_000
}

const fn seven_seconds() -> u32 {
    7
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            mode: FaultMode::Normal,
            delay_ms: half_a_minute(),
            retry_after: seven_seconds(),
        }
    }
}

/// The current behaviour.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Behaviour>);

impl Faults {
    pub(crate) fn get(&self) -> Behaviour {
        *lock(&self.0)
    }

    pub(crate) fn set(&self, behaviour: Behaviour) {
        *lock(&self.0) = behaviour;
    }

    /// Waits if the API is slow. Returns a response that replaces the genuine one, if any.
    pub(crate) async fn response(&self, stop: &CancellationToken) -> Option<Response> {
        let behaviour = self.get();
        match behaviour.mode {
            FaultMode::Normal => None,
            FaultMode::Slow => {
                // Cut short by the end, because a hanging request must not delay the shutdown.
                let pause = tokio::time::sleep(Duration::from_millis(behaviour.delay_ms));
                stop.run_until_cancelled(pause).await;
                None
            }
            FaultMode::Unavailable => {
                Some((StatusCode::SERVICE_UNAVAILABLE, "upstream connect error").into_response())
            }
            FaultMode::Throttled => Some(
                (
                    StatusCode::TOO_MANY_REQUESTS,
                    [(header::RETRY_AFTER, behaviour.retry_after.to_string())],
                    "Too many requests",
                )
                    .into_response(),
            ),
            FaultMode::Malformed => Some(
                (
                    [(header::CONTENT_TYPE, "application/json")],
                    r#"{"id":"65abc123def456","review":{"reviewStatus":"comp"#,
                )
                    .into_response(),
            ),
        }
    }
}
