//! The ground that every function stands on: AWS clients, secrets, caches, configuration values, TLS, clock, deadlines, logs and
//! metrics. Knows nothing of verification but [`Timestamp`](crate::kyc::Timestamp).

mod aws;
mod cached;
mod clock;
mod config;
mod deadline;
pub(crate) mod json;
mod log;
pub mod metrics;
mod run;
mod schedule;
mod secret;
pub(crate) mod tls;
mod web;

pub use aws::Aws;
pub use cached::{Cached, Source, Unavailable};
pub use clock::{Clock, system_clock};
pub use config::{ConfigError, Environment, Variables};
pub use deadline::Deadline;
pub use log::chain;
pub(crate) use log::start as start_logs;
pub use run::run;
pub use schedule::every_event;
pub use secret::{Secret, SecretError, SecretSource};
pub use web::TransportError;
pub(crate) use web::{bounded_body, is_secure};
