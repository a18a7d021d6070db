//! Journals of requests and deliveries, for people and tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use serde::{Serialize, Serializer};

use crate::lock;
use crate::model::Moment;

/// The number of entries kept, so that a simulator that is left running does not grow.
const CAPACITY: usize = 1_000;

/// The newest entries, oldest first.
pub(crate) struct Journal<T>(Mutex<VecDeque<T>>);

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }
}

impl<T: Clone> Journal<T> {
    pub(crate) fn add(&self, entry: T) {
        let mut entries = lock(&self.0);
        if entries.len() == CAPACITY {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        lock(&self.0).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
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
