#![doc = include_str!("../README.md")]

pub mod account;
pub mod dynamodb;
pub mod events;
pub mod forward;
pub mod gateway;
pub mod iam;
pub mod lambda;
pub mod logs;
pub mod schedule;
pub mod secrets;
pub mod template;

mod error;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use error::Error;

/// Locks a value that stays whole even if a holder of the lock panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
