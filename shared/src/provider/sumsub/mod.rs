//! Sumsub: `signing` of requests, `wire` (its JSON), `mapping` (what that means), `answer` (both, from bytes), the `client`, and
//! the `webhook`.

mod answer;
mod client;
mod mapping;
mod signing;
mod time;
mod webhook;
mod wire;

pub use answer::{applicant, documents};
pub use client::{Credentials, Sumsub};
pub use webhook::{SumsubWebhook, WebhookSecrets};
