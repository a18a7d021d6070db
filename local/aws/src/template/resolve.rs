//! CloudFormation's intrinsic functions, as far as the supported properties need them.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use yaml_serde::{Mapping, Value as Yaml};

use crate::{
    Error,
    account::{ACCOUNT_ID, region},
};

/// The values that names in a template stand for.
pub(super) struct Names {
    /// The values of parameters and the physical names of resources.
    values: BTreeMap<String, String>,
    /// The types of resources, by logical id.
    types: BTreeMap<String, String>,
    region: String,
}

impl Names {
    pub(super) fn new(
        template: &Mapping,
        overrides: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let mut values = BTreeMap::new();
        let mut types = BTreeMap::new();
        for (name, parameter) in entries(template.get("Parameters")) {
            match parameter.get("Default") {
                Some(default) => values.insert(name.to_owned(), scalar(default, name)?),
                None => None,
            };
            if let Some(value) = overrides.get(name) {
                check(parameter, name, value)?;
                values.insert(name.to_owned(), String::new());
            }
        }
        for (id, resource) in entries(template.get("Resources")) {
            let kind = resource.get("Type").and_then(Yaml::as_str);
            let kind =
                kind.ok_or_else(|| Error::Template(format!("the resource {id} has no Type")))?;
            types.insert(id.to_owned(), kind.to_owned());
            values.insert(id.to_owned(), id.to_owned());
        }
        for (name, value) in overrides {
            let slot = values.get_mut(name);
            let slot = slot.ok_or_else(|| {
                Error::Template(format!("there is no parameter or resource {name}"))
            })?;
            slot.clone_from(value);
        }
        Ok(Self {
            values,
            types,
            region: region(),
        })
    }

    /// Returns the value of a parameter or the physical name of a resource.
    pub(super) fn reference(&self, name: &str, at: &str) -> Result<String, Error> {
        match name {
            "AWS::AccountId" => Ok(ACCOUNT_ID.to_owned()),
            "AWS::Partition" => Ok("aws".to_owned()),
            "AWS::Region" => Ok(self.region.clone()),
            "AWS::StackName" => Ok("local".to_owned()),
            "AWS::URLSuffix" => Ok("amazonaws.com".to_owned()),
            _ => self.values.get(name).cloned().ok_or_else(|| {
                Error::Template(format!(
                    "{at} refers to {name}, which is not declared or has no value"
                ))
            }),
        }
    }

    fn attribute(&self, path: &str, at: &str) -> Result<String, Error> {
        let (id, attribute) = path.split_once('.').unwrap_or((path, ""));
        let kind = self.types.get(id).map_or("", String::as_str);
        let resource = match (kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn" | "StreamArn") => "dynamodb:table/",
            ("AWS::Events::EventBus", "Arn") => "events:event-bus/",
            ("AWS::SQS::Queue", "Arn") => "sqs:",
            ("AWS::Serverless::Function", "Arn") => "lambda:function:",
            _ => {
                return Err(Error::Template(format!(
                    "{at}: the attribute {path} is not understood"
                )));
            }
        };
        let (service, kind) = resource.split_once(':').unwrap_or((resource, ""));
        let name = self.reference(id, at)?;
        // The label of a real stream is the time at which it began.
        let stream = if attribute == "StreamArn" {
            "/stream/local"
        } else {
            ""
        };
        Ok(format!(
            "arn:aws:{service}:{}:{ACCOUNT_ID}:{kind}{name}{stream}",
            self.region
        ))
    }

    /// Returns a part of the template with the values of all intrinsic functions.
    pub(super) fn resolve(&self, value: &Yaml, at: &str) -> Result<Json, Error> {
        match value {
            Yaml::Null => Ok(Json::Null),
            Yaml::Bool(value) => Ok((*value).into()),
            Yaml::Number(number) => match (number.as_u64(), number.as_f64()) {
                (Some(whole), _) => Ok(whole.into()),
                (None, fraction) => Ok(fraction.into()),
            },
            Yaml::String(text) => Ok(text.as_str().into()),
            Yaml::Sequence(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| self.resolve(item, &format!("{at}[{index}]")))
                    .collect()
            }
            Yaml::Tagged(tagged) => {
                let tag = tagged.tag.to_string();
                self.call(tag.trim_start_matches('!'), &tagged.value, at)
            }
            Yaml::Mapping(mapping) => {
                if let Some((Yaml::String(key), argument)) = mapping.iter().next()
                    && (key == "Ref" || key.starts_with("Fn::"))
                {
                    return self.call(key.trim_start_matches("Fn::"), argument, at);
                }
                let members = mapping.iter().map(|(key, value)| {
                    let key = scalar(key, at)?;
                    let value = self.resolve(value, &format!("{at}.{key}"))?;
                    Ok((key, value))
                });
                members
                    .collect::<Result<serde_json::Map<_, _>, _>>()
                    .map(Json::Object)
            }
        }
    }

    fn call(&self, function: &str, argument: &Yaml, at: &str) -> Result<Json, Error> {
        match (function, argument) {
            ("Ref", Yaml::String(name)) => self.reference(name, at).map(Json::String),
            ("GetAtt", Yaml::String(path)) => self.attribute(path, at).map(Json::String),
            ("Sub", Yaml::String(text)) => self.substitute(text, at).map(Json::String),
            _ => Err(Error::Template(format!(
                "{at}: this use of {function} is not understood"
            ))),
        }
    }

    fn substitute(&self, text: &str, at: &str) -> Result<String, Error> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let unclosed = || Error::Template(format!("{at}: a ${{ is not closed"));
            let (name, after) = after.split_once('}').ok_or_else(unclosed)?;
            result.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => result.extend(["${", literal, "}"]),
                None if name.contains('.') => result.push_str(&self.attribute(name, at)?),
                None => result.push_str(&self.reference(name, at)?),
            }
            rest = after;
        }
        Ok(result + rest)
    }
}

/// Returns the members of a mapping, or none if the value is no mapping.
pub(super) fn entries(value: Option<&Yaml>) -> impl Iterator<Item = (&str, &Yaml)> {
    let members = value.and_then(Yaml::as_mapping).into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.as_str()?, value)))
}

/// Deserializes a resolved part of the template.
pub(super) fn from_json<T: DeserializeOwned>(value: Json, at: &str) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Template(format!("{at}: {error}")))
}

/// Checks a value of a parameter as CloudFormation does before a deployment.
fn check(parameter: &Yaml, name: &str, value: &str) -> Result<(), Error> {
    let text = |key: &str| parameter.get(key).and_then(Yaml::as_str);
    let number = |key: &str| parameter.get(key).and_then(Yaml::as_f64);
    let allowed = parameter.get("AllowedValues").and_then(Yaml::as_sequence);
    let is_allowed = allowed.is_none_or(|allowed| {
        let mut allowed = allowed.iter().filter_map(|value| scalar(value, name).ok());
        allowed.any(|allowed| allowed == value)
    });
    let is_in_range = if text("Type") == Some("Number") {
        value.parse().is_ok_and(|value: f64| {
            number("MinValue").is_none_or(|least| least <= value)
                && number("MaxValue").is_none_or(|most| value <= most)
        })
    } else {
        true
    };
    let matches = match text("AllowedPattern").map(Regex::new) {
        None => true,
        Some(Ok(pattern)) => pattern.is_match(value),
        Some(Err(error)) => return Err(Error::Template(format!("{name}: {error}"))),
    };
    if is_allowed && is_in_range && matches {
        return Ok(());
    }
    let expected = text("ConstraintDescription").or_else(|| text("Description"));
    let expected = expected.unwrap_or("see template.yaml");
    Err(Error::Template(format!(
        "the parameter {name} cannot be {value:?}: {expected}"
    )))
}

fn scalar(value: &Yaml, at: &str) -> Result<String, Error> {
    match value {
        Yaml::String(text) => Ok(text.clone()),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        _ => Err(Error::Template(format!(
            "{at}: a text or a number was expected"
        ))),
    }
}
