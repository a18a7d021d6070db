//! The attributes that a DynamoDB request touches, for conditions on `dynamodb:Attributes`.

use std::collections::BTreeSet;

use serde_json::Value;

/// The words of expressions that are no attributes.
const KEYWORDS: [&str; 9] = [
    "ADD", "AND", "BETWEEN", "DELETE", "IN", "NOT", "OR", "REMOVE", "SET",
];

/// Returns the top-level attributes in an operation on one table, or in a part of a batch or transaction. Does not read the
/// members that expressions have replaced, such as `AttributeUpdates`.
pub(super) fn attributes(request: &Value) -> BTreeSet<String> {
    let mut attributes = BTreeSet::new();
    let members = request.as_object().into_iter().flatten();
    for (name, value) in members {
        if name.ends_with("Expression") {
            let names = paths(value.as_str().unwrap_or_default());
            attributes.extend(names.map(|name| resolve(name, request).to_owned()));
        } else if ["Item", "Key"].contains(&name.as_str()) {
            attributes.extend(keys(value));
        } else if name == "Keys" {
            attributes.extend(value.as_array().into_iter().flatten().flat_map(keys));
        }
    }
    attributes
}

fn keys(value: &Value) -> impl Iterator<Item = String> {
    value
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().cloned())
}

/// Returns the attribute that a name in an expression stands for. Returns an undefined placeholder as it is, because no
/// statement allows it.
fn resolve<'a>(name: &'a str, request: &'a Value) -> &'a str {
    let names = request.get("ExpressionAttributeNames");
    let resolved = names
        .and_then(|names| names.get(name))
        .and_then(Value::as_str);
    resolved.unwrap_or(name)
}

/// Returns the first name of each path in an expression.
fn paths(expression: &str) -> impl Iterator<Item = &str> {
    let mut rest = expression;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|first| is_name(first) || first == '#' || first == ':')?;
            let (before, at_word) = rest.split_at_checked(start)?;
            let mut end = at_word.char_indices().skip(1);
            let end = end.find(|(_, character)| !is_name(*character));
            let end = end.map_or(at_word.len(), |(end, _)| end);
            let (word, after) = at_word.split_at_checked(end)?;
            rest = after;
            let nested = before.trim_end().ends_with('.');
            let value = word.starts_with(|first: char| first == ':' || first.is_ascii_digit());
            let function = after.trim_start().starts_with('(');
            let keyword = KEYWORDS
                .iter()
                .any(|keyword| word.eq_ignore_ascii_case(keyword));
            if !(nested || value || function || keyword) {
                return Some(word);
            }
        }
    })
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn touched(request: &Value) -> Vec<String> {
        attributes(request).into_iter().collect()
    }

    fn named(expression: &str) -> Vec<String> {
        touched(&json!({
            "ConditionExpression": expression,
            "ExpressionAttributeNames": { "#n": "name", "#s": "status", "#d": "a.b" },
        }))
    }

    #[test]
    fn members_of_items_and_keys_are_attributes() {
        let text = json!({ "S": "x" });
        let item = json!({ "id": text, "map": { "M": { "inner": text } } });
        assert_eq!(
            touched(&json!({ "TableName": "T", "Item": item })),
            ["id", "map"]
        );
        assert_eq!(
            touched(&json!({ "Key": { "id": text, "sk": text } })),
            ["id", "sk"]
        );
        assert_eq!(
            touched(&json!({ "Keys": [{ "a": text }, { "b": text }] })),
            ["a", "b"]
        );
    }

    #[test]
    fn values_are_no_attributes() {
        let values = json!({ ":v": { "S": "a" } });
        assert!(
            touched(&json!({ "TableName": "T", "ExpressionAttributeValues": values })).is_empty()
        );
    }

    #[test]
    fn conditions_name_attributes() {
        assert_eq!(named("version = :version"), ["version"]);
        assert_eq!(named("attribute_not_exists(user_id)"), ["user_id"]);
        assert_eq!(
            named("attribute_exists (a) and NOT (b IN(:x, :y) Or size(c)>:n)"),
            ["a", "b", "c"]
        );
        assert_eq!(
            named("a BETWEEN b AND :c AND begins_with(d,:d)"),
            ["a", "b", "d"]
        );
        assert_eq!(named("a<b AND c=:c OR NOT#n=:n"), ["a", "b", "c", "name"]);
        assert!(named("").is_empty());
    }

    #[test]
    fn placeholders_are_resolved() {
        assert_eq!(
            named("#n = :n AND attribute_exists(#s)"),
            ["name", "status"]
        );
        assert_eq!(named("#d = :d"), ["a.b"]);
        assert_eq!(named("#unknown = :n"), ["#unknown"]);
    }

    #[test]
    fn only_the_first_name_of_a_path_counts() {
        assert_eq!(
            named("a.b.#n = c [0] . d AND list[12].x = :x"),
            ["a", "c", "list"]
        );
    }

    #[test]
    fn updates_and_projections_name_attributes() {
        let request = json!({
            "UpdateExpression": "SET a = if_not_exists(b, :zero) + :one, #n = list_append(c, :l) REMOVE d, e[1] ADD f :f DELETE g :g",
            "ProjectionExpression": "h,i.j, #s",
            "FilterExpression": "contains(k, :k)",
            "KeyConditionExpression": "l = :l AND m <= :m",
            "ExpressionAttributeNames": { "#n": "name", "#s": "status" },
        });
        assert_eq!(
            touched(&request),
            [
                "a", "b", "c", "d", "e", "f", "g", "h", "i", "k", "l", "m", "name", "status"
            ]
        );
    }
}
