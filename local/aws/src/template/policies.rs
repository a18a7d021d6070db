//! The policies of functions.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Statement, resolve::from_json};
use crate::Error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with a Statement")]
struct Policy {
    #[serde(rename = "Statement")]
    statements: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Declared {
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
pub(crate) enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    pub(crate) fn into_list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }

    /// Returns a list of texts without wildcards.
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

/// Reads the statements of all policies of a function.
pub(super) fn statements(policies: Vec<Json>, at: &str) -> Result<Vec<Statement>, Error> {
    let mut statements = Vec::new();
    for (index, policy) in policies.into_iter().enumerate() {
        let at = format!("{at}[{index}]");
        let policy: Policy = from_json(policy, &at)?;
        for (index, statement) in policy.statements.into_iter().enumerate() {
            statements.push(read(statement, &format!("{at}.Statement[{index}]"))?);
        }
    }
    Ok(statements)
}

fn read(statement: Json, at: &str) -> Result<Statement, Error> {
    let declared: Declared = from_json(statement, at)?;
    let condition = declared.condition;
    Ok(Statement {
        actions: declared.action.exact(at)?,
        resources: declared.resource.exact(at)?,
        attributes: condition.map(|condition| condition.all_in.attributes.into_list()),
    })
}
