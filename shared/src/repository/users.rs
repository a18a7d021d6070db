//! Reading and writing users.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};
use serde::Serialize;

use super::item::{EventItem, HistoryItem, InvalidAttribute, USER, UserItem};
use crate::kyc::{Timestamp, Transition, User, UserId};
use crate::provider::EventKey;

type Item = HashMap<String, AttributeValue>;

/// How long a delivery is remembered: far longer than the provider repeats it (24 hours).
const EVENT_KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// DynamoDB fails or cannot be reached.
    #[error("DynamoDB: {operation} failed")]
    Dynamo {
        /// Which operation.
        operation: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// DynamoDB did not process the whole request.
    #[error("DynamoDB throttles us")]
    Throttled,
    /// An item is not what we write.
    #[error("the item of a user is damaged")]
    Item(#[from] InvalidAttribute),
    /// The user changed under our hands too many times in a row.
    #[error("the user is changed by too many at once")]
    Contention,
}

impl RepositoryError {
    fn dynamo(operation: &'static str) -> impl FnOnce(Box<dyn Error + Send + Sync>) -> Self {
        move |source| Self::Dynamo { operation, source }
    }
}

/// Why a change was not stored. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The user was changed since it was loaded.
    #[error("the user was changed meanwhile")]
    Conflict,
    /// The event was dealt with already.
    #[error("the event was dealt with already")]
    Duplicate,
    /// The table cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// A delivery to be remembered together with its effect.
#[derive(Debug, Clone, Copy)]
pub struct EventRecord<'a> {
    /// Which event.
    pub key: &'a EventKey,
    /// What the provider calls it.
    pub kind: &'a str,
}

/// What is stored about a user and an event.
#[derive(Debug)]
pub struct Loaded {
    /// The user, if there is one.
    pub user: Option<User>,
    /// Whether the event was dealt with already.
    pub event_known: bool,
}

/// The users' table.
#[derive(Debug, Clone)]
pub struct Users {
    client: Client,
    table: String,
}

impl Users {
    /// The users in this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Reads a user, strongly consistent: who polls never sees an older state than before.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn get(&self, id: &UserId) -> Result<Option<User>, RepositoryError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id, USER)))
            .consistent_read(true);
        let answer = request
            .send()
            .await
            .map_err(|error| RepositoryError::dynamo("GetItem")(error.into()))?;
        answer.item.map(user).transpose()
    }

    /// Reads a user, and whether an event was dealt with, in one request. An event past its time counts as unknown, also while
    /// DynamoDB has not deleted it yet.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        now: Timestamp,
    ) -> Result<Loaded, RepositoryError> {
        let keys = KeysAndAttributes::builder()
            .keys(key(id, USER))
            .keys(key(id, &event_sk(event)))
            .consistent_read(true)
            .build()
            .map_err(|error| RepositoryError::dynamo("BatchGetItem")(error.into()))?;
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, keys)
            .send()
            .await;
        let answer =
            answer.map_err(|error| RepositoryError::dynamo("BatchGetItem")(error.into()))?;
        if answer.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(RepositoryError::Throttled);
        }
        let mut loaded = Loaded {
            user: None,
            event_known: false,
        };
        for item in answer
            .responses
            .into_iter()
            .flatten()
            .flat_map(|(_, items)| items)
        {
            if item
                .get("sk")
                .and_then(|sk| sk.as_s().ok())
                .is_some_and(|sk| sk == USER)
            {
                loaded.user = Some(user(item)?);
            } else {
                loaded.event_known = !is_expired(&item, now);
            }
        }
        Ok(loaded)
    }

    /// Stores a user, unless one with that id is stored already.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn create(&self, user: &User) -> Result<(), RepositoryError> {
        let put = self.user(
            user,
            &User {
                version: 1,
                ..user.clone()
            },
        )?;
        match self.write(vec![(put, CommitError::Conflict)]).await {
            Ok(()) | Err(CommitError::Conflict | CommitError::Duplicate) => Ok(()),
            Err(CommitError::Repository(error)) => Err(error),
        }
    }

    /// Stores what became of a user, the transition if there was one, and the event that caused it, all or nothing.
    ///
    /// `before` must be as it was loaded; `after` is stored under the next version. `cause` is a word for the history.
    ///
    /// # Errors
    /// [`CommitError`]; nothing was stored then.
    pub async fn commit(
        &self,
        before: &User,
        after: &User,
        cause: &str,
        event: Option<EventRecord<'_>>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let mut writes = Vec::new();
        if before != after {
            let mut after = after.clone();
            after.version = before.version + 1;
            writes.push((self.user(before, &after)?, CommitError::Conflict));
            if let Some(transition) = Transition::between(before, &after) {
                let history = HistoryItem::new(&after, &transition, cause, now);
                writes.push((
                    self.new_item(&history)?.build().map_err(invalid_request)?,
                    CommitError::Conflict,
                ));
            }
        }
        if let Some(event) = event {
            writes.push((self.event(&before.id, event, now)?, CommitError::Duplicate));
        }
        self.write(writes).await
    }

    /// Writes all or nothing. Beside each write stands what it means when its condition does not hold.
    async fn write(&self, writes: Vec<(Put, CommitError)>) -> Result<(), CommitError> {
        let (mut puts, refusals): (Vec<Put>, Vec<CommitError>) = writes.into_iter().unzip();
        if puts.len() > 1 {
            let writes = puts
                .into_iter()
                .map(|put| TransactWriteItem::builder().put(put).build())
                .collect();
            let answer = self
                .client
                .transact_write_items()
                .set_transact_items(Some(writes))
                .send()
                .await;
            return answer
                .map(|_| ())
                .map_err(|error| refused_transaction(error, refusals));
        }
        let (Some(put), Some(refusal)) = (puts.pop(), refusals.into_iter().next()) else {
            return Ok(());
        };
        let request = self
            .client
            .put_item()
            .table_name(put.table_name)
            .set_item(Some(put.item));
        let request = request.set_condition_expression(put.condition_expression);
        let request = request.set_expression_attribute_values(put.expression_attribute_values);
        request
            .send()
            .await
            .map(|_| ())
            .map_err(|error| match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => refusal,
                _ => RepositoryError::dynamo("PutItem")(error.into()).into(),
            })
    }

    /// The user as it is afterwards, if it still is as it was before.
    fn user(&self, before: &User, after: &User) -> Result<Put, RepositoryError> {
        let put = self.new_item(&UserItem::from(after))?;
        let put = if before.version == 0 {
            put
        } else {
            put.condition_expression("version = :version")
                .expression_attribute_values(
                    ":version",
                    AttributeValue::N(before.version.to_string()),
                )
        };
        put.build().map_err(invalid_request)
    }

    /// The event, if it is not there, or only past its time.
    fn event(
        &self,
        id: &UserId,
        event: EventRecord<'_>,
        now: Timestamp,
    ) -> Result<Put, RepositoryError> {
        let item = EventItem::new(
            id,
            event_sk(event.key),
            event.kind,
            now.plus(EVENT_KEPT_FOR),
        );
        self.new_item(&item)?
            .condition_expression("attribute_not_exists(user_id) OR expires_at <= :now")
            .expression_attribute_values(":now", AttributeValue::N(now.seconds().to_string()))
            .build()
            .map_err(invalid_request)
    }

    /// An item on the condition that there is none with its key.
    fn new_item(&self, item: &impl Serialize) -> Result<PutBuilder, RepositoryError> {
        let item: Item = serde_dynamo::to_item(item).map_err(|_| InvalidAttribute("item"))?;
        Ok(Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(user_id)"))
    }
}

fn key(id: &UserId, sk: &str) -> Item {
    [("user_id", id.as_str()), ("sk", sk)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .collect()
}

fn event_sk(key: &EventKey) -> String {
    format!("EVENT#{}", key.as_str())
}

fn user(item: Item) -> Result<User, RepositoryError> {
    // The deserializer's own error would quote values.
    let item: UserItem = serde_dynamo::from_item(item).map_err(|_| InvalidAttribute("item"))?;
    Ok(item.try_into()?)
}

fn is_expired(event: &Item, now: Timestamp) -> bool {
    let expires_at: Option<i64> = event
        .get("expires_at")
        .and_then(|value| value.as_n().ok()?.parse().ok());
    expires_at.is_some_and(|expires_at| expires_at <= now.seconds())
}

fn invalid_request(error: BuildError) -> RepositoryError {
    RepositoryError::dynamo("building a request")(error.into())
}

/// What a cancelled transaction means: the reasons stand in the order of the writes.
fn refused_transaction(
    error: SdkError<TransactWriteItemsError>,
    refusals: Vec<CommitError>,
) -> CommitError {
    let failed = |error: SdkError<TransactWriteItemsError>| {
        RepositoryError::dynamo("TransactWriteItems")(error.into()).into()
    };
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return failed(error);
    };
    let reasons: Vec<&str> = cancelled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().unwrap_or("None"))
        .collect();
    let refused = reasons
        .iter()
        .zip(refusals)
        .filter(|(reason, _)| **reason == "ConditionalCheckFailed")
        .map(|(_, refusal)| refusal);
    // Of an event that was dealt with, nothing else is of interest: it comes last.
    match refused.last() {
        Some(refusal) => refusal,
        None if reasons.contains(&"TransactionConflict") => CommitError::Conflict,
        None => failed(error),
    }
}
