//! What `template.yaml` declares: functions, routes, gateway responses, tables and secrets.

mod resolve;

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;
use yaml_serde::Value as Yaml;

use self::resolve::{Names, entries};
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
        let root: Yaml =
            yaml_serde::from_str(text).map_err(|error| Error::Template(error.to_string()))?;
        let mapping = root
            .as_mapping()
            .ok_or_else(|| Error::Template("it is not a mapping".to_owned()))?;
        let reader = Reader {
            names: Names::new(mapping, overrides)?,
            globals: at(&root, &["Globals", "Function"]),
        };
        let mut template = Self {
            stage: "live".to_owned(),
            functions: Vec::new(),
            routes: Vec::new(),
            responses: BTreeMap::new(),
            tables: Vec::new(),
            secrets: BTreeMap::new(),
        };
        for (id, resource) in entries(root.get("Resources")) {
            match resource
                .get("Type")
                .and_then(Yaml::as_str)
                .unwrap_or_default()
            {
                "AWS::Serverless::Function" => {
                    let function = reader.function(id, resource)?;
                    template
                        .routes
                        .extend(reader.routes(id, resource, &function.binary)?);
                    template.functions.push(function);
                }
                "AWS::Serverless::Api" => {
                    template.stage = reader.required(id, resource, "StageName")?;
                    template.responses = reader.responses(id, resource)?;
                }
                "AWS::Serverless::HttpApi" => {
                    return Err(Error::Template(format!(
                        "{id}: only a REST API (AWS::Serverless::Api) is understood"
                    )));
                }
                "AWS::DynamoDB::Table" => template.tables.push(reader.table(id, resource)?),
                "AWS::SecretsManager::Secret" => {
                    template
                        .secrets
                        .insert(id.to_owned(), reader.names.reference(id, id)?);
                }
                _ => {}
            }
        }
        Ok(template)
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

struct Reader<'a> {
    names: Names,
    globals: Option<&'a Yaml>,
}

impl Reader<'_> {
    /// A property of a resource or, for functions, of all of them.
    fn property<T: DeserializeOwned>(
        &self,
        id: &str,
        owner: &Yaml,
        name: &str,
    ) -> Result<Option<T>, Error> {
        let Some(value) = at(owner, &["Properties", name]) else {
            return Ok(None);
        };
        let place = format!("{id}.{name}");
        from_json(self.names.resolve(value, &place)?, &place).map(Some)
    }

    fn required<T: DeserializeOwned>(
        &self,
        id: &str,
        owner: &Yaml,
        name: &str,
    ) -> Result<T, Error> {
        self.property(id, owner, name)?
            .ok_or_else(|| Error::Template(format!("{id} has no {name}")))
    }

    fn function(&self, id: &str, resource: &Yaml) -> Result<Function, Error> {
        let binary =
            at(resource, &["Metadata", "BuildProperties", "Binary"]).and_then(Yaml::as_str);
        let number = |name: &str, default: u64| {
            let own = at(resource, &["Properties", name]);
            match own.or_else(|| self.globals?.get(name)) {
                Some(value) => {
                    whole_number(&self.names.resolve(value, id)?, &format!("{id}.{name}"))
                }
                None => Ok(default),
            }
        };
        let mut environment = BTreeMap::new();
        for owner in [self.globals, resource.get("Properties")]
            .into_iter()
            .flatten()
        {
            for (name, value) in entries(at(owner, &["Environment", "Variables"])) {
                let place = format!("{id}.Environment.{name}");
                environment.insert(
                    name.to_owned(),
                    text(&self.names.resolve(value, &place)?, &place)?,
                );
            }
        }
        Ok(Function {
            id: id.to_owned(),
            binary: binary
                .ok_or_else(|| {
                    Error::Template(format!("{id} has no Metadata.BuildProperties.Binary"))
                })?
                .to_owned(),
            memory_size: u32::try_from(number("MemorySize", 128)?).unwrap_or(u32::MAX),
            timeout: number("Timeout", 3)?,
            environment,
        })
    }

    fn routes(&self, id: &str, resource: &Yaml, binary: &str) -> Result<Vec<Route>, Error> {
        let mut routes = Vec::new();
        for (event, source) in entries(at(resource, &["Properties", "Events"])) {
            let place = format!("{id}.Events.{event}");
            match source.get("Type").and_then(Yaml::as_str) {
                Some("Api") => {}
                Some("HttpApi") => {
                    return Err(Error::Template(format!(
                        "{place}: only events of type Api are understood"
                    )));
                }
                // A schedule, a queue: nothing that the gateway would route.
                _ => continue,
            }
            let method: String = self.required(&place, source, "Method")?;
            let path: String = self.required(&place, source, "Path")?;
            if path.contains('{') || method.eq_ignore_ascii_case("any") {
                return Err(Error::Template(format!(
                    "{place}: only a fixed method and path are understood"
                )));
            }
            routes.push(Route {
                method: method.to_uppercase(),
                path,
                binary: binary.to_owned(),
            });
        }
        Ok(routes)
    }

    fn responses(
        &self,
        id: &str,
        resource: &Yaml,
    ) -> Result<BTreeMap<String, GatewayResponse>, Error> {
        let mut responses = BTreeMap::new();
        for (kind, response) in entries(at(resource, &["Properties", "GatewayResponses"])) {
            let place = format!("{id}.GatewayResponses.{kind}");
            let status = match response.get("StatusCode") {
                Some(status) => Some(whole_number(&self.names.resolve(status, &place)?, &place)?),
                None => None,
            };
            let mut headers = BTreeMap::new();
            for (name, value) in entries(at(response, &["ResponseParameters", "Headers"])) {
                let place = format!("{place}.{name}");
                let value = text(&self.names.resolve(value, &place)?, &place)?;
                let literal = value
                    .strip_prefix('\'')
                    .and_then(|value| value.strip_suffix('\''));
                let literal = literal.ok_or_else(|| {
                    Error::Template(format!("{place}: only 'literals' are understood"))
                })?;
                headers.insert(name.to_owned(), literal.to_owned());
            }
            let body = at(response, &["ResponseTemplates", "application/json"]);
            let body = body.ok_or_else(|| {
                Error::Template(format!("{place} has no template for application/json"))
            })?;
            let body = text(&self.names.resolve(body, &place)?, &place)?;
            let rest = body
                .replace("$context.path", "")
                .replace("$context.requestId", "");
            if rest.contains('$') {
                return Err(Error::Template(format!(
                    "{place}: only $context.path and $context.requestId are understood"
                )));
            }
            let status = status.map(|status| {
                let status = u16::try_from(status)
                    .ok()
                    .filter(|status| (200..600).contains(status));
                status.ok_or_else(|| Error::Template(format!("{place}: the status is impossible")))
            });
            responses.insert(
                kind.to_owned(),
                GatewayResponse {
                    status: status.transpose()?,
                    headers,
                    body,
                },
            );
        }
        Ok(responses)
    }

    fn table(&self, id: &str, resource: &Yaml) -> Result<Table, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct TimeToLive {
            attribute_name: String,
            enabled: bool,
        }
        if at(resource, &["Properties", "LocalSecondaryIndexes"]).is_some() {
            return Err(Error::Template(format!(
                "{id}: local secondary indexes are not understood"
            )));
        }
        let time_to_live: Option<TimeToLive> =
            self.property(id, resource, "TimeToLiveSpecification")?;
        Ok(Table {
            id: id.to_owned(),
            name: self.names.reference(id, id)?,
            attributes: self.required(id, resource, "AttributeDefinitions")?,
            key: self.required(id, resource, "KeySchema")?,
            indexes: self
                .property(id, resource, "GlobalSecondaryIndexes")?
                .unwrap_or_default(),
            time_to_live: time_to_live
                .filter(|ttl| ttl.enabled)
                .map(|ttl| ttl.attribute_name),
        })
    }
}

fn at<'a>(value: &'a Yaml, path: &[&str]) -> Option<&'a Yaml> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn from_json<T: DeserializeOwned>(value: Json, at: &str) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Template(format!("{at}: {error}")))
}

fn text(value: &Json, at: &str) -> Result<String, Error> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(_) | Json::Bool(_) => Ok(value.to_string()),
        _ => Err(Error::Template(format!("{at}: a text was expected"))),
    }
}

fn whole_number(value: &Json, at: &str) -> Result<u64, Error> {
    let number = text(value, at)?.parse();
    number.map_err(|_| Error::Template(format!("{at}: a whole number was expected")))
}

#[cfg(test)]
mod tests;
