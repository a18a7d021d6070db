//! Worlds on a real engine of DynamoDB: what a world keeps in memory otherwise goes through the repository here, with its requests,
//! conditions and items.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::env;
use std::net::TcpListener;
use std::thread;

use dynoxide::Database;
use local_aws::dynamodb::create_tables;
use local_aws::template::Template;
use shared::platform::{Aws, Cached, Source, Variables};
use shared::repository::{ErasureKey, Users};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::runner::Report;
use crate::simulation::simulate;
use crate::world::World;

/// The variable that names another engine, Amazon's DynamoDB Local.
const OTHER_ENGINE: &str = "DYNAMODB_URL";

/// Plays simulations of a world on engines in memory, or on the one that `DYNAMODB_URL` names, from `seed` on, until there are `histories`, or `most` findings.
///
/// Each simulation has an engine of its own. One engine would take the requests of two simulations for repeated ones, because both
/// draw the same idempotency tokens. DynamoDB Local has a database for each access key.
pub fn play_on_engine(world: World, seed: u64, histories: u64, most: usize) -> Report {
    let runtime = runtime();
    let template = include_str!("../../../template.yaml");
    let mut template = Template::parse(template, &BTreeMap::new()).unwrap();
    for table in &mut template.tables {
        // An engine deletes by the real clock, and a simulation has one of its own.
        table.time_to_live = None;
    }
    Report::of(seed, histories, most, |seed| {
        let (endpoint, _stopped_at_end) = if let Ok(endpoint) = env::var(OTHER_ENGINE) {
            (endpoint, None)
        } else {
            let (endpoint, stop) = start_engine();
            (endpoint, Some(stop))
        };
        let variables = variables(&endpoint, &access_key(world, seed));
        let client = Aws::from_environment(&variables).unwrap().dynamodb();
        runtime
            .block_on(create_tables(&client, &endpoint, &template.tables))
            .unwrap();
        let users = Users::from_environment(&variables, client, Cached::new(Key)).unwrap();
        runtime.block_on(simulate(world, seed, users, None))
    })
}

/// The key of the registry of erased applicants.
struct Key;

impl Source for Key {
    type Value = ErasureKey;
    type Error = Infallible;

    const NAME: &'static str = "key";

    async fn fetch(&self) -> Result<ErasureKey, Infallible> {
        Ok(ErasureKey::new("erasure-key"))
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Starts an engine in a thread of its own. Returns its endpoint, and what ends it when it is dropped.
fn start_engine() -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    thread::spawn(move || {
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let database = Database::memory().unwrap();
            let stopped = async { stopped.await.unwrap_or_default() };
            // It ends once the client has closed its connections.
            let served = dynoxide::server::serve_with_shutdown(listener, database, stopped).await;
            served.unwrap();
        });
    });
    (endpoint, stop)
}

/// Returns an access key that no other simulation has, also of another process. DynamoDB Local takes letters and digits only.
fn access_key(world: World, seed: u64) -> String {
    let key = format!("{}{seed}p{}", world.name, std::process::id());
    key.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Returns the variables of a function. Tables bear their logical ids as names.
fn variables(endpoint: &str, access_key: &str) -> Variables {
    Variables::from([
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", access_key),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("USERS_TABLE", "UsersTable"),
        ("HISTORY_TABLE", "HistoryTable"),
        ("DELIVERIES_TABLE", "DeliveriesTable"),
        ("ERASURES_TABLE", "ErasuresTable"),
    ])
}
