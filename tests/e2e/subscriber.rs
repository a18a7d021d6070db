//! A consumer of events that arrives at the state of the tables, whatever happens on the way.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router, extract::State};
use jsonschema::Validator;
use local::{Options, data::Data};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::app::{App, send};
use tests::operator::done as operate;

use crate::provider::serve;

/// The state of a user, as far as a consumer knows it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) number: u64,
    status: String,
    step: String,
}

/// A consumer as docs/events.md describes it, which fails every third time.
#[derive(Default)]
struct Consumer {
    requests: u32,
    /// Whatever was accepted, in the order of its arrival.
    accepted: Vec<Value>,
    users: BTreeMap<String, Known>,
}

impl Consumer {
    fn handle(&mut self, event: &Value) -> StatusCode {
        self.requests += 1;
        if self.requests.is_multiple_of(3) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        match fold(&mut self.users, event) {
            Folded::TooEarly => StatusCode::CONFLICT,
            Folded::Known => StatusCode::OK,
            Folded::New => {
                self.accepted.push(event.clone());
                // The answer is lost: the event comes again.
                match self.requests % 4 {
                    0 => StatusCode::GATEWAY_TIMEOUT,
                    _ => StatusCode::OK,
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Folded {
    New,
    Known,
    TooEarly,
}

/// Applies an event as docs/events.md says.
pub(crate) fn fold(users: &mut BTreeMap<String, Known>, event: &Value) -> Folded {
    let text = |name: &str| event["detail"][name].as_str().unwrap();
    let number: u64 = text("sequence").parse().unwrap();
    let known = users.entry(text("user_id").to_owned()).or_default();
    if number <= known.number {
        return Folded::Known;
    }
    if number > known.number + 1 {
        return Folded::TooEarly;
    }
    let before = if known.status.is_empty() {
        "pending"
    } else {
        &known.status
    };
    assert_eq!(text("from"), before, "{event}");
    *known = Known {
        number,
        status: text("to").to_owned(),
        step: text("onboarding_step").to_owned(),
    };
    Folded::New
}

type Shared = Arc<Mutex<Consumer>>;

async fn consume(State(consumer): State<Shared>, Json(event): Json<Value>) -> StatusCode {
    consumer.lock().unwrap().handle(&event)
}

/// Returns the state of all users who have a history, from the tables.
pub(crate) async fn stored(app: &App) -> BTreeMap<String, Known> {
    let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
    let users = app.items("UsersTable").await;
    let known = users.iter().filter_map(|item| {
        let number = item["history_sequence"]["N"].as_str()?.parse().unwrap();
        let status = text(item, "status").unwrap_or_else(|| "pending".to_owned());
        let step = text(item, "onboarding_step")?;
        Some((
            text(item, "user_id")?,
            Known {
                number,
                status,
                step,
            },
        ))
    });
    known.collect()
}

async fn until_equal(app: &App, consumer: &Shared) {
    let stored = stored(app).await;
    assert!(!stored.is_empty());
    let mut waits = 0;
    while consumer.lock().unwrap().users != stored {
        waits += 1;
        assert!(
            waits < 12_000,
            "{stored:?} {:?}",
            consumer.lock().unwrap().users
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Does something to a user that the provider may do next.
async fn step(app: &App, user: &str, rng: &mut fastrand::Rng) {
    let simulate = async |path: &str, body: Value| {
        let path = format!("applicants/{user}/{path}");
        app.simulate(Method::POST, &path, body).await;
    };
    let person = json!({ "firstName": "Grimhilde", "lastName": "Xanthippe", "dob": "1990-05-15",
        "country": "GBR", "documents": [{ "idDocType": "PASSPORT", "country": "GBR" }] });
    match rng.u8(..6) {
        0 | 1 => simulate("submit", person).await,
        2 => simulate("review", json!({ "reviewAnswer": "GREEN" })).await,
        3 => {
            simulate(
                "review",
                json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY" }),
            )
            .await;
        }
        4 => simulate("reset", json!({})).await,
        _ => {
            let refresh = app.as_user(Method::GET, "/v0/kyc/status?refresh=true", user);
            send(refresh).await;
        }
    }
}

fn schemas() -> HashMap<&'static str, Validator> {
    let schema = |text| jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
    HashMap::from([
        (
            "KycStatusChanged",
            schema(include_str!(
                "../../docs/events/KycStatusChanged.schema.json"
            )),
        ),
        (
            "OnboardingAdvanced",
            schema(include_str!(
                "../../docs/events/OnboardingAdvanced.schema.json"
            )),
        ),
        (
            "UserBlocked",
            schema(include_str!("../../docs/events/UserBlocked.schema.json")),
        ),
        (
            "UserUnblocked",
            schema(include_str!("../../docs/events/UserUnblocked.schema.json")),
        ),
        (
            "PersonErased",
            schema(include_str!("../../docs/events/PersonErased.schema.json")),
        ),
    ])
}

#[tokio::test]
async fn events_lead_to_the_state_of_the_tables() {
    let consumer = Shared::default();
    let url = serve(
        Router::new()
            .route("/", post(consume))
            .with_state(Arc::clone(&consumer)),
    )
    .await;
    let data = tempfile::tempdir().unwrap();
    let options = |url: &str| Options {
        data: Data::Directory(data.path().to_owned()),
        events_url: Some(url.to_owned()),
        ..Options::default()
    };
    let mut rng = fastrand::Rng::with_seed(7);
    let users = ["usr_1", "usr_2", "usr_3"];
    // The second run ends while its events cannot be delivered: nobody listens there.
    for url in [url.as_str(), "http://127.0.0.1:9", url.as_str()] {
        let app = App::start_with(options(url)).await;
        for user in users {
            app.stack.seed(user).await.unwrap();
            let person = json!({ "firstName": "Grimhilde", "lastName": "Xanthippe", "dob": "1990-05-15",
                "country": "GBR", "documents": [{ "idDocType": "PASSPORT", "country": "GBR" }] });
            let path = format!("applicants/{user}/submit");
            app.simulate(Method::POST, &path, person).await;
        }
        for _ in 0..6 {
            for user in users {
                step(&app, user, &mut rng).await;
            }
        }
        if url != "http://127.0.0.1:9" {
            until_equal(&app, &consumer).await;
        }
        app.stack.stop().await;
    }
    let app = App::start_with(options(&url)).await;
    app.stack.seed("usr_1").await.unwrap();
    app.simulate(
        Method::POST,
        "applicants/usr_1/review",
        json!({ "reviewAnswer": "GREEN" }),
    )
    .await;
    app.simulate(Method::DELETE, "applicants/usr_1", json!({}))
        .await;
    let reason = r#"{"reason": "Grimhilde Xanthippe called"}"#;
    for method in ["PUT", "DELETE"] {
        operate(&app, "compliance", method, "/users/usr_1/block", reason).await;
    }
    until_equal(&app, &consumer).await;

    let schemas = schemas();
    let consumer = consumer.lock().unwrap();
    for event in &consumer.accepted {
        let kind = event["detail-type"].as_str().unwrap();
        schemas[kind]
            .validate(event)
            .unwrap_or_else(|error| panic!("{error}: {event}"));
        for name in ["Grimhilde", "Xanthippe", "1990-05-15", "GBR", "PASSPORT"] {
            assert!(!event.to_string().contains(name), "{event}");
        }
    }
    for kind in ["PersonErased", "UserBlocked", "UserUnblocked"] {
        let mut events = consumer.accepted.iter();
        assert!(events.any(|event| event["detail-type"] == kind), "{kind}");
    }

    // From the beginning, in any order, each twice.
    let mut replayed = BTreeMap::new();
    let mut waiting: Vec<&Value> = consumer.accepted.iter().chain(&consumer.accepted).collect();
    rng.shuffle(&mut waiting);
    while !waiting.is_empty() {
        waiting.retain(|event| fold(&mut replayed, event) == Folded::TooEarly);
    }
    assert_eq!(replayed, consumer.users);
}
