//! Records of a table's stream, and what a pipe makes of them.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    Error, account,
    template::{Pipe, Table},
};

pub(super) type Item = HashMap<String, AttributeValue>;

/// A change of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Items of this partition key were put.
    Put(String),
    /// The item of this partition key and number was updated.
    Updated(String, u64),
}

/// Tells what was changed in the table of a pipe through the front of the database.
#[derive(Clone)]
pub struct Written {
    table: String,
    /// The names of its partition key and of the key that numbers its items.
    pub(super) keys: (String, String),
    changes: mpsc::UnboundedSender<Change>,
}

impl Written {
    /// Makes what tells of a pipe's table, and what receives each change.
    ///
    /// # Errors
    /// Fails if there is no such table, or if it does not have two keys.
    pub fn of(
        pipe: &Pipe,
        tables: &[Table],
    ) -> Result<(Self, mpsc::UnboundedReceiver<Change>), Error> {
        let table = tables.iter().find(|table| table.name == pipe.table);
        let Some([hash, range]) = table.map(|table| table.key.as_slice()) else {
            let table = &pipe.table;
            return Err(Error::Template(format!(
                "a pipe needs a table with two keys, not {table}"
            )));
        };
        let (changes, received) = mpsc::unbounded_channel();
        let written = Self {
            table: pipe.table.clone(),
            keys: (hash.name.clone(), range.name.clone()),
            changes,
        };
        Ok((written, received))
    }

    /// Passes a request on, and tells what it put into the table if that succeeded.
    pub(crate) async fn tap(
        State(written): State<Option<Self>>,
        request: Request,
        next: Next,
    ) -> Response {
        let Some(written) = written else {
            return next.run(request).await;
        };
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let changes = serde_json::from_slice(&body).map(|request| written.changes(&request));
        let answer = next.run(Request::from_parts(head, Body::from(body))).await;
        if answer.status().is_success() {
            for change in changes.unwrap_or_default() {
                // Fails only when nobody makes events any more.
                written.changes.send(change).ok();
            }
        }
        answer
    }

    /// Returns the changes that a request makes in the table.
    fn changes(&self, request: &Value) -> BTreeSet<Change> {
        let (hash, range) = &self.keys;
        let writes = request.get("TransactItems").and_then(Value::as_array);
        let writes = writes.into_iter().flatten();
        let writes = writes.filter_map(|write| write.get("Put").or_else(|| write.get("Update")));
        let change = |write: &Value| {
            let of = |item: &Value| Some(item.get(hash)?.get("S")?.as_str()?.to_owned());
            let is_here = write.get("TableName")?.as_str()? == self.table;
            let change = match (write.get("Item"), write.get("UpdateExpression")) {
                (Some(item), _) => Change::Put(of(item)?),
                (None, Some(_)) => {
                    let key = write.get("Key")?;
                    let number = key.get(range)?.get("N")?.as_str()?;
                    Change::Updated(of(key)?, number.parse().ok()?)
                }
                (None, None) => return None,
            };
            is_here.then_some(change)
        };
        writes.chain(Some(request)).filter_map(change).collect()
    }
}

/// Makes the record of an item that is new or was updated (Amazon DynamoDB Streams API Reference, "Record"; EventBridge User Guide, "DynamoDB stream as a source").
pub(super) fn written(table: &str, keys: [&String; 2], item: &Item, is_new: bool) -> Value {
    let image: Map<String, Value> = item
        .iter()
        .map(|(name, value)| (name.clone(), typed(value)))
        .collect();
    let keys = keys.into_iter();
    let keys = keys.filter_map(|key| Some((key.clone(), image.get(key)?.clone())));
    json!({
        "eventID": Uuid::new_v4().simple().to_string(),
        "eventName": if is_new { "INSERT" } else { "MODIFY" },
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": account::region(),
        "dynamodb": {
            "ApproximateCreationDateTime": OffsetDateTime::now_utc().unix_timestamp(),
            "Keys": keys.collect::<Map<_, _>>(),
            "NewImage": image,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": format!("{}/stream/local", account::table_arn(table)),
    })
}

/// Returns a value as DynamoDB writes it in JSON. A number is a text.
fn typed(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::L(values) => json!({ "L": values.iter().map(typed).collect::<Vec<_>>() }),
        AttributeValue::M(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (name.clone(), typed(value)));
            json!({ "M": members.collect::<Map<_, _>>() })
        }
        // Nothing here stores sets or bytes.
        _ => json!({ "NULL": true }),
    }
}

/// Returns the value at a path such as `$.dynamodb.NewImage.to.S`.
pub(super) fn at<'a>(record: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.strip_prefix("$.")?;
    path.split('.')
        .try_fold(record, |value, name| value.get(name))
}

/// Puts a record's values into an input template (EventBridge User Guide, "Amazon EventBridge Pipes input transformation").
///
/// # Errors
/// The text says which path leads nowhere, or that the result is not JSON. AWS is not that strict.
pub(super) fn transformed(template: &str, record: &Value) -> Result<Value, String> {
    let mut pieces = template.split("<$.");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (path, rest) = piece.split_once('>').ok_or("a path has no end")?;
        let value = at(record, &format!("$.{path}"));
        let value = value.ok_or_else(|| format!("$.{path} leads nowhere"))?;
        text.push_str(&value.to_string());
        text.push_str(rest);
    }
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_places_of_their_paths() {
        let record = json!({ "a": { "b": { "S": "x\"y" }, "n": { "N": "7" } } });
        let template = r#"{"text":<$.a.b.S>,"number":<$.a.n.N>,"same":"1"}"#;
        assert_eq!(
            transformed(template, &record),
            Ok(json!({ "text": "x\"y", "number": "7", "same": "1" }))
        );
        assert_eq!(
            transformed(r#"{"a":<$.a.c.S>}"#, &record),
            Err("$.a.c.S leads nowhere".to_owned())
        );
        assert!(transformed(r#"{"a":<$.a.b.S>"#, &record).is_err());
    }

    #[test]
    fn writes_of_the_table_are_told_by_their_key() {
        let (changes, _) = mpsc::unbounded_channel();
        let written = Written {
            table: "history".to_owned(),
            keys: ("user_id".to_owned(), "number".to_owned()),
            changes,
        };
        let put_of = |user: &str| BTreeSet::from([Change::Put(user.to_owned())]);
        let put = |table: &str, user: &str| json!({ "TableName": table, "Item": { "user_id": { "S": user } } });
        let transaction = json!({ "TransactItems": [{ "Put": put("history", "a") },
            { "Put": put("users", "b") }, { "Delete": { "TableName": "history" } }] });
        assert_eq!(written.changes(&transaction), put_of("a"));
        assert_eq!(written.changes(&put("history", "d")), put_of("d"));
        let update = json!({ "TableName": "history", "UpdateExpression": "SET a = :a",
            "Key": { "user_id": { "S": "e" }, "number": { "N": "7" } } });
        let updated = BTreeSet::from([Change::Updated("e".to_owned(), 7)]);
        assert_eq!(written.changes(&update), updated);
        assert!(written.changes(&json!({})).is_empty());
    }
}
