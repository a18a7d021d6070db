//! Identity and access management: allows each function what its policies in the template allow.

mod attributes;
mod caller;
mod guard;
mod requests;

pub use caller::CallerPolicy;
pub(crate) use guard::Guard;
pub(crate) use requests::required_access as dynamodb;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use axum::http::{HeaderMap, header::AUTHORIZATION};

use crate::template::{FunctionResource, Statement};

/// The statements of each function's policies, by its binary.
pub struct Iam {
    statements: BTreeMap<String, Vec<Statement>>,
}

/// An access that a request requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    /// The action, such as `dynamodb:PutItem`.
    pub(crate) action: String,
    /// The ARN of a table or an index, or the name of a secret.
    pub(crate) resource: String,
    /// The attributes that the request touches.
    pub(crate) attributes: BTreeSet<String>,
}

/// The error for an access that no statement allows. Displays the message of AWS.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied<'a> {
    pub(crate) function: &'a str,
    pub(crate) access: &'a Access,
}

impl fmt::Display for Denied<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access {
            action, resource, ..
        } = self.access;
        write!(
            formatter,
            "User: {} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
             allows the {action} action",
            self.function
        )
    }
}

impl Iam {
    /// Collects the statements of the template's functions.
    #[must_use]
    pub fn new(functions: &[FunctionResource]) -> Self {
        let mut statements: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for function in functions {
            let own = statements.entry(function.binary.clone()).or_default();
            own.extend(function.statements.iter().cloned());
        }
        Self { statements }
    }

    /// Checks all accesses that a request requires. Callers other than functions act as the account's owner, who may do
    /// everything.
    pub(crate) fn authorize<'a>(
        &self,
        headers: &'a HeaderMap,
        required: &'a [Access],
    ) -> Result<(), Denied<'a>> {
        let caller = access_key_id(headers).and_then(|id| Some((id, self.statements.get(id)?)));
        let Some((function, statements)) = caller else {
            return Ok(());
        };
        let allowed = |access: &Access| statements.iter().any(|statement| statement.allows(access));
        match required.iter().find(|access| !allowed(access)) {
            Some(access) => Err(Denied { function, access }),
            None => Ok(()),
        }
    }
}

impl Statement {
    fn allows(&self, access: &Access) -> bool {
        let attributes = self.attributes.as_ref();
        self.actions.contains(&access.action)
            && self.resources.contains(&access.resource)
            && attributes.is_none_or(|allowed| {
                let mut touched = access.attributes.iter();
                touched.all(|attribute| allowed.contains(attribute))
            })
    }
}

/// Returns the access key id that a request is signed with.
fn access_key_id(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split_once('/').map(|(id, _)| id)
}

#[cfg(test)]
mod tests;
