//! From the text of a template to what it declares.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;
use yaml_serde::Value as Yaml;

use super::{
    Function, GatewayResponse, Route, Schedule, Table, Template, policies,
    resolve::{Names, entries},
};
use crate::Error;

pub(super) fn template(
    text: &str,
    overrides: &BTreeMap<String, String>,
) -> Result<Template, Error> {
    let root: Yaml =
        yaml_serde::from_str(text).map_err(|error| Error::Template(error.to_string()))?;
    let mapping = root
        .as_mapping()
        .ok_or_else(|| Error::Template("it is not a mapping".to_owned()))?;
    let reader = Reader {
        names: Names::new(mapping, overrides)?,
        globals: at(&root, &["Globals", "Function"]),
    };
    let mut template = Template {
        stage: "live".to_owned(),
        functions: Vec::new(),
        routes: Vec::new(),
        schedules: Vec::new(),
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
                template
                    .schedules
                    .extend(reader.schedules(id, resource, &function.binary)?);
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
            permissions: policies::permissions(
                self.property(id, resource, "Policies")?.unwrap_or_default(),
                &format!("{id}.Policies"),
            )?,
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

    /// What a function is invoked for without a request.
    fn schedules(&self, id: &str, resource: &Yaml, binary: &str) -> Result<Vec<Schedule>, Error> {
        let mut schedules = Vec::new();
        for (event, source) in entries(at(resource, &["Properties", "Events"])) {
            if source.get("Type").and_then(Yaml::as_str) != Some("Schedule") {
                continue;
            }
            let place = format!("{id}.Events.{event}");
            let expression: String = self.required(&place, source, "Schedule")?;
            schedules.push(Schedule {
                binary: binary.to_owned(),
                every: rate(&expression).ok_or_else(|| {
                    Error::Template(format!("{place}: only rate(…) is understood"))
                })?,
            });
        }
        Ok(schedules)
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

pub(super) fn from_json<T: DeserializeOwned>(value: Json, at: &str) -> Result<T, Error> {
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

/// The interval that a rate expression names, such as `rate(5 minutes)`.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let number = number.parse().ok()?;
    match unit.trim_end_matches('s') {
        "minute" => Some(Duration::from_mins(number)),
        "hour" => Some(Duration::from_hours(number)),
        "day" => Some(Duration::from_hours(24 * number)),
        _ => None,
    }
}
