//! Event patterns (EventBridge User Guide, "Event patterns"), as far as lists of values go.

use serde_json::Value;

/// Returns whether a record passes a filter: one of its patterns matches, or there is none.
pub(super) fn passes(patterns: &[Value], record: &Value) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, record))
}

/// Returns whether each member of a pattern is met: a list by one of its values, an object by what it holds.
fn matches(pattern: &Value, value: &Value) -> bool {
    match pattern {
        Value::Object(members) => members
            .iter()
            .all(|(name, pattern)| value.get(name).is_some_and(|value| matches(pattern, value))),
        Value::Array(values) => values.contains(value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_of_the_values_is_enough_and_all_members_are_needed() {
        let record = json!({ "eventName": "INSERT", "dynamodb": { "NewImage": { "to": { "S": "approved" } } } });
        let to = |status: &str| json!({ "dynamodb": { "NewImage": { "to": { "S": [status] } } } });
        assert!(passes(&[], &record));
        assert!(passes(
            &[json!({ "eventName": ["MODIFY", "INSERT"] })],
            &record
        ));
        assert!(passes(&[to("rejected"), to("approved")], &record));
        assert!(!passes(&[json!({ "eventName": ["REMOVE"] })], &record));
        let mut both = to("approved");
        both["eventName"] = json!(["REMOVE"]);
        assert!(!passes(&[both], &record));
        assert!(
            !passes(&[json!({ "eventName": "INSERT" })], &record),
            "no pattern"
        );
    }
}
