//! Reads the resources of a template.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;
use yaml_serde::Value as Yaml;

use super::{
    Api, ApiKind, FunctionResource, GatewayResponse, Pipe, Route, Schedule, Table, Template,
    authorizers::{self, Auth},
    policies,
    resolve::{Names, entries, from_json},
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
        resources: root.get("Resources"),
    };
    let mut template = Template {
        api: Api::default(),
        signed_api: None,
        authorized_apis: Vec::new(),
        functions: Vec::new(),
        schedules: Vec::new(),
        tables: Vec::new(),
        pipe: None,
        secrets: BTreeMap::new(),
    };
    for (id, resource) in entries(root.get("Resources")) {
        match resource.get("Type").and_then(Yaml::as_str) {
            Some("AWS::Serverless::Api") => reader.api(id, resource, &mut template)?,
            Some("AWS::Serverless::HttpApi") => {
                template
                    .authorized_apis
                    .push(reader.http_api(id, resource)?);
            }
            _ => {}
        }
    }
    for (id, resource) in entries(root.get("Resources")) {
        let kind = resource.get("Type").and_then(Yaml::as_str);
        match kind.unwrap_or_default() {
            "AWS::Serverless::Function" => {
                let function = reader.function(id, resource)?;
                reader.events(id, resource, &function.binary, &mut template)?;
                template.functions.push(function);
            }
            "AWS::DynamoDB::Table" => template.tables.push(reader.table(id, resource)?),
            "AWS::Pipes::Pipe" => {
                let other = template.pipe.replace(reader.pipe(id, resource)?);
                if other.is_some() {
                    return Err(wrong(id, "only one pipe is understood"));
                }
            }
            "AWS::SecretsManager::Secret" => {
                let name = reader.names.reference(id, id)?;
                template.secrets.insert(id.to_owned(), name);
            }
            _ => {}
        }
    }
    Ok(template)
}

struct Reader<'a> {
    names: Names,
    /// The properties that all functions share.
    globals: Option<&'a Yaml>,
    resources: Option<&'a Yaml>,
}

impl Reader<'_> {
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

    fn api(&self, id: &str, resource: &Yaml, template: &mut Template) -> Result<(), Error> {
        let mut api = Api {
            id: id.to_owned(),
            kind: ApiKind::Rest,
            authorizer: None,
            stage: self.required(id, resource, "StageName")?,
            routes: Vec::new(),
            responses: self.responses(id, resource)?,
        };
        let auth = at(resource, &["Properties", "Auth"]);
        if auth.is_some_and(|auth| auth.get("Authorizers").is_some()) {
            let auth: Auth = self.required(id, resource, "Auth")?;
            api.authorizer = Some(authorizers::rest(auth, id, |arn| self.binary(arn))?);
            template.authorized_apis.push(api);
            return Ok(());
        }
        match at(resource, &["Properties", "Auth", "DefaultAuthorizer"]).map(Yaml::as_str) {
            None if template.api.id.is_empty() => template.api = api,
            Some(Some("AWS_IAM")) if template.signed_api.is_none() => {
                template.signed_api = Some(api);
            }
            _ => {
                return Err(wrong(
                    id,
                    "only one API without an authorizer is understood, and one with AWS_IAM",
                ));
            }
        }
        Ok(())
    }

    fn http_api(&self, id: &str, resource: &Yaml) -> Result<Api, Error> {
        let mut properties = entries(resource.get("Properties")).map(|(name, _)| name);
        if let Some(other) = properties.find(|name| *name != "Auth") {
            return Err(wrong(
                id,
                &format!("{other} of an HTTP API is not understood"),
            ));
        }
        let auth: Auth = self.required(id, resource, "Auth")?;
        Ok(Api {
            id: id.to_owned(),
            kind: ApiKind::Http,
            authorizer: Some(authorizers::http(auth, id, |arn| self.binary(arn))?),
            stage: "$default".to_owned(),
            routes: Vec::new(),
            responses: BTreeMap::new(),
        })
    }

    /// Returns the binary of the function with this ARN. The local name of a function of another stack is its binary.
    fn binary(&self, arn: &str) -> Option<String> {
        let (_, name) = arn.split_once(":function:")?;
        let name = name.split(':').next()?;
        let own = self.resources.and_then(|resources| resources.get(name));
        match own {
            Some(own) => Some(binary(own)?.to_owned()),
            None => Some(name.to_owned()),
        }
    }

    fn function(&self, id: &str, resource: &Yaml) -> Result<FunctionResource, Error> {
        let binary = binary(resource).ok_or_else(|| {
            Error::Template(format!("{id} has no Metadata.BuildProperties.Binary"))
        })?;
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
        let owners = [self.globals, resource.get("Properties")];
        for owner in owners.into_iter().flatten() {
            for (name, value) in entries(at(owner, &["Environment", "Variables"])) {
                let place = format!("{id}.Environment.{name}");
                let value = text(&self.names.resolve(value, &place)?, &place)?;
                environment.insert(name.to_owned(), value);
            }
        }
        let policies = self.property(id, resource, "Policies")?;
        Ok(FunctionResource {
            binary: binary.to_owned(),
            memory_size: u32::try_from(number("MemorySize", 128)?).unwrap_or(u32::MAX),
            timeout: Duration::from_secs(number("Timeout", 3)?),
            environment,
            statements: policies::statements(
                policies.unwrap_or_default(),
                &format!("{id}.Policies"),
            )?,
        })
    }

    /// Reads the routes and schedules that invoke a function.
    fn events(
        &self,
        id: &str,
        resource: &Yaml,
        binary: &str,
        template: &mut Template,
    ) -> Result<(), Error> {
        for (event, source) in entries(at(resource, &["Properties", "Events"])) {
            let place = format!("{id}.Events.{event}");
            match source.get("Type").and_then(Yaml::as_str) {
                Some(kind @ ("Api" | "HttpApi")) => {
                    let method: String = self.required(&place, source, "Method")?;
                    let path: String = self.required(&place, source, "Path")?;
                    if path.contains('+')
                        || path == "$default"
                        || ["any", "*"].contains(&&*method.to_lowercase())
                    {
                        return Err(wrong(
                            &place,
                            "only a fixed method and no greedy path are understood",
                        ));
                    }
                    let known = ["ApiId", "RestApiId", "Method", "Path"];
                    let mut properties = entries(source.get("Properties")).map(|(name, _)| name);
                    if let Some(other) = properties.find(|name| !known.contains(name)) {
                        return Err(wrong(&place, &format!("{other} is not understood")));
                    }
                    let reference = if kind == "Api" { "RestApiId" } else { "ApiId" };
                    let api: Option<String> = self.property(&place, source, reference)?;
                    let others = template.signed_api.iter_mut();
                    let mut others = others.chain(&mut template.authorized_apis);
                    let other = others.find(|other| Some(&other.id) == api.as_ref());
                    let api = match (kind, other) {
                        ("Api", None) => &mut template.api,
                        ("Api", Some(other)) if other.kind == ApiKind::Rest => other,
                        ("HttpApi", Some(other)) if other.kind == ApiKind::Http => other,
                        _ => {
                            let message = format!("{reference} names no API of this kind");
                            return Err(wrong(&place, &message));
                        }
                    };
                    api.routes.push(Route {
                        method: method.to_uppercase(),
                        path,
                        binary: binary.to_owned(),
                    });
                }
                Some("Schedule") => {
                    let expression: String = self.required(&place, source, "Schedule")?;
                    let every = rate(&expression);
                    template.schedules.push(Schedule {
                        binary: binary.to_owned(),
                        every: every.ok_or_else(|| wrong(&place, "only rate(…) is understood"))?,
                    });
                }
                // Other sources, such as queues, are not emulated.
                _ => {}
            }
        }
        Ok(())
    }

    fn responses(
        &self,
        id: &str,
        resource: &Yaml,
    ) -> Result<BTreeMap<String, GatewayResponse>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Declared {
            status_code: Option<Json>,
            #[serde(default)]
            response_parameters: Parameters,
            #[serde(default)]
            response_templates: BTreeMap<String, String>,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Parameters {
            #[serde(default)]
            headers: BTreeMap<String, String>,
        }

        let declared: Option<BTreeMap<String, Declared>> =
            self.property(id, resource, "GatewayResponses")?;
        let response = |(kind, declared): (String, Declared)| {
            let place = format!("{id}.GatewayResponses.{kind}");
            let status = declared.status_code.map(|status| {
                let status = u16::try_from(whole_number(&status, &place)?).ok();
                let status = status.filter(|status| (200..600).contains(status));
                status.ok_or_else(|| wrong(&place, "the status is impossible"))
            });
            let header = |(name, value): (String, String)| {
                let literal = value
                    .strip_prefix('\'')
                    .and_then(|value| value.strip_suffix('\''));
                match literal {
                    Some(literal) => Ok((name, literal.to_owned())),
                    None => Err(wrong(
                        &format!("{place}.{name}"),
                        "only 'literals' are understood",
                    )),
                }
            };
            let headers = declared.response_parameters.headers.into_iter().map(header);
            let mut bodies = declared.response_templates;
            let body = bodies.remove("application/json").ok_or_else(|| {
                Error::Template(format!("{place} has no template for application/json"))
            })?;
            let rest = body
                .replace("$context.path", "")
                .replace("$context.requestId", "");
            if rest.contains('$') {
                return Err(wrong(
                    &place,
                    "only $context.path and $context.requestId are understood",
                ));
            }
            let response = GatewayResponse {
                status: status.transpose()?,
                headers: headers.collect::<Result<_, _>>()?,
                body,
            };
            Ok((kind, response))
        };
        declared
            .unwrap_or_default()
            .into_iter()
            .map(response)
            .collect()
    }

    fn pipe(&self, id: &str, resource: &Yaml) -> Result<Pipe, Error> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Source {
            #[serde(default)]
            filter_criteria: Filters,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Filters {
            #[serde(default)]
            filters: Vec<Filter>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Filter {
            pattern: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Target {
            event_bridge_event_bus_parameters: Bus,
            input_template: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Bus {
            source: String,
            detail_type: String,
        }

        let stream: String = self.required(id, resource, "Source")?;
        let table = stream
            .split_once(":table/")
            .and_then(|(_, rest)| rest.split_once("/stream/"));
        let (table, _) =
            table.ok_or_else(|| wrong(id, "only the stream of a table is understood as source"))?;
        let source: Option<Source> = self.property(id, resource, "SourceParameters")?;
        let filters = source.unwrap_or_default().filter_criteria.filters;
        let pattern = |filter: Filter| {
            let pattern = serde_json::from_str(&filter.pattern);
            pattern.map_err(|_| wrong(id, "a filter is not JSON"))
        };
        let target: Target = self.required(id, resource, "TargetParameters")?;
        Ok(Pipe {
            table: table.to_owned(),
            patterns: filters.into_iter().map(pattern).collect::<Result<_, _>>()?,
            source: target.event_bridge_event_bus_parameters.source,
            detail_type: target.event_bridge_event_bus_parameters.detail_type,
            input_template: target.input_template,
        })
    }

    fn table(&self, id: &str, resource: &Yaml) -> Result<Table, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct TimeToLive {
            attribute_name: String,
            enabled: bool,
        }
        if at(resource, &["Properties", "LocalSecondaryIndexes"]).is_some() {
            return Err(wrong(id, "local secondary indexes are not understood"));
        }
        let time_to_live: Option<TimeToLive> =
            self.property(id, resource, "TimeToLiveSpecification")?;
        let indexes = self.property(id, resource, "GlobalSecondaryIndexes")?;
        Ok(Table {
            id: id.to_owned(),
            name: self.names.reference(id, id)?,
            attributes: self.required(id, resource, "AttributeDefinitions")?,
            key: self.required(id, resource, "KeySchema")?,
            indexes: indexes.unwrap_or_default(),
            time_to_live: time_to_live
                .filter(|ttl| ttl.enabled)
                .map(|ttl| ttl.attribute_name),
        })
    }
}

pub(super) fn wrong(at: &str, what: &str) -> Error {
    Error::Template(format!("{at}: {what}"))
}

fn at<'a>(value: &'a Yaml, path: &[&str]) -> Option<&'a Yaml> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// Returns the binary of a function.
fn binary(resource: &Yaml) -> Option<&str> {
    at(resource, &["Metadata", "BuildProperties", "Binary"])?.as_str()
}

fn text(value: &Json, at: &str) -> Result<String, Error> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(_) | Json::Bool(_) => Ok(value.to_string()),
        _ => Err(wrong(at, "a text was expected")),
    }
}

fn whole_number(value: &Json, at: &str) -> Result<u64, Error> {
    let number = text(value, at)?.parse();
    number.map_err(|_| wrong(at, "a whole number was expected"))
}

/// Returns the interval of a rate expression, such as `rate(5 minutes)`.
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
