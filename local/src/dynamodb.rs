//! `DynamoDB`: an engine in this process, and the template's tables in whichever database is used.

use std::{
    collections::BTreeMap, convert::Infallible, error::Error as StdError, iter::successors,
    sync::Arc, time::Duration,
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
use shared::runtime::{Aws, Variables};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    Error,
    data::Data,
    forward::{Upstream, forward},
    iam::{self, Guard, Iam},
    logs::Logs,
    template::{Index, Key, Table},
};

/// How often expired items are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How often a real table is asked whether it is ready.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Opens the engine.
pub(crate) fn open(data: &Data) -> Result<Database, Error> {
    let path = data.path("dynamodb.sqlite");
    let opened = match &path {
        Some(path) => Database::new(&path.to_string_lossy()),
        None => Database::memory(),
    };
    opened.map_err(|error| Error::Content {
        path: path.unwrap_or_default(),
        reason: error.to_string(),
    })
}

/// Serves the engine until `shutdown`, to those who may use it.
pub(crate) async fn serve(
    listener: TcpListener,
    database: Database,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let swept = database.clone();
    let guard = Guard {
        iam,
        logs: Arc::clone(&logs),
        needs: iam::dynamodb_needs,
        refusal: "com.amazonaws.dynamodb.v20120810#AccessDeniedException",
    };
    tokio::select! {
        served = serve_guarded(listener, database, guard, shutdown) => served,
        never = sweep(swept, logs) => match never {},
    }
}

/// The engine takes a whole listener for itself. It gets one of its own, and the guard is a server before it.
async fn serve_guarded(
    listener: TcpListener,
    database: Database,
    guard: Guard,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let behind = TcpListener::bind(("127.0.0.1", 0)).await;
    let behind = behind.map_err(|error| error.to_string())?;
    let address = behind.local_addr().map_err(|error| error.to_string())?;
    let upstream = Upstream::new(format!("http://{address}")).map_err(|error| message(&error))?;
    let router = Router::new()
        .fallback(forward)
        .layer(middleware::from_fn_with_state(guard, Guard::check))
        .with_state(upstream);
    let (front_runs, front_ended) = oneshot::channel::<()>();
    let front = async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(shutdown)
            .await;
        drop(front_runs);
        served.map_err(|error| error.to_string())
    };
    // Nothing is sent: the engine ends when the front, which needs it, has.
    let engine = dynoxide::server::serve_with_shutdown(behind, database, async {
        front_ended.await.ok();
    });
    tokio::try_join!(front, engine).map(drop)
}

/// Deletes expired items again and again, as the real service does.
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

/// Creates those tables that the database does not have yet.
pub(crate) async fn create_tables(
    endpoint: &str,
    tables: &[Table],
    identity: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let client = client(endpoint, identity)?;
    for table in tables {
        let created = create(&client, table).await;
        created.map_err(|reason| Error::Database {
            endpoint: endpoint.to_owned(),
            reason,
        })?;
    }
    Ok(())
}

/// A client of the database, like that of the functions.
pub(crate) fn client(endpoint: &str, identity: &BTreeMap<String, String>) -> Result<Client, Error> {
    let variable = |name: &str| identity.get(name).map_or("", String::as_str);
    let names = [
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    let [region, id, key, token] = names.map(|name| (name, variable(name)));
    let endpoint = ("AWS_ENDPOINT_URL_DYNAMODB", endpoint);
    let variables = Variables::from([region, id, key, token, endpoint]);
    let aws = Aws::from_environment(&variables).map_err(std::io::Error::other)?;
    Ok(aws.dynamodb())
}

async fn create(client: &Client, table: &Table) -> Result<(), String> {
    let described = client.describe_table().table_name(&table.name).send().await;
    match described {
        Ok(_) => {}
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

/// An error with all its causes: the SDK's own messages leave them out.
fn message(error: &dyn StdError) -> String {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::template::{Attribute, Projection};
    use dynoxide::{
        actions::{
            describe_table::DescribeTableRequest, describe_time_to_live::DescribeTimeToLiveRequest,
        },
        server::serve_with_shutdown,
    };

    #[tokio::test]
    async fn a_table_is_created_once_with_all_its_parts() {
        let database = open(&Data::Memory).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve_with_shutdown(
            listener,
            database.clone(),
            std::future::pending(),
        ));
        let key = |name: &str, kind: &str| Key {
            name: name.to_owned(),
            kind: kind.to_owned(),
        };
        let attribute = |name: &str| Attribute {
            name: name.to_owned(),
            kind: "S".to_owned(),
        };
        let table = Table {
            id: "Users".to_owned(),
            name: "Users".to_owned(),
            attributes: vec![attribute("id"), attribute("due")],
            key: vec![key("id", "HASH")],
            indexes: vec![Index {
                name: "by-due".to_owned(),
                key: vec![key("due", "HASH")],
                projection: Projection {
                    kind: "KEYS_ONLY".to_owned(),
                    non_key_attributes: Vec::new(),
                },
            }],
            time_to_live: Some("expires_at".to_owned()),
        };

        for _ in 0..2 {
            create_tables(
                &endpoint,
                std::slice::from_ref(&table),
                &crate::aws::identity(false),
            )
            .await
            .unwrap();
        }

        let request = DescribeTableRequest {
            table_name: "Users".to_owned(),
        };
        let described = serde_json::to_value(database.describe_table(request).unwrap()).unwrap();
        assert_eq!(
            described["Table"]["GlobalSecondaryIndexes"][0]["IndexName"],
            "by-due"
        );
        let request = DescribeTimeToLiveRequest {
            table_name: "Users".to_owned(),
        };
        let described =
            serde_json::to_value(database.describe_time_to_live(request).unwrap()).unwrap();
        assert_eq!(
            described["TimeToLiveDescription"]["AttributeName"],
            "expires_at"
        );
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_is_named() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let table = Table {
            id: "T".to_owned(),
            name: "T".to_owned(),
            attributes: Vec::new(),
            key: Vec::new(),
            indexes: Vec::new(),
            time_to_live: None,
        };

        let error = create_tables(&endpoint, &[table], &crate::aws::identity(false))
            .await
            .unwrap_err();

        assert!(
            error
                .to_string()
                .starts_with(&format!("DynamoDB at {endpoint}: ")),
            "{error}"
        );
    }
}
