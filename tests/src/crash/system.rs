//! The system under proof: the binaries that are deployed, which see database and provider through proxies.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use local::Options;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::sync::Semaphore;

use super::Counts;
use super::check::{Findings, Stored, check};
use super::provider::Provider;
use crate::app::{App, REFRESH, WEBHOOK, digest};
use crate::proxy::{FaultProxy, Faults};

/// The provider waits this long for an answer to a delivery.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// A delivery is made again this often at most; what is not kept by then never will be.
const MAX_DELIVERIES: usize = 300;
/// The last poll of a user is made again this often at most.
const MAX_POLLS: usize = 100;

/// A running system whose provider and faults are in the hands of a proof.
pub struct System {
    pub app: App,
    pub provider: Provider,
    database_proxy: FaultProxy,
    provider_proxy: FaultProxy,
    webhook_secret: String,
    /// One permit for every delivery that may be under way.
    deliveries: Semaphore,
    counts: Mutex<Counts>,
}

impl System {
    /// Starts a system without faults. `release`: whether its functions are built with optimisations. `at_once`: how many
    /// deliveries may be under way; when more wait for an instance than are answered in time, redeliveries keep it so for ever.
    pub async fn start(seed: u64, release: bool, at_once: usize) -> Self {
        let provider = Provider::default();
        let database_proxy = FaultProxy::start(seed).await;
        let provider_proxy = FaultProxy::start(seed.wrapping_add(1)).await;
        provider_proxy.set_target(&provider.serve().await);
        let database = ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), database_proxy.url());
        let app = App::start_with(Options {
            provider_url: Some(provider_proxy.url()),
            function_environment: BTreeMap::from([database]),
            release,
            ..Options::default()
        })
        .await;
        database_proxy.set_target(app.stack.dynamodb_url());
        let secrets = app.stack.secrets().unwrap();
        let webhook_secret = secrets["WebhookSecret"]["secrets"][0].as_str().unwrap();
        Self {
            webhook_secret: webhook_secret.to_owned(),
            app,
            provider,
            database_proxy,
            provider_proxy,
            deliveries: Semaphore::new(at_once),
            counts: Mutex::default(),
        }
    }

    /// Sets the faults of database and provider from now on.
    pub fn set_faults(&self, [database, provider]: [Faults; 2]) {
        self.database_proxy.set_faults(database);
        self.provider_proxy.set_faults(provider);
    }

    /// Kills an instance of a function, if there is one.
    pub fn kill(&self, binary: &str) {
        let killed = self.app.stack.kill_instance(binary);
        self.counts.lock().unwrap().kills += u64::from(killed);
    }

    /// Delivers a webhook, again and again until it is kept, with a short random pause in between.
    pub async fn deliver(&self, body: &str, rng: &mut fastrand::Rng) {
        for _ in 0..MAX_DELIVERIES {
            let request = self.app.request(Method::POST, WEBHOOK);
            let request = request
                .header(
                    "x-payload-digest",
                    digest(&self.webhook_secret, body.as_bytes()),
                )
                .body(body.to_owned());
            let permit = self.deliveries.acquire().await.unwrap();
            self.counts.lock().unwrap().deliveries += 1;
            if let Some(200..=299) = self.answer("delivery", request).await {
                return;
            }
            drop(permit);
            tokio::time::sleep(Duration::from_millis(rng.u64(10..400))).await;
        }
        panic!("{MAX_DELIVERIES} deliveries were not enough: {body}");
    }

    /// Asks for a user's status as the frontend does after the SDK is done. Says whether there was a regular answer.
    pub async fn poll(&self, user: &str) -> bool {
        let request = self.app.as_user(Method::GET, REFRESH, user);
        matches!(self.answer("poll", request).await, Some(200 | 404))
    }

    /// Returns the status of the response, or `None` if none came in time.
    async fn answer(&self, kind: &str, request: RequestBuilder) -> Option<u16> {
        let response = request.timeout(DELIVERY_TIMEOUT).send().await.ok();
        let status = response.map(|response| response.status().as_u16());
        let told = status.map_or("none".to_owned(), |status| status.to_string());
        let mut counts = self.counts.lock().unwrap();
        *counts.answers.entry(format!("{kind} {told}")).or_default() += 1;
        status
    }

    /// Reads everything that is stored of a user, past the proxies.
    async fn stored(&self, user: &str) -> Stored {
        let values = json!({ ":user": { "S": user } });
        let query = async |table: &str| {
            let query = json!({ "TableName": self.app.stack.table(table), "ConsistentRead": true,
                "KeyConditionExpression": "user_id = :user", "ExpressionAttributeValues": values });
            let answer = self.app.dynamodb("Query", query).await;
            answer["Items"].as_array().unwrap().clone()
        };
        let scan = json!({ "TableName": self.app.stack.table("DeliveriesTable"), "FilterExpression": "user_id = :user",
            "ExpressionAttributeValues": values });
        let deliveries = self.app.dynamodb("Scan", scan).await;
        Stored {
            user: query("UsersTable").await.into_iter().next(),
            history: query("HistoryTable").await,
            events: deliveries["Items"].as_array().unwrap().len(),
        }
    }

    /// Compares what is stored of a user with what happened at the provider, before and after a last poll. Prints what is wrong.
    pub async fn check(&self, user: &str) {
        let truth = self.provider.truth(user);
        let mut stored = self.stored(user).await;
        let mut findings = check(&truth, &stored, false);
        if findings == Findings::default() {
            // One that a breaker still holds back is worth another try.
            for _ in 0..MAX_POLLS {
                if self.poll(user).await {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            stored = self.stored(user).await;
            findings = check(&truth, &stored, true);
        }
        for (kind, findings) in [("lost", &findings.lost), ("doubled", &findings.doubled)] {
            for finding in findings {
                eprintln!("{kind}: {user}: {finding}\n  {truth:?}\n  {stored:?}");
            }
        }
        let mut counts = self.counts.lock().unwrap();
        counts.histories += 1;
        counts.lost += findings.lost.len() as u64;
        counts.doubled += findings.doubled.len() as u64;
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts.lock().unwrap().clone();
        counts.faults = self.database_proxy.injected() + self.provider_proxy.injected();
        counts
    }
}
