//! Journals of requests and deliveries, for people and tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use serde::{Serialize, Serializer};

use crate::lock;
use crate::model::Moment;

/// The number of entries kept, so that a simulator that is left running does not grow.
const CAPACITY: usize = 1_000;

/// The newest entries, oldest first.
pub(crate) struct Journal<T>(Mutex<Entries<T>>);

struct Entries<T> {
    kept: VecDeque<T>,
    /// The number of all that were ever added, which is that of the last one.
    added: usize,
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self(Mutex::new(Entries {
            kept: VecDeque::new(),
            added: 0,
        }))
    }
}

impl<T: Clone> Journal<T> {
    pub(crate) fn add(&self, entry: T) {
        let mut entries = lock(&self.0);
        if entries.kept.len() == CAPACITY {
            entries.kept.pop_front();
        }
        entries.kept.push_back(entry);
        entries.added += 1;
    }

    /// Returns the entries after a number, and the number of the last one.
    pub(crate) fn after(&self, number: usize) -> (Vec<T>, usize) {
        let entries = lock(&self.0);
        // A number of an earlier run tells nothing.
        let known = if number > entries.added { 0 } else { number };
        let new = entries.added - known;
        let skipped = entries.kept.len().saturating_sub(new);
        let kept = entries.kept.iter().skip(skipped).cloned();
        (kept.collect(), entries.added)
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).kept.clear();
    }
}

/// A request to the provider's API. Recorded on arrival. The status follows, unless the client goes away.
#[derive(Clone, Serialize)]
pub(crate) struct RequestRecord {
    method: String,
    target: String,
    at: String,
    #[serde(serialize_with = "if_known")]
    status: Arc<OnceLock<u16>>,
}

impl RequestRecord {
    pub(crate) fn new(method: &str, target: &str, now: Moment) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            at: now.with_millis(),
            status: Arc::default(),
        }
    }

    /// Records the status in each copy of this entry.
    pub(crate) fn set_status(&self, status: u16) {
        self.status.get_or_init(|| status);
    }
}

fn if_known<S: Serializer>(status: &OnceLock<u16>, serializer: S) -> Result<S::Ok, S::Error> {
    status.get().serialize(serializer)
}
