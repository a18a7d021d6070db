//! The `DynamoDB` engine, behind a proxy that adds up the consumed capacity of all responses.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dynoxide::ImportOptions;
use dynoxide::types::{AttributeValue, Item};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Number of users that one import writes.
const CHUNK: usize = 10_000;

/// Requests and consumed capacity by operation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DatabaseUsage(BTreeMap<String, Capacity>);

/// A number of requests, and the capacity units that they consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Capacity {
    pub(super) requests: f64,
    pub(super) read: f64,
    /// Write capacity of the table and its indexes.
    pub(super) write: f64,
    /// Write capacity of the indexes alone.
    pub(super) index: f64,
}

impl DatabaseUsage {
    /// Returns the sum over all operations.
    pub(super) fn sum(&self) -> Capacity {
        let mut sum = Capacity::default();
        for capacity in self.0.values() {
            sum.add(capacity, 1.0);
        }
        sum
    }

    /// Returns the names of the operations.
    pub(super) fn operations(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Returns the usage since `earlier`.
    pub(super) fn since(mut self, earlier: &Self) -> Self {
        for (operation, capacity) in &earlier.0 {
            let here = self.0.entry(operation.clone()).or_default();
            here.add(capacity, -1.0);
        }
        self.0.retain(|_, capacity| capacity.requests > 0.0);
        self
    }

    /// Removes one operation.
    pub(super) fn without(mut self, operation: &str) -> Self {
        self.0.remove(operation);
        self
    }

    /// Adds a multiple of another usage.
    pub(super) fn add(&mut self, other: &Self, times: f64) {
        for (operation, capacity) in &other.0 {
            let here = self.0.entry(operation.clone()).or_default();
            here.add(capacity, times);
        }
    }
}

impl Capacity {
    fn add(&mut self, other: &Self, times: f64) {
        self.requests += other.requests * times;
        self.read += other.read * times;
        self.write += other.write * times;
        self.index += other.index * times;
    }
}

/// A database in memory that counts its requests.
pub(super) struct CountingDatabase {
    engine: dynoxide::Database,
    proxy: Arc<Proxy>,
    url: String,
}

struct Proxy {
    engine: String,
    http: reqwest::Client,
    usage: Mutex<DatabaseUsage>,
    /// Of so many requests one is throttled. 0: none.
    one_throttled_in: AtomicU32,
    /// Requests since some are throttled.
    requests: AtomicU32,
    throttled: AtomicU32,
}

impl CountingDatabase {
    /// Starts the engine and the proxy.
    pub(super) async fn start() -> Self {
        // Fails if one is installed already. HTTP clients need one even for plain HTTP.
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
        let proxy = Arc::new(Proxy {
            engine: url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            usage: Mutex::default(),
            one_throttled_in: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            throttled: AtomicU32::new(0),
        });
        let (listener, url) = listen().await;
        let router = Router::new()
            .fallback(forward)
            .with_state(Arc::clone(&proxy));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { engine, proxy, url }
    }

    /// Returns the URL of the proxy.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// From now on throttles one of so many requests.
    pub(super) fn throttle(&self, one_in: u32) {
        self.proxy.one_throttled_in.store(one_in, Ordering::Relaxed);
    }

    /// Returns the number of requests that were throttled.
    pub(super) fn throttled(&self) -> u32 {
        self.proxy.throttled.load(Ordering::Relaxed)
    }

    /// Returns the usage since the start.
    pub(super) fn usage(&self) -> DatabaseUsage {
        self.proxy.usage.lock().unwrap().clone()
    }

    /// Reads all items of a user, without counting the request.
    pub(super) fn items(&self, table: &str, user: &str) -> Vec<Item> {
        let request = json!({ "TableName": table, "KeyConditionExpression": "user_id = :id",
            "ExpressionAttributeValues": { ":id": { "S": user } } });
        let request = serde_json::from_value(request).unwrap();
        self.engine.query(request).unwrap().items.unwrap()
    }

    /// Copies a user's items of a table for other users, numbered as given.
    pub(super) fn fill(&self, table: &str, items: &[Item], users: std::ops::Range<usize>) {
        self.engine.enable_bulk_loading().unwrap();
        let mut users = users.peekable();
        while users.peek().is_some() {
            let copies = users.by_ref().take(CHUNK).flat_map(|number| {
                let id = AttributeValue::S(format!("usr_existing_{number:09}"));
                items.iter().map(move |item| {
                    let mut copy = item.clone();
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

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

async fn forward(State(proxy): State<Arc<Proxy>>, mut headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").map(|value| value.to_str());
    let operation = target.unwrap().unwrap().rsplit('.').next().unwrap();
    let operation = operation.to_owned();
    // Operations on tables consume no capacity.
    let counted = ["Item", "Items", "Query", "Scan"];
    let counted = counted.iter().any(|end| operation.ends_with(end));
    if counted && proxy.throttles() {
        let refusal = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException" });
        return (StatusCode::BAD_REQUEST, refusal.to_string()).into_response();
    }
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
    let request = proxy.http.post(&proxy.engine).headers(headers).body(body);
    let answer = request.send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    let body = answer.bytes().await.unwrap();
    if counted {
        let consumed = serde_json::from_slice(&body).map_or(Value::Null, |mut body: Value| {
            body["ConsumedCapacity"].take()
        });
        proxy.count(operation, &consumed);
    }
    (status, headers, body).into_response()
}

impl Proxy {
    /// Returns whether the present request is to be throttled, and counts it.
    fn throttles(&self) -> bool {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let one_in = self.one_throttled_in.load(Ordering::Relaxed);
        let throttles = number.checked_rem(one_in) == Some(0);
        self.throttled
            .fetch_add(u32::from(throttles), Ordering::Relaxed);
        throttles
    }

    /// Adds the consumed capacity of a response: an object, an array with one for each table, or null for an error.
    fn count(&self, operation: String, consumed: &Value) {
        let tables = match consumed {
            Value::Array(tables) => tables.as_slice(),
            Value::Null => &[],
            table => std::slice::from_ref(table),
        };
        let reads = ["Get", "Query", "Scan"];
        let reads = reads.iter().any(|read| operation.contains(read));
        let units = |value: &Value| value["CapacityUnits"].as_f64().unwrap();
        let mut usage = self.usage.lock().unwrap();
        let capacity = usage.0.entry(operation).or_default();
        capacity.requests += 1.0;
        for table in tables {
            if reads {
                capacity.read += units(table);
                continue;
            }
            capacity.write += units(table);
            let indexes = table["GlobalSecondaryIndexes"].as_object();
            capacity.index += indexes.map_or(0.0, |indexes| indexes.values().map(units).sum());
        }
    }
}
