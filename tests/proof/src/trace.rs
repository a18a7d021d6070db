//! A record of everything that a simulation does. The same seed gives the same record, byte for byte.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock;

/// The record. Keeps nothing unless it was asked to.
#[derive(Clone, Default)]
pub(crate) struct Trace(Option<Arc<Mutex<String>>>);

impl Trace {
    /// Makes a record that keeps its lines.
    pub(crate) fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    /// Adds a line.
    pub(crate) fn line(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let at = clock::now().millis() - clock::START;
            let (seconds, millis) = (at / 1000, at % 1000);
            let line = format!("{seconds:>9}.{millis:03} {}\n", line());
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push_str(&line);
        }
    }

    /// Returns all lines so far.
    pub(crate) fn text(&self) -> String {
        let lines = self.0.as_ref();
        lines.map_or_else(String::new, |lines| {
            lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
        })
    }
}
