//! EventBridge: makes events of a table's items, new or updated, as a pipe of the template says, and delivers them.
//!
//! The engine has no streams. Instead, the front of the database tells what was written, and the items of a key are read in the
//! order of their numbers. What was delivered is kept in a file, so that no new item is lost when the program ends in between, and an
//! event may be delivered twice, as by AWS.

mod pattern;
mod record;

use std::{collections::BTreeMap, convert::Infallible, path::PathBuf, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

pub use record::{Change, Written};

use self::record::Item;
use crate::{Error, account, dynamodb::message, logs::Logs, template::Pipe};

/// The delay before an event is sent again that was not accepted, at first; it doubles up to the longest.
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The receivers of a stack's events, and the record of what they got.
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
    /// The names of the partition key and of the key that numbers its items.
    keys: (String, String),
    client: Client,
    http: reqwest::Client,
    progress: Progress,
    events: Events,
}

/// The number of tries that failed.
#[derive(Default)]
struct Tries(u32);

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
    /// Makes events by a pipe, of whose table `written` tells.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or without a TLS provider.
    pub fn of(self, pipe: Pipe, written: &Written, client: Client) -> Result<Follower, Error> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Follower {
            http,
            keys: written.keys.clone(),
            pipe,
            client,
            progress: Progress::load(self.progress.clone())?,
            events: self,
        })
    }
}

impl Follower {
    /// Delivers the events of the items that are there already, and then of those that are `written`, until `shutdown`.
    ///
    /// # Errors
    /// Never fails: what cannot be sent is logged and tried again. The result lets callers treat this like the other services.
    pub async fn run(
        mut self,
        mut written: mpsc::UnboundedReceiver<Change>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Infallible> {
        let follow = async {
            let mut tries = Tries::default();
            let keys = loop {
                match self.keys().await {
                    Ok(keys) => break keys,
                    Err(reason) => self.wait(&mut tries, &reason).await,
                }
            };
            for key in keys {
                self.deliver(&key).await;
            }
            while let Some(change) = written.recv().await {
                match change {
                    Change::Put(key) => self.deliver(&key).await,
                    Change::Updated(key, number) => self.deliver_again(&key, number).await,
                }
            }
        };
        tokio::select! {
            () = follow => {}
            () = shutdown => {}
        }
        Ok(())
    }

    /// Waits before the next try. Says why, once.
    async fn wait(&self, tries: &mut Tries, reason: &str) {
        if tries.0 == 0 {
            let line = format!("not sent, and tried again until it is: {reason}");
            self.events.logs.push("events", line);
        }
        let delay = FIRST_DELAY * 2_u32.saturating_pow(tries.0.min(8));
        tries.0 += 1;
        tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
    }

    /// Delivers the items of a key that were not delivered yet, in their order.
    async fn deliver(&mut self, key: &str) {
        for (number, item) in self.items_after(key, self.progress.last(key)).await {
            self.pass(number, &item, true).await;
            if let Err(error) = self.progress.advance(key, number) {
                self.events
                    .logs
                    .push("events", format!("the progress was not kept: {error}"));
            }
        }
    }

    /// Delivers an item again that was updated.
    async fn deliver_again(&self, key: &str, number: u64) {
        let items = self.items_after(key, number.saturating_sub(1)).await;
        if let Some((_, item)) = items.iter().find(|(found, _)| *found == number) {
            self.pass(number, item, false).await;
        }
    }

    /// Sends the event of an item, if the pipe lets its record pass.
    async fn pass(&self, number: u64, item: &Item, is_new: bool) {
        let keys = [&self.keys.0, &self.keys.1];
        let record = record::written(&self.pipe.table, keys, item, is_new);
        if !pattern::passes(&self.pipe.patterns, &record) {
            return;
        }
        match event(&self.pipe, &record) {
            Ok(event) => self.send(&event).await,
            // AWS would put it into the queue of what was given up.
            Err(reason) => {
                let line = format!("item {number} makes no event: {reason}");
                self.events.logs.push("events", line);
            }
        }
    }

    async fn send(&self, event: &Value) {
        // Fails only without listeners.
        self.events.listeners.send(event.clone()).ok();
        let Some(url) = &self.events.target else {
            return;
        };
        let mut tries = Tries::default();
        loop {
            let request = self
                .http
                .post(url)
                .header("content-type", "application/json");
            let reason = match request.body(event.to_string()).send().await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => format!("{url} answers {}", answer.status()),
                Err(error) => message(&error),
            };
            self.wait(&mut tries, &reason).await;
        }
    }

    /// Returns all partition keys of the table.
    async fn keys(&self) -> Result<Vec<String>, String> {
        let (hash, _) = &self.keys;
        let scan = self.client.scan().table_name(&self.pipe.table);
        let scan = scan
            .projection_expression("#h")
            .expression_attribute_names("#h", hash)
            .into_paginator()
            .items()
            .send();
        let items = scan.collect::<Result<Vec<Item>, _>>().await;
        let items = items.map_err(|error| message(&error))?;
        let mut keys: Vec<String> = items
            .iter()
            .filter_map(|item| item.get(hash)?.as_s().ok().cloned())
            .collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Returns the items of a partition key after number `last`, with their numbers.
    async fn items_after(&self, key: &str, last: u64) -> Vec<(u64, Item)> {
        let mut tries = Tries::default();
        loop {
            match self.items(key, last).await {
                Ok(items) => return items,
                Err(reason) => self.wait(&mut tries, &reason).await,
            }
        }
    }

    async fn items(&self, key: &str, last: u64) -> Result<Vec<(u64, Item)>, String> {
        let (hash, range) = &self.keys;
        let query = self
            .client
            .query()
            .table_name(&self.pipe.table)
            .consistent_read(true)
            .key_condition_expression("#h = :h AND #r > :r")
            .expression_attribute_names("#h", hash)
            .expression_attribute_names("#r", range)
            .expression_attribute_values(":h", AttributeValue::S(key.to_owned()))
            .expression_attribute_values(":r", AttributeValue::N(last.to_string()))
            .into_paginator()
            .items()
            .send();
        let items = query.collect::<Result<Vec<Item>, _>>().await;
        let items = items.map_err(|error| message(&error))?;
        let numbered = items.into_iter().filter_map(|item| {
            let number = item.get(range)?.as_n().ok()?.parse().ok()?;
            Some((number, item))
        });
        Ok(numbered.collect())
    }
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
