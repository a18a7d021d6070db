//! The files that tell other programs of a running stack.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::json;

use crate::{Error, Stack, aws, data::write_private};

/// Writes
///
/// - `stack.json`: one object with the members `api_url`, `provider_url`, `dynamodb_url`, `secrets_url`, `region`,
///   `access_key_id` and `secret_access_key` (of the owner of the account, who may do everything), `table`, `secrets`
///   (values by logical id), `token` (a value of `x-juno-jwt`) and `functions` (environment variables by binary);
/// - `functions.env`: a line `NAME=value` for every environment variable of any function, for
///   `cargo lambda watch --env-file`;
/// - `sam.json`: the same for `sam local --env-vars`.
///
/// Real credentials are written to neither.
pub(crate) fn write(stack: &Stack, token: &str) -> Result<(), Error> {
    let (Some(json_file), Some(env_file), Some(sam_file)) = (
        stack.data.path("stack.json"),
        stack.data.path("functions.env"),
        stack.data.path("sam.json"),
    ) else {
        return Ok(());
    };
    let identity = aws::identity(false);
    let state = json!({
        "api_url": stack.urls.api,
        "provider_url": stack.urls.provider,
        "dynamodb_url": stack.urls.dynamodb,
        "secrets_url": stack.urls.secrets,
        "region": identity.get("AWS_REGION"),
        "access_key_id": identity.get("AWS_ACCESS_KEY_ID"),
        "secret_access_key": identity.get("AWS_SECRET_ACCESS_KEY"),
        "table": stack.table,
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
        // Writing into a text cannot fail.
        writeln!(lines, "{name}={value}").ok();
    }
    write_private(&env_file, lines.as_bytes())?;
    write_private(
        &sam_file,
        format!("{:#}\n", json!({ "Parameters": all })).as_bytes(),
    )
}
