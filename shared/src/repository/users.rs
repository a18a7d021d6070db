//! Reading and writing users.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, Update};
use serde::Serialize;

use super::item::{EventItem, HistoryItem, InvalidAttribute, USER, UserItem};
use super::write::{Write, failed, invalid_request, write};
use super::{CommitError, EventRecord, Loaded, RepositoryError, Shard, UserStore};
use crate::kyc::{Allowance, Timestamp, Transition, User, UserId};
use crate::provider::EventKey;
use crate::runtime::chain;

type Item = HashMap<String, AttributeValue>;

/// How long a delivery is remembered: far longer than the provider repeats it (24 hours).
const EVENT_KEPT_FOR: Duration = Duration::from_hours(30 * 24);

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

    /// Opens the connection to the table ahead of the first request, by asking for an item that is not there. A failure shows
    /// when the table is needed.
    pub async fn connect(&self) {
        let nowhere =
            ["user_id", "sk"].map(|name| (name.to_owned(), AttributeValue::S("-".to_owned())));
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(nowhere.into()));
        if let Err(error) = request.send().await {
            let error = failed("GetItem", error);
            tracing::debug!(error = %chain(&error), "no connection to the table yet");
        }
    }

    /// Stores a user, unless one with that id is stored already.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn create(&self, user: &User) -> Result<(), RepositoryError> {
        let stored = User {
            version: 1,
            ..user.clone()
        };
        let update = Write::Update(self.user(user, &stored)?);
        match write(&self.client, vec![(update, CommitError::Conflict)]).await {
            Ok(()) | Err(CommitError::Conflict | CommitError::Duplicate) => Ok(()),
            Err(CommitError::Repository(error)) => Err(error),
        }
    }

    /// Takes one off an allowance of the user, in the window that ends at `ends_at`, in one atomic write. False: none is left.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn spend(
        &self,
        id: &UserId,
        allowance: &Allowance,
        ends_at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let number = |number: i64| AttributeValue::N(number.to_string());
        let sk = format!("SPENT#{}#{}", allowance.purpose, ends_at.seconds());
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id, &sk)))
            .update_expression("SET expires_at = :end ADD spent :one")
            .condition_expression("attribute_not_exists(spent) OR spent < :times")
            .expression_attribute_values(":end", number(ends_at.seconds()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":times", number(allowance.times.get().into()));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(failed("UpdateItem", error)),
            },
        }
    }

    /// What changes of the user's item, if the user still is as it was before. Only that is written, so that a function needs
    /// no more rights than it makes changes.
    fn user(&self, before: &User, after: &User) -> Result<Update, RepositoryError> {
        let item = |user| serde_dynamo::to_item(UserItem::from(user));
        let old: Item = match before.version {
            0 => Item::new(),
            _ => item(before).map_err(|_| InvalidAttribute("item"))?,
        };
        let new: Item = item(after).map_err(|_| InvalidAttribute("item"))?;
        let is_key = |name: &str| ["user_id", "sk"].contains(&name);
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(&after.id, USER)));
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        let mut changed: Vec<&String> = new.keys().chain(old.keys()).collect();
        changed.sort_unstable();
        changed.dedup();
        for (index, name) in changed.into_iter().enumerate() {
            let value = new.get(name);
            if is_key(name) || old.get(name) == value {
                continue;
            }
            // Some of the names are reserved words.
            update = update.expression_attribute_names(format!("#{index}"), name);
            match value {
                Some(value) => {
                    set.push(format!("#{index} = :{index}"));
                    update = update.expression_attribute_values(format!(":{index}"), value.clone());
                }
                None => removed.push(format!("#{index}")),
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !removed.is_empty() {
            expression.push_str(" REMOVE ");
            expression.push_str(&removed.join(", "));
        }
        let update = update.update_expression(expression);
        let update = match before.version {
            0 => update.condition_expression("attribute_not_exists(user_id)"),
            version => update
                .condition_expression("version = :version")
                .expression_attribute_values(":version", AttributeValue::N(version.to_string())),
        };
        update.build().map_err(invalid_request)
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

impl UserStore for Users {
    async fn get(&self, id: &UserId) -> Result<Option<User>, RepositoryError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id, USER)))
            .consistent_read(true);
        let answer = request
            .send()
            .await
            .map_err(|error| failed("GetItem", error))?;
        answer.item.map(user).transpose()
    }

    async fn get_with_event(
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
            .map_err(invalid_request)?;
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, keys)
            .send()
            .await;
        let answer = answer.map_err(|error| failed("BatchGetItem", error))?;
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

    async fn commit(
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
            let update = Write::Update(self.user(before, &after)?);
            writes.push((update, CommitError::Conflict));
            if let Some(transition) = Transition::between(before, &after) {
                let history = HistoryItem::new(&after, &transition, cause, now);
                let put = self.new_item(&history)?.build().map_err(invalid_request)?;
                writes.push((Write::Put(put), CommitError::Conflict));
            }
        }
        if let Some(event) = event {
            let put = Write::Put(self.event(&before.id, event, now)?);
            writes.push((put, CommitError::Duplicate));
        }
        write(&self.client, writes).await
    }

    async fn due(
        &self,
        shard: Shard,
        now: Timestamp,
        limit: u8,
    ) -> Result<Vec<UserId>, RepositoryError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("in_flight")
            .key_condition_expression("in_flight = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(shard.key()))
            .expression_attribute_values(":now", AttributeValue::N(now.millis().to_string()))
            .limit(limit.into());
        let answer = request
            .send()
            .await
            .map_err(|error| failed("Query", error))?;
        let ids = answer.items.unwrap_or_default().into_iter().map(|item| {
            let id = item.get("user_id").and_then(|id| id.as_s().ok());
            id.and_then(|id| UserId::parse(id).ok())
                .ok_or(InvalidAttribute("user_id"))
        });
        Ok(ids.collect::<Result<_, _>>()?)
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
