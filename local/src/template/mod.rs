//! What `template.yaml` declares: functions, routes, gateway responses, tables and secrets.

mod policies;
mod read;
mod resolve;

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use crate::Error;

/// The template with all references resolved.
#[derive(Debug, Clone)]
pub struct Template {
    /// The stage of the API.
    pub stage: String,
    /// The functions.
    pub functions: Vec<Function>,
    /// The routes of the API.
    pub routes: Vec<Route>,
    /// What runs without a request.
    pub schedules: Vec<Schedule>,
    /// What the gateway answers by itself, by response type.
    pub responses: BTreeMap<String, GatewayResponse>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The names of the secrets, by logical id.
    pub secrets: BTreeMap<String, String>,
}

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its logical id.
    pub id: String,
    /// The name of the binary that it runs.
    pub binary: String,
    /// Its memory in MiB.
    pub memory_size: u32,
    /// The number of seconds after which an invocation is given up.
    pub timeout: u64,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// What it may do with tables and secrets.
    pub permissions: Vec<Permission>,
}

/// A statement of a function's policies. It allows any of its actions on any of its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The actions, such as `dynamodb:GetItem`.
    pub actions: Vec<String>,
    /// The resources: the ARN of a table or an index, the name of a secret.
    pub resources: Vec<String>,
    /// The only attributes that a request may touch, if not all.
    pub attributes: Option<Vec<String>>,
}

/// A method of a resource of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: String,
    /// The path, without the stage.
    pub path: String,
    /// The binary of the function that answers.
    pub binary: String,
}

/// A function that runs again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The binary of the function.
    pub binary: String,
    /// How much time there is between two runs.
    pub every: Duration,
}

/// A gateway response of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayResponse {
    /// The status, if it is not to be that of the response type.
    pub status: Option<u16>,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body, with `$context` variables.
    pub body: String,
}

/// A `DynamoDB` table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its logical id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The attributes that are part of a key, with their types.
    pub attributes: Vec<Attribute>,
    /// The primary key.
    pub key: Vec<Key>,
    /// The global secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute that says when an item expires.
    pub time_to_live: Option<String>,
}

/// An attribute that is part of a key.
#[derive(Debug, Clone, Deserialize)]
pub struct Attribute {
    /// Its name.
    #[serde(rename = "AttributeName")]
    pub name: String,
    /// Its type: `S`, `N` or `B`.
    #[serde(rename = "AttributeType")]
    pub kind: String,
}

/// A part of a key.
#[derive(Debug, Clone, Deserialize)]
pub struct Key {
    /// The attribute's name.
    #[serde(rename = "AttributeName")]
    pub name: String,
    /// `HASH` or `RANGE`.
    #[serde(rename = "KeyType")]
    pub kind: String,
}

/// A global secondary index.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Index {
    /// Its name.
    #[serde(rename = "IndexName")]
    pub name: String,
    /// Its key.
    #[serde(rename = "KeySchema")]
    pub key: Vec<Key>,
    /// Which attributes it holds.
    pub projection: Projection,
}

/// Which attributes an index holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Projection {
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    #[serde(rename = "ProjectionType")]
    pub kind: String,
    /// Those that are included besides the keys.
    #[serde(default)]
    pub non_key_attributes: Vec<String>,
}

impl Template {
    /// Reads a template. The overrides give parameters a value, and tables and secrets (by logical id) the name that
    /// they have where they really are; the name is the logical id otherwise.
    ///
    /// # Errors
    /// Something that this program needs to know is missing or is not understood.
    pub fn parse(text: &str, overrides: &BTreeMap<String, String>) -> Result<Self, Error> {
        read::template(text, overrides)
    }

    /// The path of the API that a binary answers.
    #[must_use]
    pub fn path(&self, binary: &str) -> Option<&str> {
        self.routes
            .iter()
            .find(|route| route.binary == binary)
            .map(|route| route.path.as_str())
    }
}

#[cfg(test)]
mod tests;
