//! Which permissions a request of `DynamoDB` needs.

use serde_json::Value;

use super::{Need, attributes::attributes};
use crate::aws::table_arn;

/// The needs of an operation. A transaction and a batch have one for each of their parts.
pub(crate) fn needs(operation: &str, request: &Value) -> Vec<Need> {
    let action = format!("dynamodb:{operation}");
    match operation {
        "BatchGetItem" => batch(request)
            .map(|(table, part)| need(&action, resource(table, None), part))
            .collect(),
        "BatchWriteItem" => batch(request)
            .flat_map(|(table, writes)| {
                // An operation as a member, as in a transaction: {"PutRequest": {"Item": …}}.
                let writes = writes.as_array().into_iter().flatten().flat_map(members);
                writes.map(|(_, write)| need(&action, resource(table, None), write))
            })
            .collect(),
        "TransactGetItems" | "TransactWriteItems" => request
            .get("TransactItems")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .flat_map(members)
            .map(|(kind, part)| need(&format!("dynamodb:{kind}Item"), target(part), part))
            .collect(),
        _ => vec![need(&action, target(request), request)],
    }
}

fn need(action: &str, resource: String, request: &Value) -> Need {
    Need {
        action: action.to_owned(),
        resource,
        attributes: attributes(request),
    }
}

/// The table or index that a request names.
fn target(request: &Value) -> String {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    match text("TableName") {
        Some(table) => resource(table, text("IndexName")),
        None => "*".to_owned(),
    }
}

fn resource(table: &str, index: Option<&str>) -> String {
    // A table may be named by its ARN.
    let arn = if table.starts_with("arn:") {
        table.to_owned()
    } else {
        table_arn(table)
    };
    match index {
        Some(index) => format!("{arn}/index/{index}"),
        None => arn,
    }
}

/// The parts of a batch, by table.
fn batch(request: &Value) -> impl Iterator<Item = (&str, &Value)> {
    request.get("RequestItems").into_iter().flat_map(members)
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Action, resource without what all ARNs begin with, and attributes of every need.
    fn summary(operation: &str, request: &Value) -> Vec<String> {
        let prefix = table_arn("");
        let line = |need: Need| {
            let attributes = need.attributes.into_iter().collect::<Vec<_>>().join(",");
            let resource = need.resource.strip_prefix(&prefix).unwrap();
            format!("{} {resource} {attributes}", need.action)
        };
        needs(operation, request).into_iter().map(line).collect()
    }

    #[test]
    fn an_operation_on_a_table_or_an_index_needs_its_own_action() {
        let key = json!({ "id": { "S": "1" } });
        assert_eq!(
            summary("GetItem", &json!({ "TableName": "T", "Key": key })),
            ["dynamodb:GetItem T id"]
        );
        assert_eq!(
            summary(
                "Query",
                &json!({ "TableName": "T", "IndexName": "I", "KeyConditionExpression": "due < :now" })
            ),
            ["dynamodb:Query T/index/I due"]
        );
        assert_eq!(
            summary("DescribeTable", &json!({ "TableName": table_arn("T") })),
            ["dynamodb:DescribeTable T "]
        );
    }

    #[test]
    fn every_part_of_a_transaction_needs_the_action_of_its_kind() {
        let key = json!({ "id": { "S": "1" } });
        let writes = json!({ "TransactItems": [
            { "Put": { "TableName": "T", "Item": { "id": { "S": "1" }, "a": { "S": "x" } } } },
            { "Update": { "TableName": "T", "Key": key, "UpdateExpression": "SET b = :b" } },
            { "Delete": { "TableName": "U", "Key": key } },
            { "ConditionCheck": { "TableName": "U", "Key": key, "ConditionExpression": "attribute_exists(c)" } },
        ] });
        let expected = [
            "dynamodb:PutItem T a,id",
            "dynamodb:UpdateItem T b,id",
            "dynamodb:DeleteItem U id",
            "dynamodb:ConditionCheckItem U c,id",
        ];
        assert_eq!(summary("TransactWriteItems", &writes), expected);

        let reads = json!({ "TransactItems": [{ "Get": { "TableName": "T", "Key": key } }] });
        assert_eq!(
            summary("TransactGetItems", &reads),
            ["dynamodb:GetItem T id"]
        );
    }

    #[test]
    fn a_batch_needs_its_action_on_every_table() {
        let key = json!({ "id": { "S": "1" } });
        let reads = json!({ "RequestItems": {
            "T": { "Keys": [key], "ProjectionExpression": "a" },
            "U": { "Keys": [key] },
        } });
        assert_eq!(
            summary("BatchGetItem", &reads),
            ["dynamodb:BatchGetItem T a,id", "dynamodb:BatchGetItem U id"]
        );

        let writes = json!({ "RequestItems": { "T": [
            { "PutRequest": { "Item": { "id": { "S": "1" }, "a": { "S": "x" } } } },
            { "DeleteRequest": { "Key": key } },
        ] } });
        assert_eq!(
            summary("BatchWriteItem", &writes),
            [
                "dynamodb:BatchWriteItem T a,id",
                "dynamodb:BatchWriteItem T id"
            ]
        );
    }
}
