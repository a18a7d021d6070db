//! A running system and what a test does with it.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use local::data::Data;
use local::{Options, Stack};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use shared::kyc::{ReviewSchedule, Step, Timestamp, User, UserId};
use shared::platform::{Aws, Variables, system_clock};
use shared::repository::{Commit, CommitError, EventRecord, UserStore, Users};

use crate::openapi;

/// Returns the schedule of checks that the template's defaults set.
pub fn schedule() -> ReviewSchedule {
    ReviewSchedule::sweeping_after(24)
}

/// The user of most tests: on the onboarding step `kyc_verification`.
pub const USER: &str = "usr_abc123";

pub const ACCESS_TOKEN: &str = "/v0/kyc/access-token";
pub const STATUS: &str = "/v0/kyc/status";
pub const REFRESH: &str = "/v0/kyc/status?refresh=true";
pub const DETAILS: &str = "/v0/kyc/details";
pub const GATE: &str = "/v0/kyc/gate";
pub const ME: &str = "/v0/user/me?expand=onboarding";
pub const WEBHOOK: &str = "/v0/webhooks/kyc/sumsub/events";

/// The routes that users call.
pub const FOR_USERS: [(Method, &str); 5] = [
    (Method::POST, ACCESS_TOKEN),
    (Method::GET, STATUS),
    (Method::GET, DETAILS),
    (Method::GET, GATE),
    (Method::GET, "/v0/user/me"),
];

/// The headers for browsers and caches that every response bears, those of the gateway included.
const ALWAYS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("content-security-policy", "sandbox"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=63072000"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// A running system.
pub struct App {
    pub stack: Stack,
    pub http: reqwest::Client,
    pub users: Arc<Users>,
}

/// An answer of the API or of a stand-in.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the body of a 200; panics for any other status.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        self.assert_headers();
        self.json()
    }

    /// Asserts that this is an error with all the members of the contract.
    pub fn assert_problem(&self, status: u16, code: &str, path: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        self.assert_headers();
        let body = self.json();
        assert_eq!(body["status"], status);
        assert_eq!(body["error_code"], code);
        assert_eq!(body["instance"], path);
        let r#type = format!("https://api.sumvin.com/errors/{}", code.to_lowercase());
        assert_eq!(body["type"], r#type);
        for member in ["title", "detail", "trace_id"] {
            assert!(
                !body[member].as_str().unwrap().is_empty(),
                "{member}: {body}"
            );
        }
        assert_eq!(body["trace_id"], self.header("x-amzn-requestid"));
        let proof = match code {
            "USR-401-001" => "x-juno-jwt",
            "KYC-401-001" => "x-payload-digest",
            _ => "",
        };
        assert_eq!(self.header("x-amzn-remapped-www-authenticate"), proof);
        assert_eq!(body.as_object().unwrap().len(), 7, "{body}");
    }

    /// Asserts the headers that every answer has.
    pub fn assert_headers(&self) {
        for (name, value) in ALWAYS {
            assert_eq!(self.header(name), value, "{name}: {self:?}");
        }
    }
}

impl App {
    /// Starts a whole system with the provider's simulator.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts a system. `DYNAMODB_URL` names an engine to use in place of the one in memory. All of its tables are deleted.
    pub async fn start_with(mut options: Options) -> Self {
        if let Ok(url) = std::env::var("DYNAMODB_URL") {
            delete_tables(&url).await;
            options.dynamodb_url = Some(url);
        }
        let stack = Stack::start(options)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        stack.seed(USER).await.unwrap();
        let users = stack.users();
        Self { stack, http, users }
    }

    /// Starts a system whose secrets can be replaced while it runs.
    pub async fn start_with_vault(options: Options) -> (Self, Vault) {
        let vault = Vault(tempfile::tempdir().unwrap());
        let data = Data::Directory(vault.0.path().to_owned());
        let app = Self::start_with(Options { data, ..options }).await;
        (app, vault)
    }

    /// Stores a user as given, over the one of that id.
    pub async fn store(&self, user: &User) {
        let new = new_user(user.id.as_str());
        self.users.create(&new, &schedule()).await.unwrap();
        let before = self.stored(user.id.as_str()).await;
        let user = User {
            sequence: before.sequence,
            ..user.clone()
        };
        let now = Timestamp::from_millis(1_704_067_200_000);
        self.commit(&before, &user, None, now).await.unwrap();
    }

    /// Stores a change of a user, as the use cases do.
    pub async fn commit(
        &self,
        before: &User,
        after: &User,
        event: Option<EventRecord<'_>>,
        now: Timestamp,
    ) -> Result<User, CommitError> {
        let change = Commit {
            before,
            after,
            due: schedule().due(after),
            cause: "test".into(),
            event,
            erased: &[],
            now,
        };
        self.users.commit(change).await
    }

    /// Returns the user as stored.
    pub async fn stored(&self, id: &str) -> User {
        self.users
            .get(&UserId::parse(id).unwrap())
            .await
            .unwrap()
            .unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.stack.api_url()))
    }

    /// Sends a request as a user.
    pub fn as_user(&self, method: Method, path: &str, user: &str) -> RequestBuilder {
        let token = self.stack.token(user, Duration::from_mins(10));
        self.request(method, path).header("x-juno-jwt", token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.as_user(Method::GET, path, USER)).await
    }

    pub async fn post(&self, path: &str) -> Answer {
        send(self.as_user(Method::POST, path, USER)).await
    }

    /// Refreshes until the response is a 200, and waits in between as long as `Retry-After` says.
    pub async fn refreshed(&self) -> Value {
        loop {
            let answer = self.get(REFRESH).await;
            match answer.header("retry-after").parse() {
                Ok(seconds) if answer.status != 200 => {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                _ => return answer.ok(),
            }
        }
    }

    /// Returns the status that is stored.
    pub async fn status(&self) -> String {
        self.get(STATUS).await.ok()["status"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Returns the current onboarding step.
    pub async fn step(&self) -> String {
        let me = self.get(ME).await.ok();
        me["onboarding"]["current_step"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Calls the simulator. Answers after the webhooks that follow were delivered.
    pub async fn simulate(&self, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/simulator/{path}", self.stack.provider_url());
        let request = self.http.request(method, url).body(body.to_string());
        let answer = exchange(request.header("content-type", "application/json")).await;
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        answer.json()
    }

    /// Plays the user in the SDK, who uploads documents and a selfie.
    pub async fn submit(&self) -> Value {
        let body = json!({ "firstName": "Jane", "lastName": "Smith", "dob": "1990-05-15", "nationality": "GBR",
            "country": "GBR", "documents": [{ "idDocType": "PASSPORT", "country": "GBR" }] });
        self.simulate(Method::POST, &format!("applicants/{USER}/submit"), body)
            .await
    }

    /// Plays the provider's reviewer.
    pub async fn review(&self, result: Value) -> Value {
        self.simulate(Method::POST, &format!("applicants/{USER}/review"), result)
            .await
    }

    pub async fn webhooks(&self, mode: &str) {
        self.simulate(Method::PUT, "webhooks", json!({ "mode": mode }))
            .await;
    }

    pub async fn provider(&self, fault: Value) {
        self.simulate(Method::PUT, "api", fault).await;
    }

    /// Returns the number of requests of the provider's API to targets that contain `part`.
    pub async fn provider_requests(&self, part: &str) -> usize {
        let log = self.simulate(Method::GET, "requests", json!({})).await;
        let requests = log["requests"].as_array().unwrap();
        let target = |request: &&Value| request["target"].as_str().unwrap().contains(part);
        requests.iter().filter(target).count()
    }

    /// Calls the database directly.
    pub async fn dynamodb(&self, operation: &str, body: Value) -> Value {
        const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=local/20240101/eu-west-1/dynamodb/aws4_request, \
            SignedHeaders=host, Signature=0";
        let request = self
            .http
            .post(self.stack.dynamodb_url())
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20240101T000000Z")
            .header("authorization", AUTHORIZATION);
        let answer = exchange(request.body(body.to_string())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Returns the items of a table, by its logical id.
    pub async fn items(&self, table: &str) -> Vec<Value> {
        let scan = json!({ "TableName": self.stack.table(table) });
        let answer = self.dynamodb("Scan", scan).await;
        answer["Items"].as_array().unwrap().clone()
    }

    /// Returns the items of all tables but the counters.
    pub async fn kept(&self) -> Vec<Value> {
        let mut kept = Vec::new();
        for table in [
            "UsersTable",
            "HistoryTable",
            "DeliveriesTable",
            "ErasuresTable",
        ] {
            kept.extend(self.items(table).await);
        }
        kept
    }

    /// Makes a delivery that is not signed yet.
    pub fn delivery(&self, body: impl Into<Vec<u8>>) -> Delivery<'_> {
        Delivery {
            app: self,
            body: body.into(),
        }
    }

    /// Sends an event as the provider does.
    pub async fn deliver(&self, event: &Value) -> Answer {
        let delivery = self.delivery(format!("{event:#}"));
        let digest = delivery.digest();
        delivery.send(&[("x-payload-digest", &digest)]).await
    }
}

/// Deletes all tables of an engine, so that a test begins with none.
async fn delete_tables(url: &str) {
    let variables = Variables::from([
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", url),
    ]);
    let client = Aws::from_environment(&variables).unwrap().dynamodb();
    let tables = client.list_tables().send().await.unwrap();
    for table in tables.table_names() {
        let deleted = client.delete_table().table_name(table).send().await;
        deleted.unwrap();
    }
}

/// The values that Secrets Manager holds. A test changes them.
pub struct Vault(tempfile::TempDir);

impl Vault {
    /// Replaces a secret, or removes it.
    pub fn set(&self, id: &str, value: Option<Value>) {
        let file = self.0.path().join("secrets.json");
        let mut secrets: Map<String, Value> =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        secrets.remove(id);
        secrets.extend(value.map(|value| (id.to_owned(), value)));
        std::fs::write(&file, Value::from(secrets).to_string()).unwrap();
    }
}

/// A delivery of the webhook, to be signed rightly or wrongly.
pub struct Delivery<'a> {
    app: &'a App,
    pub body: Vec<u8>,
}

impl Delivery<'_> {
    /// Returns the digest under the webhook's secret.
    pub fn digest(&self) -> String {
        let secrets = self.app.stack.secrets().unwrap();
        let secret = secrets["WebhookSecret"]["secrets"][0].as_str().unwrap();
        digest(secret, &self.body)
    }

    pub async fn send(self, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.app.request(Method::POST, WEBHOOK).body(self.body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request).await
    }
}

/// Makes a registered user on the onboarding step `kyc_verification`.
pub fn new_user(id: &str) -> User {
    let id = UserId::parse(id).unwrap();
    User::registered(id, Step::kyc_verification(), system_clock())
}

/// Returns the HMAC-SHA256 of `body` in hex.
pub fn digest(secret: &str, body: &[u8]) -> String {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

/// Sends a request to the API, whose answer has to be one that `openapi.yaml` describes.
pub async fn send(request: RequestBuilder) -> Answer {
    let (http, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let answer = exchange(RequestBuilder::from_parts(http, request)).await;
    openapi::assert_described(&method, &path, &answer);
    answer
}

/// Sends a request to whomever.
pub async fn exchange(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer {
        status,
        headers,
        text: response.text().await.unwrap(),
    }
}
