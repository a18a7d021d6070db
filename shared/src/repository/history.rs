//! Reading the history of users, and having its events sent again.

use aws_sdk_dynamodb::types::AttributeValue;

use super::erasures::ErasureKey;
use super::item::{HistoryEntry, InvalidAttribute, Item, number, user_id};
use super::users::key;
use super::write::failed;
use super::{RepositoryError, Users};
use crate::kyc::{Timestamp, UserId};
use crate::platform::Source;

/// The place of an item in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryKey {
    /// The user whose item it is.
    pub user: UserId,
    /// The number of the item among those of the user, from 1 on.
    pub sequence: u64,
}

/// A page of the places of items.
#[derive(Debug)]
pub struct HistoryKeys {
    /// The places, those of each user in their order.
    pub keys: Vec<HistoryKey>,
    /// The last place that was looked at, if there may be more after it.
    pub next: Option<HistoryKey>,
}

impl<K: Source<Value = ErasureKey>> Users<K> {
    /// Reads at most `limit` items of a user's history, oldest first, from the item after number `after` on.
    ///
    /// # Errors
    /// [`RepositoryError`] if the table cannot be used.
    pub async fn history(
        &self,
        id: &UserId,
        after: u64,
        limit: u8,
    ) -> Result<Vec<HistoryEntry>, RepositoryError> {
        let request = self
            .client
            .query()
            .table_name(&self.history)
            .key_condition_expression("user_id = :user AND #sequence > :after")
            // A reserved word.
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":user", AttributeValue::S(id.as_str().to_owned()))
            .expression_attribute_values(":after", AttributeValue::N(after.to_string()))
            .consistent_read(true)
            .limit(limit.into());
        let response = request.send().await;
        let response = response.map_err(|error| failed("Query", error))?;
        let entries = response.items.unwrap_or_default().into_iter().map(|item| {
            // The deserializer's own error would quote values.
            let entry = serde_dynamo::from_item(item);
            Ok(entry.map_err(|_| InvalidAttribute::Attribute("history"))?)
        });
        entries.collect()
    }

    /// Lists the items that were stored from `since` on, among at most `limit` items after `after`.
    ///
    /// # Errors
    /// [`RepositoryError`] if the table cannot be used.
    pub(crate) async fn history_since(
        &self,
        since: Timestamp,
        after: Option<&HistoryKey>,
        limit: u8,
    ) -> Result<HistoryKeys, RepositoryError> {
        let since = AttributeValue::N(since.millis().to_string());
        let request = self.client.scan().table_name(&self.history);
        let request = request
            .projection_expression("user_id, #sequence")
            // A reserved word.
            .expression_attribute_names("#sequence", "sequence")
            .filter_expression("recorded_at >= :since")
            .expression_attribute_values(":since", since)
            .set_exclusive_start_key(after.map(|item| place(&item.user, item.sequence)))
            .limit(limit.into());
        let page = request
            .send()
            .await
            .map_err(|error| failed("Scan", error))?;
        let items = page.items.unwrap_or_default();
        Ok(HistoryKeys {
            keys: items.iter().map(key_in).collect::<Result<_, _>>()?,
            next: page.last_evaluated_key.as_ref().map(key_in).transpose()?,
        })
    }

    /// Has the event of an item sent again: a change of the item is a record of the table's stream, which the pipe of the template
    /// makes the same event of as at first.
    ///
    /// # Errors
    /// [`RepositoryError`] if the table cannot be used.
    pub(crate) async fn send_again(
        &self,
        item: &HistoryKey,
        now: Timestamp,
    ) -> Result<(), RepositoryError> {
        let request = self.client.update_item().table_name(&self.history);
        let request = request
            .set_key(Some(place(&item.user, item.sequence)))
            .update_expression("SET replayed_at = :now")
            .condition_expression("attribute_exists(user_id)")
            .expression_attribute_values(":now", AttributeValue::N(now.millis().to_string()));
        let answer = request.send().await;
        answer
            .map(|_| ())
            .map_err(|error| failed("UpdateItem", error))
    }

    /// Returns the number of the last item of a user's history; 0 if there is none. The numbers have no gaps, so that a few reads
    /// find the last one. A query would cost each function its code and a right, for a case that hardly ever occurs.
    pub(super) async fn last_sequence(&self, id: &UserId) -> Result<u64, RepositoryError> {
        let (mut last, mut step) = (0, 1);
        while self.has_history(id, last + step).await? {
            last += step;
            step *= 2;
        }
        while step > 1 {
            step /= 2;
            if self.has_history(id, last + step).await? {
                last += step;
            }
        }
        Ok(last)
    }

    async fn has_history(&self, id: &UserId, sequence: u64) -> Result<bool, RepositoryError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.history)
            .set_key(Some(place(id, sequence)))
            .consistent_read(true);
        let response = request.send().await;
        let response = response.map_err(|error| failed("GetItem", error))?;
        Ok(response.item.is_some())
    }
}

fn place(user: &UserId, sequence: u64) -> Item {
    let mut place = key(user);
    let sequence = AttributeValue::N(sequence.to_string());
    place.insert("sequence".to_owned(), sequence);
    place
}

fn key_in(item: &Item) -> Result<HistoryKey, InvalidAttribute> {
    let sequence = number(item, "sequence").and_then(|number| u64::try_from(number).ok());
    Ok(HistoryKey {
        user: user_id(item)?,
        sequence: sequence.ok_or(InvalidAttribute::Attribute("sequence"))?,
    })
}
