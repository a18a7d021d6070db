//! The access that a DynamoDB request requires.

use serde_json::Value;

use super::{Access, attributes::attributes};
use crate::account::table_arn;

/// Returns the access that an operation requires: one for each part of a transaction or batch.
pub(crate) fn required_access(operation: &str, request: &Value) -> Vec<Access> {
    let action = format!("dynamodb:{operation}");
    match operation {
        "BatchGetItem" => request
            .get("RequestItems")
            .into_iter()
            .flat_map(members)
            .map(|(table, part)| access(&action, resource(table, None), part))
            .collect(),
        "TransactGetItems" | "TransactWriteItems" => request
            .get("TransactItems")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .flat_map(members)
            .map(|(kind, part)| access(&format!("dynamodb:{kind}Item"), target(part), part))
            .collect(),
        // Operations that are not understood here name no table at the top, and no statement allows `*`.
        _ => vec![access(&action, target(request), request)],
    }
}

fn access(action: &str, resource: String, request: &Value) -> Access {
    Access {
        action: action.to_owned(),
        resource,
        attributes: attributes(request),
    }
}

/// Returns the ARN of the table or index that a request names.
fn target(request: &Value) -> String {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    match text("TableName") {
        Some(table) => resource(table, text("IndexName")),
        None => "*".to_owned(),
    }
}

fn resource(table: &str, index: Option<&str>) -> String {
    // Requests may name a table by its ARN.
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

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns action, table and attributes of each required access.
    fn summary(operation: &str, request: &Value) -> Vec<String> {
        let prefix = table_arn("");
        let line = |access: Access| {
            let attributes = access.attributes.into_iter().collect::<Vec<_>>().join(",");
            let resource = access.resource.strip_prefix(&prefix).unwrap();
            format!("{} {resource} {attributes}", access.action)
        };
        required_access(operation, request)
            .into_iter()
            .map(line)
            .collect()
    }

    #[test]
    fn an_operation_on_a_table_or_index_requires_its_action() {
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
    fn each_part_of_a_transaction_requires_the_action_of_its_kind() {
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
    fn a_batch_requires_its_action_on_each_table() {
        let key = json!({ "id": { "S": "1" } });
        let reads = json!({ "RequestItems": {
            "T": { "Keys": [key], "ProjectionExpression": "a" },
            "U": { "Keys": [key] },
        } });
        assert_eq!(
            summary("BatchGetItem", &reads),
            ["dynamodb:BatchGetItem T a,id", "dynamodb:BatchGetItem U id"]
        );

        let writes = json!({ "RequestItems": { "T": [{ "DeleteRequest": { "Key": key } }] } });
        let [access] = required_access("BatchWriteItem", &writes)
            .try_into()
            .unwrap();
        assert_eq!(access.resource, "*", "it is refused");
    }
}
