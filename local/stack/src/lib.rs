#![doc = include_str!("../README.md")]

pub mod data;
pub mod token;

mod cargo;
mod console;
mod demo;
mod error;
mod options;
mod secrets;
mod servers;
mod stack;
mod state;
mod timeline;

pub use error::Error;
pub use local_aws::{account::region, gateway, logs, template};
pub use options::{Options, Ports};
pub use secrets::development as development_secrets;
pub use stack::Stack;

use std::path::{Path, PathBuf};

/// Returns the folder of the project, wherever the program is started.
#[must_use]
pub fn project() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}
