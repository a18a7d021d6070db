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

use crate::account;

pub(super) type Item = HashMap<String, AttributeValue>;

/// Tells which partition keys of a table were written through the front of the database.
#[derive(Clone)]
pub struct Written {
    /// The name of the table.
    pub table: String,
    /// The name of its partition key.
    pub key: String,
    /// Receives each key.
    pub keys: mpsc::UnboundedSender<String>,
}

impl Written {
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
        let keys = serde_json::from_slice(&body).map(|request| written.put(&request));
        let answer = next.run(Request::from_parts(head, Body::from(body))).await;
        if answer.status().is_success() {
            for key in keys.unwrap_or_default() {
                // Fails only when nobody makes events any more.
                written.keys.send(key).ok();
            }
        }
        answer
    }

    /// Returns the partition keys of the items that a request puts into the table.
    fn put(&self, request: &Value) -> BTreeSet<String> {
        let writes = request.get("TransactItems").and_then(Value::as_array);
        let puts = writes.into_iter().flatten();
        let puts = puts.filter_map(|write| write.get("Put"));
        let key = |put: &Value| {
            let table = put.get("TableName")?.as_str()?;
            let key = put.get("Item")?.get(&self.key)?.get("S")?.as_str()?;
            (table == self.table).then(|| key.to_owned())
        };
        puts.chain(Some(request)).filter_map(key).collect()
    }
}

/// Makes the record of a new item (Amazon DynamoDB Streams API Reference, "Record"; EventBridge User Guide, "DynamoDB stream as a source").
pub(super) fn inserted(table: &str, keys: [&String; 2], item: &Item) -> Value {
    let image: Map<String, Value> = item
        .iter()
        .map(|(name, value)| (name.clone(), typed(value)))
        .collect();
    let keys = keys.into_iter();
    let keys = keys.filter_map(|key| Some((key.clone(), image.get(key)?.clone())));
    json!({
        "eventID": Uuid::new_v4().simple().to_string(),
        "eventName": "INSERT",
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
        let (keys, _) = mpsc::unbounded_channel();
        let written = Written {
            table: "history".to_owned(),
            key: "user_id".to_owned(),
            keys,
        };
        let put = |table: &str, user: &str| json!({ "TableName": table, "Item": { "user_id": { "S": user } } });
        let transaction = json!({ "TransactItems": [{ "Put": put("history", "a") },
            { "Put": put("users", "b") }, { "Update": put("history", "c") }] });
        assert_eq!(written.put(&transaction), BTreeSet::from(["a".to_owned()]));
        let single = written.put(&put("history", "d"));
        assert_eq!(single, BTreeSet::from(["d".to_owned()]));
        assert!(written.put(&json!({})).is_empty());
    }
}
