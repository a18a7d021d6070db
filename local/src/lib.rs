//! The whole system on a laptop: what `template.yaml` declares, run by stand-ins for the services of the cloud.

pub mod data;
pub mod gateway;
pub mod lambda;
pub mod logs;
pub mod provider;
pub mod template;
pub mod token;

mod aws;
mod cargo;
mod demo;
mod dynamodb;
mod error;
mod forward;
mod iam;
mod options;
mod schedule;
mod secrets;
mod servers;
mod stack;
mod state;

pub use error::Error;
pub use options::{Options, Ports};
pub use secrets::development as development_secrets;
pub use stack::Stack;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The folder of the project: the same wherever in it the program is started.
#[must_use]
pub fn project() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Locks what stays whole even if a holder of the lock has panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
