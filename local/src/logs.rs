//! What the functions write to their standard output and standard error.

use std::{collections::VecDeque, fs::File, io::Write, sync::Mutex};

use tokio::sync::broadcast;

use crate::lock;

/// How many lines are kept in memory.
const KEPT: usize = 10_000;

/// One line of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The function's name.
    pub function: String,
    /// The line, without its end.
    pub line: String,
}

/// All lines of all functions: the latest in memory, all of them in a file.
pub struct Logs {
    kept: Mutex<VecDeque<LogLine>>,
    file: Option<Mutex<File>>,
    latest: broadcast::Sender<LogLine>,
}

impl Logs {
    /// Starts with nothing; every line is also written to the file.
    #[must_use]
    pub fn new(file: Option<File>) -> Self {
        Self {
            kept: Mutex::default(),
            file: file.map(Mutex::new),
            latest: broadcast::Sender::new(1024),
        }
    }

    /// Takes a line.
    pub fn push(&self, function: &str, line: impl Into<String>) {
        let line = LogLine {
            function: function.to_owned(),
            line: line.into(),
        };
        if let Some(file) = &self.file {
            // A full disk must not stop the functions; the line is still kept in memory.
            writeln!(lock(file), "{function}: {}", line.line).ok();
        }
        let mut kept = lock(&self.kept);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(line.clone());
        // Sent under the lock, so that followers see the order that is kept. Fails only when nobody follows.
        self.latest.send(line).ok();
    }

    /// The latest lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        lock(&self.kept).iter().cloned().collect()
    }

    /// All lines from now on.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<LogLine> {
        self.latest.subscribe()
    }
}
