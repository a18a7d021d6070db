//! How a function starts up and what it stands on: configuration, secrets, AWS clients, clock and logs.

mod aws;
mod clock;
mod config;
mod deadline;
mod function;
mod log;
mod secret;

pub use aws::Aws;
pub use clock::{Clock, system_clock};
pub use config::{ConfigError, Variables};
pub use deadline::Deadline;
pub use function::{Function, StartError};
pub use log::chain;
pub use secret::{Secret, SecretError};
