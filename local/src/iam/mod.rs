//! Identity and access management: who asks, and whether the template's statements allow what is asked.

mod attributes;
mod dynamodb;
mod guard;

pub(crate) use dynamodb::needs as dynamodb_needs;
pub(crate) use guard::Guard;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use axum::http::{HeaderMap, header::AUTHORIZATION};

use crate::template::{Function, Permission};

/// What each function may do, by its binary.
pub(crate) struct Iam {
    permissions: BTreeMap<String, Vec<Permission>>,
}

/// What a request does, all of which must be allowed. A request of several parts has several needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// The action, such as `dynamodb:PutItem`.
    pub(crate) action: String,
    /// The ARN of a table or an index, or the name of a secret.
    pub(crate) resource: String,
    /// The attributes that are touched.
    pub(crate) attributes: BTreeSet<String>,
}

/// What a function was refused. Written as AWS words it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied<'a> {
    /// Who asked.
    pub(crate) function: &'a str,
    /// What was asked.
    pub(crate) need: &'a Need,
}

impl fmt::Display for Denied<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Need {
            action, resource, ..
        } = self.need;
        write!(
            formatter,
            "User: {} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
             allows the {action} action",
            self.function
        )
    }
}

impl Iam {
    /// Takes the statements of the template.
    pub(crate) fn new(functions: &[Function]) -> Self {
        let mut permissions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for function in functions {
            let own = permissions.entry(function.binary.clone()).or_default();
            own.extend(function.permissions.iter().cloned());
        }
        Self { permissions }
    }

    /// Whether the sender of a request may do all that it needs. Who is no function owns the account and may do
    /// everything.
    pub(crate) fn authorize<'a>(
        &self,
        headers: &'a HeaderMap,
        needs: &'a [Need],
    ) -> Result<(), Denied<'a>> {
        let Some(function) = access_key_id(headers) else {
            return Ok(());
        };
        let Some(permissions) = self.permissions.get(function) else {
            return Ok(());
        };
        let denied = needs
            .iter()
            .find(|need| !permissions.iter().any(|permission| permission.grants(need)));
        denied.map_or(Ok(()), |need| Err(Denied { function, need }))
    }
}

impl Permission {
    fn grants(&self, need: &Need) -> bool {
        let attributes = self.attributes.as_ref();
        self.actions.contains(&need.action)
            && self.resources.contains(&need.resource)
            && attributes.is_none_or(|allowed| {
                need.attributes
                    .iter()
                    .all(|attribute| allowed.contains(attribute))
            })
    }
}

/// The access key id that a request was signed with.
fn access_key_id(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split_once('/').map(|(id, _)| id)
}

#[cfg(test)]
mod tests;
