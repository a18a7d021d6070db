//! Sumsub: `signing` of requests, `wire` (its JSON), `mapping` (what that means), the `client`, and the `webhook`.

mod client;
mod mapping;
mod signing;
mod time;
mod webhook;
mod wire;

pub use client::{Credentials, Sumsub};
pub use webhook::{SumsubWebhook, WebhookSecrets};
