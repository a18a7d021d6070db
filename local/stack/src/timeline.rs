//! The timeline: what was asked of the APIs, what the functions logged of it, and which events came of that.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Json, Router, extract::Query, routing::get};
use local_aws::{
    gateway::AccessLogEntry,
    logs::{LogLine, Logs},
};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::platform::system_clock;
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

/// The number of entries that are kept.
const KEPT: usize = 1_000;

/// The sources of the timeline.
pub(crate) struct Told {
    requests: Receiver<AccessLogEntry>,
    logs: Receiver<LogLine>,
    events: Receiver<Value>,
}

impl Told {
    pub(crate) fn new(
        requests: &Sender<AccessLogEntry>,
        logs: &Logs,
        events: &Sender<Value>,
    ) -> Self {
        Self {
            requests: requests.subscribe(),
            logs: logs.follow(),
            events: events.subscribe(),
        }
    }

    /// Returns the next entry, once there is one; `None` when the stack has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let entry = tokio::select! {
                entry = self.requests.recv() => entry.map(|entry| Some(json!({ "request": entry.json() }))),
                line = self.logs.recv() => line.map(|line| Some(json!({ "log": telling(&line)? }))),
                event = self.events.recv() => event.map(|event| Some(json!({ "event": event }))),
            };
            match entry {
                Ok(Some(entry)) => return Some(entry),
                Ok(None) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Returns a line of a function's log if the access log and the other lines leave out what it says: calls of the provider, changes,
/// deliveries, refusals, warnings and errors.
fn telling(line: &LogLine) -> Option<Value> {
    let logged: Value = serde_json::from_str(&line.line).ok()?;
    let has = |name| logged.get(name).is_some();
    let text = |name| logged.get(name).and_then(Value::as_str);
    let tells = has("ProviderCalls")
        || has("cause")
        || matches!(text("level"), Some("WARN" | "ERROR"))
        || text("message") == Some("delivery");
    tells.then_some(logged)
}

/// The latest entries, each with a number. Those of a later stack are higher, so that a page that stays open goes on.
struct Timeline {
    entries: VecDeque<(i64, Value)>,
    next: i64,
}

impl Timeline {
    fn add(&mut self, entry: Value) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back((self.next, entry));
        self.next += 1;
    }

    fn after(&self, number: i64) -> Value {
        let later = self.entries.iter().filter(|(each, _)| *each > number);
        let entries: Vec<_> = later.map(|(_, entry)| entry).collect();
        json!({ "entries": entries, "last": self.next - 1 })
    }
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: i64,
}

/// Returns the route of the entries after a number, the oldest first, with the number of the last.
pub(crate) fn route(mut told: Told) -> Router {
    let timeline = Arc::new(Mutex::new(Timeline {
        entries: VecDeque::new(),
        next: system_clock().millis(),
    }));
    let latest = Arc::clone(&timeline);
    // Ends with the stack, which holds the senders.
    tokio::spawn(async move {
        while let Some(entry) = told.next().await {
            let mut timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
            timeline.add(entry);
        }
    });
    let answer = async move |Query(After { after }): Query<After>| {
        let timeline = latest.lock().unwrap_or_else(PoisonError::into_inner);
        Json(timeline.after(after))
    };
    Router::new().route("/demo/timeline", get(answer))
}
