//! What the policies of a function allow.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Permission, read::from_json};
use crate::Error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with a Statement")]
struct Policy {
    #[serde(rename = "Statement")]
    statements: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Effect")]
    _effect: Effect,
    action: Texts,
    resource: Texts,
    condition: Option<Condition>,
}

#[derive(Deserialize)]
enum Effect {
    Allow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    #[serde(rename = "ForAllValues:StringEquals")]
    all_in: Values,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    #[serde(rename = "dynamodb:Attributes")]
    attributes: Texts,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts was expected")]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }

    /// As a list in which every text stands for itself only.
    fn exact(self, at: &str) -> Result<Vec<String>, Error> {
        let texts = self.into_list();
        match texts.iter().find(|text| text.contains(['*', '?'])) {
            Some(text) => Err(Error::Template(format!(
                "{at}: the wildcard in {text} is not understood"
            ))),
            None => Ok(texts),
        }
    }
}

/// The statements of all policies of a function.
pub(super) fn permissions(policies: Vec<Json>, at: &str) -> Result<Vec<Permission>, Error> {
    let mut permissions = Vec::new();
    for (index, policy) in policies.into_iter().enumerate() {
        let at = format!("{at}[{index}]");
        let policy: Policy = from_json(policy, &at)?;
        for (index, statement) in policy.statements.into_iter().enumerate() {
            permissions.push(permission(statement, &format!("{at}.Statement[{index}]"))?);
        }
    }
    Ok(permissions)
}

fn permission(statement: Json, at: &str) -> Result<Permission, Error> {
    let statement: Statement = from_json(statement, at)?;
    let condition = statement.condition;
    Ok(Permission {
        actions: statement.action.exact(at)?,
        resources: statement.resource.exact(at)?,
        attributes: condition.map(|condition| condition.all_in.attributes.into_list()),
    })
}
