//! The output of functions and services.

use std::{collections::VecDeque, fs::File, io::Write, sync::Mutex};

use tokio::sync::broadcast;

use crate::lock;

/// The number of lines kept in memory.
const KEPT: usize = 10_000;

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The name of the function or service.
    pub function: String,
    /// The text, without a line break.
    pub line: String,
}

/// The output of all functions and services: the latest lines in memory, all lines in a file.
pub struct Logs {
    kept: Mutex<VecDeque<LogLine>>,
    file: Option<Mutex<File>>,
    latest: broadcast::Sender<LogLine>,
}

impl Logs {
    /// Creates an empty log that also writes each line to `file`.
    #[must_use]
    pub fn new(file: Option<File>) -> Self {
        Self {
            kept: Mutex::default(),
            file: file.map(Mutex::new),
            latest: broadcast::Sender::new(1024),
        }
    }

    /// Adds a line.
    pub fn push(&self, function: &str, line: impl Into<String>) {
        let line = LogLine {
            function: function.to_owned(),
            line: line.into(),
        };
        if let Some(file) = &self.file {
            // A full disk must not stop the functions. The line is still kept in memory.
            writeln!(lock(file), "{function}: {}", line.line).ok();
        }
        let mut kept = lock(&self.kept);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(line.clone());
        // Sent under the lock, so that followers see the lines in the order kept. Fails only without followers.
        self.latest.send(line).ok();
    }

    /// Returns the latest lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        lock(&self.kept).iter().cloned().collect()
    }

    /// Subscribes to all further lines.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<LogLine> {
        self.latest.subscribe()
    }
}
