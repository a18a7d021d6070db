//! The provider's bad days, on request. They come before anything else it does, as they would at its edge.

use std::sync::Mutex;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::lock;

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Normal,
    /// 503 in plain text.
    Unavailable,
    /// The genuine answer, late.
    Slow,
    /// 429 with `Retry-After`.
    Throttled,
    /// 200 with JSON that breaks off.
    Malformed,
}

/// How the provider's API behaves.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Behaviour {
    mode: Mode,
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
            mode: Mode::Normal,
            delay_ms: half_a_minute(),
            retry_after: seven_seconds(),
        }
    }
}

/// The behaviour of the moment.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Behaviour>);

impl Faults {
    pub(crate) fn get(&self) -> Behaviour {
        *lock(&self.0)
    }

    pub(crate) fn set(&self, behaviour: Behaviour) {
        *lock(&self.0) = behaviour;
    }

    /// The answer in place of the genuine one, if the mode has one.
    pub(crate) async fn strike(&self, stop: &CancellationToken) -> Option<Response> {
        let behaviour = self.get();
        match behaviour.mode {
            Mode::Normal => None,
            Mode::Slow => {
                // Cut short by the end, because a hanging request must not delay the shutdown.
                let pause = tokio::time::sleep(Duration::from_millis(behaviour.delay_ms));
                stop.run_until_cancelled(pause).await;
                None
            }
            Mode::Unavailable => {
                Some((StatusCode::SERVICE_UNAVAILABLE, "upstream connect error").into_response())
            }
            Mode::Throttled => Some(
                (
                    StatusCode::TOO_MANY_REQUESTS,
                    [(header::RETRY_AFTER, behaviour.retry_after.to_string())],
                    "Too many requests",
                )
                    .into_response(),
            ),
            Mode::Malformed => Some(
                (
                    [(header::CONTENT_TYPE, "application/json")],
                    r#"{"id":"65abc123def456","review":{"reviewStatus":"comp"#,
                )
                    .into_response(),
            ),
        }
    }
}
