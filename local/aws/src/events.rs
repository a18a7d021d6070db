//! EventBridge: makes events of a table's new items, as a pipe of the template says, and delivers them.
//!
//! The engine has no streams. Instead, the front of the database tells which keys were written, and the items of a key are read in the
//! order of their numbers. What was delivered is kept in a file, so that nothing is lost when the program ends in between, and an event
//! may be delivered twice, as by AWS.

mod pattern;
mod record;

use std::{collections::BTreeMap, convert::Infallible, path::PathBuf, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

pub use record::Written;

use self::record::Item;
use crate::{
    Error, account,
    logs::Logs,
    template::{Pipe, Table},
};

/// The delay before an event is sent again that was not accepted.
const RETRY: Duration = Duration::from_millis(200);

/// Where the events of a stack go.
pub struct Events {
    /// The file that keeps what was delivered. Without it, that is kept in memory.
    pub progress: Option<PathBuf>,
    /// Receives each event, at least once.
    pub listeners: broadcast::Sender<Value>,
    /// The URL that each event is posted to until it is accepted with a 2xx, as an API destination does.
    pub target: Option<String>,
    /// Receives a line for what cannot be sent.
    pub logs: Arc<Logs>,
}

/// A pipe that runs.
pub struct Follower {
    pipe: Pipe,
    table: String,
    /// The names of the partition key and of the key that numbers its items.
    keys: (String, String),
    client: Client,
    progress: Progress,
    events: Events,
}

/// The number of the last item that was delivered, by partition key.
struct Progress {
    file: Option<PathBuf>,
    delivered: BTreeMap<String, u64>,
}

impl Progress {
    fn load(file: Option<PathBuf>) -> Result<Self, Error> {
        let content = file.as_deref().filter(|file| file.exists());
        let delivered = content.map(|file| {
            let failed = |reason: String| Error::Content {
                path: file.to_owned(),
                reason,
            };
            let text = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
            serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))
        });
        Ok(Self {
            delivered: delivered.transpose()?.unwrap_or_default(),
            file,
        })
    }

    fn last(&self, key: &str) -> u64 {
        self.delivered.get(key).copied().unwrap_or_default()
    }

    /// Notes that an item was delivered. A reader of the file sees either the old content or the new one.
    fn advance(&mut self, key: &str, number: u64) -> std::io::Result<()> {
        self.delivered.insert(key.to_owned(), number);
        let Some(file) = &self.file else {
            return Ok(());
        };
        let unfinished = file.with_added_extension("new");
        std::fs::write(&unfinished, serde_json::to_vec(&self.delivered)?)?;
        std::fs::rename(unfinished, file)
    }
}

impl Events {
    /// Makes events by a pipe.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if the table does not have two keys.
    pub fn of(self, pipe: Pipe, tables: &[Table], client: Client) -> Result<Follower, Error> {
        let table = tables.iter().find(|table| table.name == pipe.table);
        let Some([hash, range]) = table.map(|table| table.key.as_slice()) else {
            let table = &pipe.table;
            return Err(Error::Template(format!(
                "a pipe needs a table with two keys, not {table}"
            )));
        };
        Ok(Follower {
            table: pipe.table.clone(),
            keys: (hash.name.clone(), range.name.clone()),
            pipe,
            client,
            progress: Progress::load(self.progress.clone())?,
            events: self,
        })
    }
}

impl Follower {
    /// Delivers the events of the items that are there already, and then of those whose keys are `written`, until `shutdown`.
    ///
    /// # Errors
    /// Never fails: what cannot be sent is logged and tried again. The result lets callers treat this like the other services.
    pub async fn run(
        mut self,
        mut written: mpsc::UnboundedReceiver<String>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Infallible> {
        let follow = async {
            let keys = loop {
                match self.keys().await {
                    Ok(keys) => break keys,
                    Err(reason) => self.retry(&reason).await,
                }
            };
            for key in keys {
                self.deliver(&key).await;
            }
            while let Some(key) = written.recv().await {
                self.deliver(&key).await;
            }
        };
        tokio::select! {
            () = follow => {}
            () = shutdown => {}
        }
        Ok(())
    }

    async fn retry(&self, reason: &str) {
        self.events
            .logs
            .push("events", format!("not sent yet: {reason}"));
        tokio::time::sleep(RETRY).await;
    }

    /// Delivers the items of a key that were not delivered yet, in their order.
    async fn deliver(&mut self, key: &str) {
        let items = loop {
            match self.items(key).await {
                Ok(items) => break items,
                Err(reason) => self.retry(&reason).await,
            }
        };
        for (number, item) in items {
            let record = record::inserted(&self.table, [&self.keys.0, &self.keys.1], &item);
            if pattern::passes(&self.pipe.patterns, &record) {
                match event(&self.pipe, &record) {
                    Ok(event) => self.send(&event).await,
                    // AWS would put it into the queue of what was given up.
                    Err(reason) => self
                        .events
                        .logs
                        .push("events", format!("item {number} makes no event: {reason}")),
                }
            }
            if let Err(error) = self.progress.advance(key, number) {
                self.events
                    .logs
                    .push("events", format!("the progress was not kept: {error}"));
            }
        }
    }

    async fn send(&self, event: &Value) {
        // Fails only without listeners.
        self.events.listeners.send(event.clone()).ok();
        let Some(url) = &self.events.target else {
            return;
        };
        let http = reqwest::Client::builder().no_proxy().build();
        loop {
            let answer = match &http {
                Ok(http) => {
                    let request = http.post(url).header("content-type", "application/json");
                    let answer = request.body(event.to_string()).send().await;
                    answer
                        .map(|answer| answer.status())
                        .map_err(|error| error.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            match answer.as_ref().map(StatusCode::is_success) {
                Ok(true) => return,
                Ok(false) => self.retry(&format!("{url} answers {answer:?}")).await,
                Err(reason) => self.retry(reason).await,
            }
        }
    }

    /// Returns all partition keys of the table.
    async fn keys(&self) -> Result<Vec<String>, String> {
        let (hash, _) = &self.keys;
        let scan = self.client.scan().table_name(&self.table);
        let scan = scan
            .projection_expression("#h")
            .expression_attribute_names("#h", hash)
            .into_paginator()
            .items()
            .send();
        let items = scan.collect::<Result<Vec<Item>, _>>().await;
        let items = items.map_err(|error| shared_reason(&error))?;
        let mut keys: Vec<String> = items
            .iter()
            .filter_map(|item| item.get(hash)?.as_s().ok().cloned())
            .collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Returns the items of a partition key that were not delivered yet, with their numbers.
    async fn items(&self, key: &str) -> Result<Vec<(u64, Item)>, String> {
        let (hash, range) = &self.keys;
        let last = self.progress.last(key).to_string();
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#h = :h AND #r > :r")
            .expression_attribute_names("#h", hash)
            .expression_attribute_names("#r", range)
            .expression_attribute_values(":h", AttributeValue::S(key.to_owned()))
            .expression_attribute_values(":r", AttributeValue::N(last))
            .into_paginator()
            .items()
            .send();
        let items = query.collect::<Result<Vec<Item>, _>>().await;
        let items = items.map_err(|error| shared_reason(&error))?;
        let numbered = items.into_iter().filter_map(|item| {
            let number = item.get(range)?.as_n().ok()?.parse().ok()?;
            Some((number, item))
        });
        Ok(numbered.collect())
    }
}

fn shared_reason(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Makes the event of a record.
fn event(pipe: &Pipe, record: &Value) -> Result<Value, String> {
    let detail_type = match pipe.detail_type.strip_prefix("$.") {
        Some(_) => record::at(record, &pipe.detail_type)
            .and_then(Value::as_str)
            .ok_or("its detail-type is nowhere")?,
        None => &pipe.detail_type,
    };
    let now = OffsetDateTime::now_utc().format(&Rfc3339);
    Ok(json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": detail_type,
        "source": pipe.source,
        "account": account::ACCOUNT_ID,
        "time": now.map_err(|error| error.to_string())?,
        "region": account::region(),
        "resources": [],
        "detail": record::transformed(&pipe.input_template, record)?,
    }))
}
