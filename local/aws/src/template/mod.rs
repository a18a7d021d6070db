//! The resources of a SAM template: functions, routes, schedules, gateway responses, tables and secrets.

mod authorizers;
mod policies;
mod read;
mod resolve;

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use crate::Error;

pub(crate) use self::policies::Texts;

/// The resources of a template, with all references resolved.
#[derive(Debug, Clone)]
pub struct Template {
    /// The API whose requests need no signature.
    pub api: Api,
    /// The API whose requests IAM authorizes.
    pub signed_api: Option<Api>,
    /// The APIs whose requests a Lambda authorizer authorizes.
    pub authorized_apis: Vec<Api>,
    /// The functions of the template.
    pub functions: Vec<FunctionResource>,
    /// The functions that run at intervals.
    pub schedules: Vec<Schedule>,
    /// The tables of the template.
    pub tables: Vec<Table>,
    /// The pipe from a table's stream to an event bus.
    pub pipe: Option<Pipe>,
    /// The names of the secrets, by logical id.
    pub secrets: BTreeMap<String, String>,
}

/// An `AWS::Serverless::Api` or `AWS::Serverless::HttpApi`.
#[derive(Debug, Clone, Default)]
pub struct Api {
    /// The logical id.
    pub id: String,
    /// The kind, which decides on the form of events and errors.
    pub kind: ApiKind,
    /// The Lambda authorizer of all routes.
    pub authorizer: Option<Authorizer>,
    /// The stage.
    pub stage: String,
    /// The routes.
    pub routes: Vec<Route>,
    /// The responses of the gateway itself, by response type.
    pub responses: BTreeMap<String, GatewayResponse>,
}

/// A kind of API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ApiKind {
    /// `AWS::Serverless::Api`.
    #[default]
    Rest,
    /// `AWS::Serverless::HttpApi`. Its functions and its authorizer get payloads of version 2.0.
    Http,
}

/// A Lambda authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorizer {
    /// The binary of the function.
    pub binary: String,
    /// The payload of a REST API's authorizer is the token alone (`TOKEN`), not the request (`REQUEST`).
    pub token_only: bool,
    /// The headers by which callers identify themselves.
    pub headers: Vec<String>,
    /// The time for which an answer counts for all requests of the same identity. Zero: for no further request.
    pub reauthorize_every: Duration,
}

/// An `AWS::Serverless::Function`.
#[derive(Debug, Clone)]
pub struct FunctionResource {
    /// The name of the binary that it runs.
    pub binary: String,
    /// The memory in MiB.
    pub memory_size: u32,
    /// The longest time that an invocation may take.
    pub timeout: Duration,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// The statements of its policies.
    pub statements: Vec<Statement>,
}

/// A statement of a function's policies. It allows any of its actions on any of its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The actions, such as `dynamodb:GetItem`.
    pub actions: Vec<String>,
    /// The resources: ARNs of tables and indexes, names of secrets.
    pub resources: Vec<String>,
    /// The attributes that a request may touch, unless all.
    pub attributes: Option<Vec<String>>,
}

/// A route of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: String,
    /// The path, without the stage. Segments such as `{id}` are parameters.
    pub path: String,
    /// The binary of the function behind it.
    pub binary: String,
}

/// A function that runs at intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The binary of the function.
    pub binary: String,
    /// The time between two runs.
    pub every: Duration,
}

/// A response of the gateway itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayResponse {
    /// The status, unless that of the response type.
    pub status: Option<u16>,
    /// The headers, by name.
    pub headers: BTreeMap<String, String>,
    /// The body, with `$context` variables.
    pub body: String,
}

/// A pipe that makes events of a table's changes.
#[derive(Debug, Clone)]
pub struct Pipe {
    /// The name of the table.
    pub table: String,
    /// The filter: a record passes if one of these patterns matches, or if there is none.
    pub patterns: Vec<Value>,
    /// The `source` of the events.
    pub source: String,
    /// The `detail-type` of the events: a path in the record, such as `$.dynamodb.NewImage.event.S`, or a text.
    pub detail_type: String,
    /// The template of the `detail` of the events.
    pub input_template: String,
}

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The logical id.
    pub id: String,
    /// The name in AWS.
    pub name: String,
    /// The types of the attributes that are part of a key.
    pub attributes: Vec<Attribute>,
    /// The primary key.
    pub key: Vec<Key>,
    /// The global secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute with the time at which an item expires.
    pub time_to_live: Option<String>,
}

/// An attribute that is part of a key.
#[derive(Debug, Clone, Deserialize)]
pub struct Attribute {
    /// The name in AWS.
    #[serde(rename = "AttributeName")]
    pub name: String,
    /// The type: `S`, `N` or `B`.
    #[serde(rename = "AttributeType")]
    pub kind: String,
}

/// A part of a key.
#[derive(Debug, Clone, Deserialize)]
pub struct Key {
    /// The name of the attribute.
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
    /// The name in AWS.
    #[serde(rename = "IndexName")]
    pub name: String,
    /// The key of the index.
    #[serde(rename = "KeySchema")]
    pub key: Vec<Key>,
    /// The attributes in the index.
    pub projection: Projection,
}

/// The attributes in an index.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Projection {
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    #[serde(rename = "ProjectionType")]
    pub kind: String,
    /// The attributes included besides the keys.
    #[serde(default)]
    pub non_key_attributes: Vec<String>,
}

impl Template {
    /// Reads a template. The overrides set the values of parameters, and the names of tables and secrets by logical id. A name
    /// is the logical id otherwise.
    ///
    /// # Errors
    /// Fails if a property is missing or not supported. The message says where.
    pub fn parse(text: &str, overrides: &BTreeMap<String, String>) -> Result<Self, Error> {
        read::template(text, overrides)
    }

    /// Adds another stack: functions behind APIs that have a Lambda authorizer.
    ///
    /// # Errors
    /// Fails if the other template declares anything else, or the same binary.
    pub fn add(&mut self, other: Self) -> Result<(), Error> {
        let Self {
            api,
            signed_api,
            authorized_apis,
            functions,
            schedules,
            tables,
            pipe,
            secrets,
        } = other;
        let binaries = || self.functions.iter().map(|function| &function.binary);
        let own = |function: &&FunctionResource| binaries().any(|own| *own == function.binary);
        if let Some(function) = functions.iter().find(own) {
            let message = format!("the binary {} is in both stacks", function.binary);
            return Err(Error::Template(message));
        }
        if !api.id.is_empty()
            || !api.routes.is_empty()
            || signed_api.is_some()
            || !schedules.is_empty()
            || !tables.is_empty()
            || pipe.is_some()
            || !secrets.is_empty()
        {
            return Err(Error::Template(
                "of another stack, only functions and APIs with a Lambda authorizer are understood"
                    .to_owned(),
            ));
        }
        self.functions.extend(functions);
        self.authorized_apis.extend(authorized_apis);
        Ok(())
    }

    /// Returns the path of the first route to a binary.
    #[must_use]
    pub fn path(&self, binary: &str) -> Option<&str> {
        self.api
            .routes
            .iter()
            .find(|route| route.binary == binary)
            .map(|route| route.path.as_str())
    }
}

#[cfg(test)]
mod tests;
