//! Reading and writing users.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, Update};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::erasures::Erasures;
use super::item::{
    DeliveryItem, HistoryItem, InvalidAttribute, Item, StandingItem, UserItem, number, text,
    user_id,
};
use super::write::{Refusal, Write, WriteError, failed, invalid_request, write};
use super::{
    Commit, CommitError, DueUser, ErasureKey, EventRecord, Loaded, RepositoryError, Shard,
    UserStore,
};
use crate::kyc::{
    ApplicantId, Due, ErasedApplicant, EventKey, Queue, ReviewSchedule, Standing, Timestamp,
    Transition, User, UserId,
};
use crate::platform::{Cached, ConfigError, SecretSource, Source, Variables, chain};

/// Time for which an event is remembered: far longer than the provider repeats its delivery (24 hours).
const EVENT_KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// The index of users who are due.
const DUE_INDEX: &str = "due";

/// A page of the users who have an applicant.
#[derive(Debug)]
pub struct LinkedUsers {
    /// Their ids, and those of their applicants.
    pub users: Vec<(UserId, ApplicantId)>,
    /// The last user of the page, if there may be more after it.
    pub next: Option<UserId>,
}

/// The tables of users, history, deliveries and erased applicants. `K` gives the key of the last.
pub struct Users<K: Source = SecretSource<ErasureKey>> {
    pub(super) client: Client,
    table: String,
    pub(super) history: String,
    deliveries: String,
    erasures: Erasures<K>,
}

impl<K: Source<Value = ErasureKey>> Users<K> {
    /// Reads the names of the tables from `USERS_TABLE`, `HISTORY_TABLE`, `DELIVERIES_TABLE` and `ERASURES_TABLE`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing.
    pub fn from_environment(
        variables: &Variables,
        client: Client,
        erasure_key: Cached<K>,
    ) -> Result<Self, ConfigError> {
        let name_in = |name| variables.required(name).map(str::to_owned);
        Ok(Self {
            erasures: Erasures::from_environment(variables, client.clone(), erasure_key)?,
            client,
            table: name_in("USERS_TABLE")?,
            history: name_in("HISTORY_TABLE")?,
            deliveries: name_in("DELIVERIES_TABLE")?,
        })
    }

    /// Opens the connection to DynamoDB ahead of the first request, by asking for a user who does not exist. A failure shows
    /// when the table is needed.
    pub async fn connect(&self) {
        let nobody = AttributeValue::S("-".to_owned());
        let request = self.client.get_item().table_name(&self.table);
        if let Err(error) = request.key("user_id", nobody).send().await {
            let error = failed("GetItem", error);
            tracing::debug!(error = %chain(&error), "no connection to the table yet");
        }
    }

    /// Builds the read of a user, strongly consistent.
    fn get_item(&self, id: &UserId) -> GetItemFluentBuilder {
        let request = self.client.get_item().table_name(&self.table);
        request.set_key(Some(key(id))).consistent_read(true)
    }

    /// Stores a user, unless one with that id is stored already.
    ///
    /// # Errors
    /// [`RepositoryError`] if the table cannot be used.
    pub async fn create(
        &self,
        user: &User,
        schedule: &ReviewSchedule,
    ) -> Result<(), RepositoryError> {
        let nobody = User::new(user.id.clone(), user.step.clone());
        let stored = User {
            version: 1,
            ..user.clone()
        };
        let update = self.user_update(&nobody, &stored, schedule.due(user))?;
        match write(&self.client, vec![(Write::Update(update), Refusal::User)]).await {
            Ok(()) | Err(WriteError::Refused(_)) => Ok(()),
            Err(WriteError::Failed(error)) => Err(error),
        }
    }

    /// Lists the users with an applicant among at most `limit` users after `after`, in no order that means anything.
    ///
    /// # Errors
    /// [`RepositoryError`] if the table cannot be used.
    pub async fn linked(
        &self,
        after: Option<&UserId>,
        limit: u8,
    ) -> Result<LinkedUsers, RepositoryError> {
        let request = self.client.scan().table_name(&self.table);
        let request = request
            .projection_expression("user_id, applicant_id")
            .filter_expression("attribute_exists(applicant_id)")
            .set_exclusive_start_key(after.map(key))
            .limit(limit.into());
        let page = request
            .send()
            .await
            .map_err(|error| failed("Scan", error))?;
        let users = page.items.unwrap_or_default().into_iter().map(|item| {
            let applicant = text(&item, "applicant_id");
            let applicant = applicant.and_then(|id| ApplicantId::parse(id).ok());
            let applicant = applicant.ok_or(InvalidAttribute::Attribute("applicant_id"))?;
            Ok((user_id(&item)?, applicant))
        });
        Ok(LinkedUsers {
            users: users.collect::<Result<_, RepositoryError>>()?,
            next: page.last_evaluated_key.as_ref().map(user_id).transpose()?,
        })
    }

    async fn try_commit(&self, change: &Commit<'_>, sequence: u64) -> Result<User, WriteError> {
        let Commit { before, after, .. } = *change;
        let mut writes = Vec::new();
        let mut stored = after.clone();
        if before != after || change.event.is_none() {
            stored.version = before.version + 1;
            let transition = Transition::between(before, after);
            stored.sequence = sequence + u64::from(transition.is_some());
            let update = self.user_update(before, &stored, change.due)?;
            writes.push((Write::Update(update), Refusal::User));
            if let Some(transition) = transition {
                let item = HistoryItem::new(&stored, &transition, change.cause, change.now);
                let put = Put::builder()
                    .table_name(&self.history)
                    .set_item(Some(to_item(&item)?))
                    .condition_expression("attribute_not_exists(user_id)")
                    .build();
                let put = put.map_err(invalid_request)?;
                writes.push((Write::Put(put), Refusal::History));
            }
        }
        if let Some(event) = change.event {
            let put = self.delivery_put(&before.id, event, change.now)?;
            writes.push((Write::Put(put), Refusal::Event));
        }
        for applicant in change.erased {
            let put = self.erasures.put(applicant, change.now).await?;
            // It has no condition.
            writes.push((Write::Put(put), Refusal::User));
        }
        write(&self.client, writes).await?;
        Ok(stored)
    }

    /// Builds the update of the attributes that change, on condition that the user is stored as before. Nothing else is
    /// written, so that a function needs no right to an attribute that it never changes.
    fn user_update(
        &self,
        before: &User,
        after: &User,
        due: Option<Due>,
    ) -> Result<Update, RepositoryError> {
        let old = match before.version {
            0 => Item::new(),
            _ => to_item(&UserItem::from(before))?,
        };
        let mut new = to_item(&UserItem::from(after))?;
        let due = due.map(|due| {
            let partition = Shard::of(&after.id).partition(due.queue);
            let at = AttributeValue::N(due.at.millis().to_string());
            [("due_in", AttributeValue::S(partition)), ("due_at", at)]
        });
        new.extend(
            due.into_iter()
                .flatten()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let index = ["due_in", "due_at"].map(str::to_owned);
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(&after.id)));
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        let mut changed: Vec<&String> = new.keys().chain(old.keys()).chain(&index).collect();
        changed.sort_unstable();
        changed.dedup();
        for (index, name) in changed.into_iter().enumerate() {
            let value = new.get(name);
            // The index attributes are written each time: what is stored of them depends on rules that may have changed.
            let is_unchanged = old.get(name) == value && !name.starts_with("due_");
            if name == "user_id" || is_unchanged || (value.is_none() && before.version == 0) {
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

    /// Builds the put of an event, on condition that it is not stored, or only past its expiry.
    fn delivery_put(
        &self,
        id: &UserId,
        event: EventRecord<'_>,
        now: Timestamp,
    ) -> Result<Put, RepositoryError> {
        let item = DeliveryItem {
            event_key: event.key.as_str(),
            user_id: id.as_str(),
            kind: event.kind,
            expires_at: now.plus(EVENT_KEPT_FOR).seconds(),
        };
        Put::builder()
            .table_name(&self.deliveries)
            .set_item(Some(to_item(&item)?))
            .condition_expression("attribute_not_exists(event_key) OR expires_at <= :now")
            .expression_attribute_values(":now", AttributeValue::N(now.seconds().to_string()))
            .build()
            .map_err(invalid_request)
    }
}

/// Reads a batch whole. What DynamoDB has no capacity for is left unprocessed, without an error: all is read again after a while.
async fn answered(
    request: BatchGetItemFluentBuilder,
) -> Result<HashMap<String, Vec<Item>>, RepositoryError> {
    const TRIES: u32 = 4;
    for attempt in 1..=TRIES {
        let response = request.clone().send().await;
        let response = response.map_err(|error| failed("BatchGetItem", error))?;
        if response.unprocessed_keys.is_none_or(|keys| keys.is_empty()) {
            return Ok(response.responses.unwrap_or_default());
        }
        if attempt < TRIES {
            let most = 50 << attempt;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..most))).await;
        }
    }
    Err(RepositoryError::Throttled)
}

impl<K: Source<Value = ErasureKey>> UserStore for Users<K> {
    async fn get(&self, id: &UserId) -> Result<Option<User>, RepositoryError> {
        let response = self
            .get_item(id)
            .send()
            .await
            .map_err(|error| failed("GetItem", error))?;
        response.item.map(read::<UserItem, _>).transpose()
    }

    async fn standing(&self, id: &UserId) -> Result<Option<Standing>, RepositoryError> {
        let request = self.get_item(id);
        let request = request.projection_expression(StandingItem::ATTRIBUTES);
        let response = request
            .expression_attribute_names("#status", "status")
            .send()
            .await
            .map_err(|error| failed("GetItem", error))?;
        response.item.map(read::<StandingItem, _>).transpose()
    }

    async fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        now: Timestamp,
    ) -> Result<Loaded, RepositoryError> {
        let event_key = AttributeValue::S(event.as_str().to_owned());
        let one = |key: Item| {
            let keys = KeysAndAttributes::builder().keys(key).consistent_read(true);
            keys.build().map_err(invalid_request)
        };
        let event = one(Item::from([("event_key".to_owned(), event_key)]))?;
        let request = self
            .client
            .batch_get_item()
            .request_items(&self.table, one(key(id))?)
            .request_items(&self.deliveries, event);
        let mut tables = answered(request).await?;
        let mut item = |table| tables.remove(table).and_then(|mut items| items.pop());
        let expiry = item(&self.deliveries).map(|event| number(&event, "expires_at"));
        Ok(Loaded {
            user: item(&self.table).map(read::<UserItem, _>).transpose()?,
            event_known: expiry.is_some_and(|expires_at| {
                expires_at.is_none_or(|expires_at| expires_at > now.seconds())
            }),
        })
    }

    async fn commit(&self, change: Commit<'_>) -> Result<User, CommitError> {
        let refused = |refusal| match refusal {
            Refusal::User | Refusal::History => CommitError::Conflict,
            Refusal::Event => CommitError::Duplicate,
        };
        let stored = match self.try_commit(&change, change.before.sequence).await {
            // The user's item was lost, while the history is still there: it goes on after its last item.
            Err(WriteError::Refused(Refusal::History)) => {
                let sequence = self.last_sequence(&change.before.id).await?;
                self.try_commit(&change, sequence).await
            }
            result => result,
        };
        stored.map_err(|error| match error {
            WriteError::Refused(refusal) => refused(refusal),
            WriteError::Failed(error) => error.into(),
        })
    }

    async fn is_erased(&self, applicant: &ErasedApplicant) -> Result<bool, RepositoryError> {
        self.erasures.contains(applicant).await
    }

    async fn due(
        &self,
        queue: Queue,
        shard: Shard,
        now: Timestamp,
        after: Option<&DueUser>,
        limit: u8,
    ) -> Result<Vec<DueUser>, RepositoryError> {
        let partition = AttributeValue::S(shard.partition(queue));
        let time = |time: Timestamp| AttributeValue::N(time.millis().to_string());
        let start = after.map(|user| {
            let mut start = key(&user.id);
            start.insert("due_in".to_owned(), partition.clone());
            start.insert("due_at".to_owned(), time(user.at));
            start
        });
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("due_in = :partition AND due_at <= :now")
            .expression_attribute_values(":partition", partition)
            .expression_attribute_values(":now", time(now))
            .set_exclusive_start_key(start)
            .limit(limit.into());
        let page = request
            .send()
            .await
            .map_err(|error| failed("Query", error))?;
        let users = page.items.unwrap_or_default().into_iter().map(|item| {
            let at = number(&item, "due_at").map(Timestamp::from_millis);
            Ok(DueUser {
                id: user_id(&item)?,
                at: at.ok_or(InvalidAttribute::Attribute("due_at"))?,
            })
        });
        users.collect()
    }
}

pub(super) fn key(id: &UserId) -> Item {
    let id = AttributeValue::S(id.as_str().to_owned());
    Item::from([("user_id".to_owned(), id)])
}

fn to_item(item: &impl Serialize) -> Result<Item, RepositoryError> {
    Ok(serde_dynamo::to_item(item).map_err(|_| InvalidAttribute::Attribute("item"))?)
}

/// Reads a `T` from the item `I`, whose attributes must all be what we write.
fn read<I, T>(item: Item) -> Result<T, RepositoryError>
where
    I: DeserializeOwned,
    T: TryFrom<I, Error = InvalidAttribute>,
{
    // The deserializer's own error would quote values.
    let item: I = serde_dynamo::from_item(item).map_err(|_| InvalidAttribute::Attribute("item"))?;
    Ok(item.try_into()?)
}
