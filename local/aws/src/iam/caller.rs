//! The policies of those who call APIs.

use serde::{Deserialize, Deserializer};

use crate::template::Texts;

/// A policy document: what is denied is denied, of the rest only what is allowed is allowed (IAM User Guide, "Policy evaluation
/// logic").
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CallerPolicy {
    #[serde(rename = "Version")]
    _version: String,
    statement: Vec<CallerStatement>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CallerStatement {
    effect: Effect,
    #[serde(deserialize_with = "texts")]
    action: Vec<String>,
    #[serde(deserialize_with = "texts")]
    resource: Vec<String>,
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Texts::deserialize(deserializer).map(Texts::into_list)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

impl CallerPolicy {
    /// Returns whether the policy allows an action on a resource.
    pub(crate) fn allows(&self, action: &str, resource: &str) -> bool {
        self.has(Effect::Allow, action, resource) && !self.denies(action, resource)
    }

    /// Returns whether the policy denies an action on a resource, whatever else it says.
    pub(crate) fn denies(&self, action: &str, resource: &str) -> bool {
        self.has(Effect::Deny, action, resource)
    }

    fn has(&self, effect: Effect, action: &str, resource: &str) -> bool {
        self.statement.iter().any(|statement| {
            let is_one = |patterns: &[String], text| {
                let mut patterns = patterns.iter();
                patterns.any(|pattern| matches(pattern, text))
            };
            statement.effect == effect
                && is_one(&statement.action, action)
                && is_one(&statement.resource, resource)
        })
    }
}

/// Returns whether a text is of a pattern, in which each `*` stands for any characters, slashes among them.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let ends = text
        .char_indices()
        .map(|(index, _)| index)
        .chain([text.len()]);
    ends.filter_map(|index| text.get(index..))
        .any(|tail| matches(rest, tail))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_star_spans_slashes_and_a_denial_wins() {
        let policy: CallerPolicy = serde_json::from_str(
            r#"{"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "a", "Resource": ["x:*/GET/users/*"]},
                {"Effect": "Deny", "Action": "a", "Resource": ["*/name"]}]}"#,
        )
        .unwrap();
        assert!(policy.allows("a", "x:1/live/GET/users/u"));
        assert!(policy.allows("a", "x:1/live/GET/users/u/history"));
        assert!(!policy.allows("a", "x:1/live/GET/users/u/name"));
        assert!(!policy.allows("a", "x:1/live/POST/users/u"));
        assert!(!policy.allows("b", "x:1/live/GET/users/u"));
        assert!(matches("a*", "a") && !matches("a*b", "a"));
        assert!(policy.denies("a", "x:1/live/GET/users/u/name"));
        assert!(!policy.denies("a", "x:1/live/POST/users/u"));
    }
}
