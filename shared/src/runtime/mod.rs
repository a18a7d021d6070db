//! How a function starts up and what it stands on: configuration, secrets, AWS clients, clock and logs.

mod aws;
mod cached;
mod clock;
mod config;
mod deadline;
mod function;
mod log;
pub mod metrics;
mod run;
mod schedule;
mod secret;
pub(crate) mod tls;
mod web;

pub use aws::Aws;
pub use cached::{Cached, Source};
pub use clock::{Clock, system_clock};
pub use config::{ConfigError, Variables};
pub use deadline::Deadline;
pub use function::{Function, StartError};
pub use log::chain;
pub use run::run;
pub use schedule::every_event;
pub use secret::{Secret, SecretError, SecretSource};
pub(crate) use web::{bounded_body, is_secure};
