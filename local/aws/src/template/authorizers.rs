//! The Lambda authorizers of APIs.
//!
//! The properties are those of the SAM Developer Guide, pages `sam-property-api-lambdatokenauthorizer.html`,
//! `sam-property-api-lambdarequestauthorizer.html` and `sam-property-httpapi-lambdaauthorizer.html` of
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/>.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{Authorizer, read::wrong};
use crate::Error;

/// The time for which a REST API uses an answer, unless the template says another.
const DEFAULT_REAUTHORIZE_EVERY: u64 = 300;

/// The property `Auth` of an API that has Lambda authorizers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Auth {
    default_authorizer: Option<String>,
    authorizers: BTreeMap<String, Declared>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Declared {
    function_arn: String,
    #[serde(default)]
    function_payload_type: PayloadType,
    authorizer_payload_format_version: Option<FormatVersion>,
    #[serde(default)]
    enable_simple_responses: bool,
    #[serde(default)]
    enable_function_default_permissions: bool,
    #[serde(default)]
    identity: Identity,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum PayloadType {
    #[default]
    Token,
    Request,
}

#[derive(Deserialize)]
enum FormatVersion {
    #[serde(rename = "2.0")]
    Two,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Identity {
    header: Option<String>,
    #[serde(default)]
    headers: Vec<String>,
    reauthorize_every: Option<u64>,
}

impl Auth {
    /// Returns the authorizer of all routes, and its place in the template.
    fn into_default(mut self, id: &str) -> Result<(Declared, String), Error> {
        let default = self.default_authorizer.unwrap_or_default();
        match self.authorizers.remove(&default) {
            Some(authorizer) if self.authorizers.is_empty() => {
                Ok((authorizer, format!("{id}.Auth.Authorizers.{default}")))
            }
            _ => Err(wrong(
                &format!("{id}.Auth"),
                "only one authorizer is understood, the DefaultAuthorizer",
            )),
        }
    }
}

/// Reads the authorizer of a REST API.
pub(super) fn rest(
    auth: Auth,
    id: &str,
    binary: impl Fn(&str) -> Option<String>,
) -> Result<Authorizer, Error> {
    let (declared, place) = auth.into_default(id)?;
    let every = declared.identity.reauthorize_every;
    let every = every.unwrap_or(DEFAULT_REAUTHORIZE_EVERY);
    let token_only = matches!(declared.function_payload_type, PayloadType::Token);
    let headers = match (declared.identity.header, declared.identity.headers) {
        (header, others) if token_only && others.is_empty() => {
            vec![header.unwrap_or_else(|| "Authorization".to_owned())]
        }
        (None, headers) if !token_only && (every == 0 || !headers.is_empty()) => headers,
        _ => {
            return Err(wrong(
                &place,
                "a TOKEN authorizer has one Header, a REQUEST authorizer has Headers",
            ));
        }
    };
    authorizer(
        &declared.function_arn,
        token_only,
        &headers,
        every,
        &place,
        binary,
    )
}

/// Reads the authorizer of an HTTP API.
pub(super) fn http(
    auth: Auth,
    id: &str,
    binary: impl Fn(&str) -> Option<String>,
) -> Result<Authorizer, Error> {
    let (declared, place) = auth.into_default(id)?;
    if declared.authorizer_payload_format_version.is_none() || !declared.enable_simple_responses {
        return Err(wrong(
            &place,
            "only AuthorizerPayloadFormatVersion 2.0 with EnableSimpleResponses is understood",
        ));
    }
    if !declared.enable_function_default_permissions {
        return Err(wrong(
            &place,
            "without EnableFunctionDefaultPermissions, API Gateway may not invoke the function",
        ));
    }
    let identity = declared.identity;
    // AWS documents no default of ReauthorizeEvery for HTTP APIs.
    let (Some(every), None, [_, ..]) = (
        identity.reauthorize_every,
        identity.header,
        identity.headers.as_slice(),
    ) else {
        return Err(wrong(
            &place,
            "only an Identity with Headers and ReauthorizeEvery is understood",
        ));
    };
    authorizer(
        &declared.function_arn,
        false,
        &identity.headers,
        every,
        &place,
        binary,
    )
}

fn authorizer(
    arn: &str,
    token_only: bool,
    headers: &[String],
    reauthorize_every: u64,
    place: &str,
    binary: impl Fn(&str) -> Option<String>,
) -> Result<Authorizer, Error> {
    if reauthorize_every > 3600 {
        return Err(wrong(place, "ReauthorizeEvery is 3600 seconds at most"));
    }
    let unknown = || wrong(place, "FunctionArn is the ARN of no function");
    Ok(Authorizer {
        binary: binary(arn).ok_or_else(unknown)?,
        token_only,
        headers: headers.iter().map(|name| name.to_lowercase()).collect(),
        reauthorize_every: Duration::from_secs(reauthorize_every),
    })
}
