//! Worlds on a real engine of DynamoDB: what a world keeps in memory otherwise goes through the repository here, with its requests,
//! conditions and items.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::thread;

use dynoxide::Database;
use local_aws::dynamodb::create_tables;
use local_aws::template::Template;
use shared::kyc::{EventKey, Queue, Timestamp, User, UserId};
use shared::platform::{Aws, Variables};
use shared::repository::{
    Commit, CommitError, DueUser, Loaded, RepositoryError, Shard, UserStore, Users,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::runner::{Report, play_in};
use crate::simulation::user_ids;
use crate::world::World;

/// Plays simulations of a world on engines in memory, from `seed` on, until there are `histories`, or `most` findings.
///
/// Each simulation has an engine of its own. One engine would take the requests of two simulations for repeated ones, because both
/// draw the same idempotency tokens.
pub fn play_on_engine(world: World, seed: u64, histories: u64, most: usize) -> Report {
    let runtime = runtime();
    let template = include_str!("../../../template.yaml");
    let template = Template::parse(template, &BTreeMap::new()).unwrap();
    let mut report = Report::default();
    let mut seed = seed;
    while !report.is_full(histories, most) {
        let (endpoint, stop) = start_engine();
        let aws = Aws::from_environment(&variables(&endpoint)).unwrap();
        let client = aws.dynamodb();
        runtime
            .block_on(create_tables(&client, &endpoint, &template.tables))
            .unwrap();
        let store = Populated {
            users: Users::from_environment(&variables(&endpoint), client).unwrap(),
            shards: user_ids().iter().map(Shard::of).collect(),
        };
        report.add(seed, play_in(&runtime, world, seed, store, None));
        drop(stop);
        seed = seed.wrapping_add(1);
    }
    report
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
            // Open connections of the client keep it; the thread may end with the process.
            let served = dynoxide::server::serve_with_shutdown(listener, database, stopped).await;
            served.unwrap();
        });
    });
    (endpoint, stop)
}

/// The repository, without the lists of shards that have no user: most requests would be those.
struct Populated {
    users: Users,
    shards: Vec<Shard>,
}

impl UserStore for Populated {
    async fn get(&self, id: &UserId) -> Result<Option<User>, RepositoryError> {
        self.users.get(id).await
    }

    async fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        now: Timestamp,
    ) -> Result<Loaded, RepositoryError> {
        self.users.get_with_event(id, event, now).await
    }

    async fn commit(&self, change: Commit<'_>) -> Result<User, CommitError> {
        self.users.commit(change).await
    }

    async fn due(
        &self,
        queue: Queue,
        shard: Shard,
        now: Timestamp,
        after: Option<&DueUser>,
        limit: u8,
    ) -> Result<Vec<DueUser>, RepositoryError> {
        if self.shards.contains(&shard) {
            self.users.due(queue, shard, now, after, limit).await
        } else {
            Ok(vec![])
        }
    }
}

/// Returns the variables of a function. Tables bear their logical ids as names.
fn variables(endpoint: &str) -> Variables {
    Variables::from([
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("USERS_TABLE", "UsersTable"),
        ("HISTORY_TABLE", "HistoryTable"),
        ("DELIVERIES_TABLE", "DeliveriesTable"),
    ])
}
