//! What a person at the terminal sees.

use std::io::{Write, stderr, stdout};

use local::{Stack, gateway::Answered, logs::LogLine};
use serde_json::Value;

/// Writes a line to standard output.
pub(crate) fn line(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Says why the program ends.
pub(crate) fn error(error: &impl std::fmt::Display) {
    // There is nobody left to tell if this fails.
    writeln!(stderr(), "error: {error}").ok();
}

/// What was started, and what to try.
pub(crate) fn welcome(stack: &Stack, simulated: bool, token: &str) -> String {
    let api = stack.api_url();
    let provider = if simulated {
        "Provider simulator"
    } else {
        "Provider"
    };
    format!(
        r#"
{:<20}{api}
{provider:<20}{}
{:<20}{}
{:<20}{}

TOKEN={token}

curl -X POST -H "x-juno-jwt: $TOKEN" {api}/v0/kyc/access-token
curl -H "x-juno-jwt: $TOKEN" {api}/v0/kyc/status
curl -H "x-juno-jwt: $TOKEN" "{api}/v0/kyc/status?refresh=true"
"#,
        "API",
        stack.provider_url(),
        "DynamoDB",
        stack.dynamodb_url(),
        "Secrets Manager",
        stack.secrets_url(),
    )
}

/// The line for a request.
pub(crate) fn request(answered: &Answered) -> String {
    let Answered {
        method,
        path,
        status,
        duration,
        request_id,
    } = answered;
    format!(
        "{method} {path} {status} {} ms {request_id}",
        duration.as_millis()
    )
}

/// The line for what a function has written, if a person should see it: warnings, errors and what is no log entry.
pub(crate) fn function(line: &LogLine) -> Option<String> {
    let LogLine { function, line } = line;
    if let Ok(Value::Object(entry)) = serde_json::from_str(line) {
        let level = entry
            .get("level")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !["WARN", "ERROR"].contains(&level) {
            return None;
        }
    }
    // What a terminal would take for a command is not shown.
    let line: String = line
        .chars()
        .filter(|character| !character.is_control())
        .collect();
    Some(format!("{function}: {line}"))
}
