//! The runtime that a function's `main` runs in.

use std::future::Future;

use lambda_http::Error;
use tokio::runtime::{Builder, LocalOptions};

/// Runs a function on this thread: Lambda sends one event at a time.
///
/// It runs as a task, since what is no task is woken by system calls, from its own thread too (docs/performance.md).
///
/// # Errors
/// Those of the function.
pub fn run(function: impl Future<Output = Result<(), Error>> + 'static) -> Result<(), Error> {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(runtime.spawn_local(function))?
}
