//! `CloudFormation`'s intrinsic functions, as far as the template uses them where this program reads it.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use yaml_serde::{Mapping, Value as Yaml};

use crate::{
    Error,
    aws::{ACCOUNT_ID, region},
};

/// What names in the template stand for.
pub(super) struct Names {
    /// Parameters with their values, and resources with their physical names.
    values: BTreeMap<String, String>,
    /// Resource types by logical id.
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
            if overrides.contains_key(name) {
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

    /// A parameter's value or a resource's physical name.
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
            ("AWS::DynamoDB::Table", "Arn") => "dynamodb:table/",
            ("AWS::Serverless::Function", "Arn") => "lambda:function:",
            _ => {
                return Err(Error::Template(format!(
                    "{at}: the attribute {path} is not understood"
                )));
            }
        };
        let (service, kind) = resource.split_once(':').unwrap_or((resource, ""));
        let name = self.reference(id, at)?;
        Ok(format!(
            "arn:aws:{service}:{}:{ACCOUNT_ID}:{kind}{name}",
            self.region
        ))
    }

    /// A part of the template with all intrinsic functions replaced by their values.
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

/// The members of a mapping; none where there is no mapping.
pub(super) fn entries(value: Option<&Yaml>) -> impl Iterator<Item = (&str, &Yaml)> {
    let members = value.and_then(Yaml::as_mapping).into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.as_str()?, value)))
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
