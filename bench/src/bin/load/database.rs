//! The engine, behind a proxy that adds up what its answers say of consumed capacity.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use dynoxide::ImportOptions;
use dynoxide::types::{AttributeValue, Item};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How many users are written at once.
const CHUNK: usize = 10_000;

/// What the database was asked for, by operation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Usage(BTreeMap<String, Tally>);

/// Requests, and the capacity that they consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) requests: f64,
    pub(super) read: f64,
    /// Of the table and its indexes.
    pub(super) write: f64,
    /// Of the indexes.
    pub(super) index: f64,
}

impl Usage {
    /// All operations together.
    pub(super) fn sum(&self) -> Tally {
        let mut sum = Tally::default();
        for tally in self.0.values() {
            sum.add(tally, 1.0);
        }
        sum
    }

    pub(super) fn operations(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// What was asked for since `earlier`.
    #[must_use]
    pub(super) fn since(mut self, earlier: &Self) -> Self {
        for (operation, tally) in &earlier.0 {
            let here = self.0.entry(operation.clone()).or_default();
            here.add(tally, -1.0);
        }
        self.0.retain(|_, tally| tally.requests > 0.0);
        self
    }

    /// The same without one operation.
    #[must_use]
    pub(super) fn without(mut self, operation: &str) -> Self {
        self.0.remove(operation);
        self
    }

    pub(super) fn add(&mut self, other: &Self, times: f64) {
        for (operation, tally) in &other.0 {
            let here = self.0.entry(operation.clone()).or_default();
            here.add(tally, times);
        }
    }
}

impl Tally {
    fn add(&mut self, other: &Self, times: f64) {
        self.requests += other.requests * times;
        self.read += other.read * times;
        self.write += other.write * times;
        self.index += other.index * times;
    }
}

/// A database in memory that counts.
pub(super) struct Database {
    engine: dynoxide::Database,
    meter: Arc<Meter>,
    url: String,
}

struct Meter {
    engine: String,
    http: reqwest::Client,
    usage: Mutex<Usage>,
}

impl Database {
    pub(super) async fn start() -> Self {
        // Fails when there is one already. HTTP clients ask for one even where nothing is encrypted.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let engine = dynoxide::Database::memory().unwrap();
        let (listener, url) = listen().await;
        let served = engine.clone();
        tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            served,
            std::future::pending(),
        ));
        let meter = Arc::new(Meter {
            engine: url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            usage: Mutex::default(),
        });
        let (listener, url) = listen().await;
        let router = Router::new()
            .fallback(forward)
            .with_state(Arc::clone(&meter));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { engine, meter, url }
    }

    /// Where the counting one is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// All that it was asked for until now.
    pub(super) fn usage(&self) -> Usage {
        self.meter.usage.lock().unwrap().clone()
    }

    /// All items of a user.
    pub(super) fn items(&self, table: &str, user: &str) -> Vec<Item> {
        let request = json!({ "TableName": table, "KeyConditionExpression": "user_id = :id",
            "ExpressionAttributeValues": { ":id": { "S": user } } });
        let request = serde_json::from_value(request).unwrap();
        self.engine.query(request).unwrap().items.unwrap()
    }

    /// Copies a user's lasting items (not the deliveries, which expire) for other users, numbered as given.
    pub(super) fn fill(&self, table: &str, items: &[Item], users: std::ops::Range<usize>) {
        let lasting: Vec<&Item> = items
            .iter()
            .filter(|item| !kind(item).starts_with("EVENT"))
            .collect();
        self.engine.enable_bulk_loading().unwrap();
        let mut users = users.peekable();
        while users.peek().is_some() {
            let copies = users.by_ref().take(CHUNK).flat_map(|number| {
                let id = AttributeValue::S(format!("usr_existing_{number:09}"));
                lasting.iter().map(move |item| {
                    let mut copy = (*item).clone();
                    copy.insert("user_id".to_owned(), id.clone());
                    copy
                })
            });
            let copies = copies.collect();
            self.engine
                .import_items(table, copies, ImportOptions::default())
                .unwrap();
        }
        self.engine.disable_bulk_loading().unwrap();
    }
}

/// What an item is: its sort key up to the first `#`.
pub(super) fn kind(item: &Item) -> &str {
    let Some(AttributeValue::S(key)) = item.get("sk") else {
        panic!("an item without sort key: {item:?}")
    };
    key.split('#').next().unwrap()
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

async fn forward(State(meter): State<Arc<Meter>>, mut headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").map(|value| value.to_str());
    let operation = target.unwrap().unwrap().rsplit('.').next().unwrap();
    let operation = operation.to_owned();
    // Those that work on tables know no capacity.
    let counted = ["Item", "Items", "Query", "Scan"];
    let counted = counted.iter().any(|end| operation.ends_with(end));
    let body = if counted {
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        body["ReturnConsumedCapacity"] = json!("INDEXES");
        body.to_string().into()
    } else {
        body
    };
    for name in [header::HOST, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    let request = meter.http.post(&meter.engine).headers(headers).body(body);
    let answer = request.send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    let body = answer.bytes().await.unwrap();
    if counted {
        let capacity = serde_json::from_slice(&body).map_or(Value::Null, |mut body: Value| {
            body["ConsumedCapacity"].take()
        });
        meter.count(operation, &capacity);
    }
    (status, headers, body).into_response()
}

impl Meter {
    /// Adds what an answer says. `capacity` is an object, or one for each table; an error has none.
    fn count(&self, operation: String, capacity: &Value) {
        let tables = match capacity {
            Value::Array(tables) => tables.as_slice(),
            Value::Null => &[],
            table => std::slice::from_ref(table),
        };
        let reads = ["Get", "Query", "Scan"];
        let reads = reads.iter().any(|read| operation.contains(read));
        let units = |value: &Value| value["CapacityUnits"].as_f64().unwrap();
        let mut usage = self.usage.lock().unwrap();
        let tally = usage.0.entry(operation).or_default();
        tally.requests += 1.0;
        for table in tables {
            if reads {
                tally.read += units(table);
                continue;
            }
            tally.write += units(table);
            let indexes = table["GlobalSecondaryIndexes"].as_object();
            tally.index += indexes.map_or(0.0, |indexes| indexes.values().map(units).sum());
        }
    }
}
