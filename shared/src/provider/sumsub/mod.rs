//! Sumsub: `signing` of requests, `wire` (its JSON), `mapping` (the meaning of that), `response` (both, from bytes), the `client`,
//! and the `webhook`.

mod client;
mod mapping;
mod response;
mod signing;
mod time;
mod webhook;
mod wire;

pub use client::{Credentials, Sumsub};
pub use response::{applicant, documents};
pub use webhook::{WebhookSecrets, read_delivery};
