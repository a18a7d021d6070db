//! DynamoDB: an engine in this process, and the template's tables in any database.

use std::{
    convert::Infallible, error::Error as StdError, iter::successors, path::Path, sync::Arc,
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    operation::describe_table::DescribeTableError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection,
        TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
    },
};
use axum::{Router, middleware};
use dynoxide::Database;
use local_hosts::local_names_only;
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    Error,
    events::Written,
    forward::{Upstream, forward},
    iam::{self, Guard, Iam},
    logs::Logs,
    template::{Index, Key, Table},
};

/// The time between two deletions of expired items.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// The time between two checks of whether a new table is ready.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// An embedded database.
pub struct Engine(Database);

impl Engine {
    /// Opens the database in a file, or an empty one in memory.
    ///
    /// # Errors
    /// Fails if the file cannot be used or is no database.
    pub fn open(file: Option<&Path>) -> Result<Self, Error> {
        let opened = match file {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory(),
        };
        opened.map(Self).map_err(|error| Error::Content {
            path: file.map(Path::to_owned).unwrap_or_default(),
            reason: error.to_string(),
        })
    }
}

/// Serves an engine until `shutdown`, as far as `iam` allows. `written` learns what is put into its table.
///
/// # Errors
/// Fails if the listener does, or if no port is free for the engine behind it.
pub async fn serve(
    listener: TcpListener,
    Engine(database): Engine,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    written: Option<Written>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let swept = database.clone();
    let guard = Guard {
        iam,
        logs: Arc::clone(&logs),
        required: iam::dynamodb,
        denied: "com.amazonaws.dynamodb.v20120810#AccessDeniedException",
    };
    tokio::select! {
        served = serve_guarded(listener, database, guard, written, shutdown) => served,
        never = sweep(swept, logs) => match never {},
    }
}

/// Serves the engine, which needs a listener for itself, behind a server with the guard.
async fn serve_guarded(
    listener: TcpListener,
    database: Database,
    guard: Guard,
    written: Option<Written>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let behind = TcpListener::bind(("127.0.0.1", 0)).await;
    let behind = behind.map_err(|error| error.to_string())?;
    let address = behind.local_addr().map_err(|error| error.to_string())?;
    let upstream = Upstream::new(format!("http://{address}"));
    let upstream = upstream.map_err(|error| message(&error))?;
    let router = Router::new()
        .fallback(forward)
        .layer(middleware::from_fn_with_state(written, Written::tap))
        .layer(middleware::from_fn_with_state(guard, Guard::check))
        .layer(middleware::from_fn(local_names_only))
        .with_state(upstream);
    let (front_runs, front_ended) = oneshot::channel::<()>();
    let front = async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(shutdown)
            .await;
        drop(front_runs);
        served.map_err(|error| error.to_string())
    };
    // The channel closes when the front ends. Only then may the engine end, because the front needs it.
    let engine = dynoxide::server::serve_with_shutdown(behind, database, async {
        front_ended.await.ok();
    });
    tokio::try_join!(front, engine).map(drop)
}

/// Deletes expired items periodically, as the real service does.
async fn sweep(database: Database, logs: Arc<Logs>) -> Infallible {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let database = database.clone();
        let failure = match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        logs.push(
            "dynamodb",
            format!("expired items were not deleted: {failure}"),
        );
    }
}

/// Creates the tables that the database at `endpoint`, which the client uses, does not have yet.
///
/// # Errors
/// Fails if the database does not respond or refuses a request.
pub async fn create_tables(client: &Client, endpoint: &str, tables: &[Table]) -> Result<(), Error> {
    for table in tables {
        let created = create(client, table).await;
        created.map_err(|reason| Error::Database {
            endpoint: endpoint.to_owned(),
            reason,
        })?;
    }
    Ok(())
}

async fn create(client: &Client, table: &Table) -> Result<(), String> {
    let described = client.describe_table().table_name(&table.name).send().await;
    match described {
        Ok(described) => {
            let found = described.table().map(|table| table.key_schema().to_vec());
            if found != Some(keys(&table.key)?) {
                return Err(format!(
                    "the table {} has another key than the template declares; it is of an older version. \
                     Start afresh with another data directory, or delete the old one",
                    table.name
                ));
            }
        }
        Err(error)
            if error
                .as_service_error()
                .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
        {
            let mut request = client
                .create_table()
                .table_name(&table.name)
                .billing_mode(BillingMode::PayPerRequest);
            for attribute in &table.attributes {
                let definition = AttributeDefinition::builder()
                    .attribute_name(&attribute.name)
                    .attribute_type(attribute.kind.as_str().into());
                request = request
                    .attribute_definitions(definition.build().map_err(|error| message(&error))?);
            }
            let indexes = table
                .indexes
                .iter()
                .map(index)
                .collect::<Result<Vec<_>, _>>()?;
            request = request.set_key_schema(Some(keys(&table.key)?));
            request =
                request.set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes));
            request.send().await.map_err(|error| message(&error))?;
        }
        Err(error) => return Err(message(&error)),
    }
    loop {
        let described = client
            .describe_table()
            .table_name(&table.name)
            .send()
            .await
            .map_err(|error| message(&error))?;
        if described.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active) {
            break;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let Some(attribute) = &table.time_to_live else {
        return Ok(());
    };
    let described = client
        .describe_time_to_live()
        .table_name(&table.name)
        .send()
        .await
        .map_err(|error| message(&error))?;
    let status = described
        .time_to_live_description()
        .and_then(|description| description.time_to_live_status());
    if matches!(
        status,
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    ) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification::builder()
        .attribute_name(attribute)
        .enabled(true);
    let specification = specification.build().map_err(|error| message(&error))?;
    let updated = client
        .update_time_to_live()
        .table_name(&table.name)
        .time_to_live_specification(specification);
    updated.send().await.map_err(|error| message(&error))?;
    Ok(())
}

/// Returns the messages of an error and its causes, which the messages of the SDK leave out.
pub(crate) fn message(error: &dyn StdError) -> String {
    let causes = successors(Some(error), |error| (**error).source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}

fn keys(keys: &[Key]) -> Result<Vec<KeySchemaElement>, String> {
    let element = |key: &Key| {
        let element = KeySchemaElement::builder()
            .attribute_name(&key.name)
            .key_type(key.kind.as_str().into());
        element.build().map_err(|error| error.to_string())
    };
    keys.iter().map(element).collect()
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, String> {
    let included = &index.projection.non_key_attributes;
    let projection = Projection::builder()
        .projection_type(index.projection.kind.as_str().into())
        .set_non_key_attributes((!included.is_empty()).then(|| included.clone()))
        .build();
    let built = GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(keys(&index.key)?))
        .projection(projection)
        .build();
    built.map_err(|error| error.to_string())
}
