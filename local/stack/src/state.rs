//! The files from which other programs learn about a running stack.

use std::{collections::BTreeMap, fmt::Write};

use local_aws::account;
use serde_json::json;

use crate::{Error, Stack, data::write_private};

/// Writes three files:
///
/// - `stack.json`: one object with the members `api_url`, `provider_url`, `dynamodb_url`, `secrets_url`, `region`,
///   `access_key_id` and `secret_access_key` (of the account's owner, who may do everything), `tables` (names by logical
///   id), `secrets` (values by
///   logical id), `token` (a value of `x-juno-jwt`) and `functions` (environment variables by binary);
/// - `functions.env`: a line `NAME=value` for each environment variable of any function, for `cargo lambda watch --env-file`;
/// - `sam.json`: the same for `sam local --env-vars`.
///
/// No file holds real credentials.
pub(crate) fn write(stack: &Stack, token: &str) -> Result<(), Error> {
    let (Some(json_file), Some(env_file), Some(sam_file)) = (
        stack.data.path("stack.json"),
        stack.data.path("functions.env"),
        stack.data.path("sam.json"),
    ) else {
        return Ok(());
    };
    let identity = account::identity(false);
    let state = json!({
        "api_url": stack.urls.api,
        "provider_url": stack.urls.provider,
        "dynamodb_url": stack.urls.dynamodb,
        "secrets_url": stack.urls.secrets,
        "region": identity.get("AWS_REGION"),
        "access_key_id": identity.get("AWS_ACCESS_KEY_ID"),
        "secret_access_key": identity.get("AWS_SECRET_ACCESS_KEY"),
        "tables": stack.tables,
        "secrets": stack.secrets()?,
        "token": token,
        "functions": stack.environments,
    });
    write_private(&json_file, format!("{state:#}\n").as_bytes())?;

    let all: BTreeMap<_, _> = stack
        .environments
        .values()
        .flatten()
        .chain(&identity)
        .collect();
    let mut lines = String::new();
    for (name, value) in &all {
        // Writing to a string cannot fail.
        writeln!(lines, "{name}={value}").ok();
    }
    write_private(&env_file, lines.as_bytes())?;
    write_private(
        &sam_file,
        format!("{:#}\n", json!({ "Parameters": all })).as_bytes(),
    )
}
