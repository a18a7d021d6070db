//! The output, for a person at the terminal or for a program.

use std::io::{Write, stderr, stdout};

use fast_qr::QRBuilder;
use local::{Stack, gateway::AccessLogEntry, logs::LogLine};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Writes a line to standard output.
pub(crate) fn line(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes the error that ends the program to standard error.
pub(crate) fn error(error: &impl std::fmt::Display) {
    // Nobody is left to tell if this fails.
    writeln!(stderr(), "error: {error}").ok();
}

/// Writes something that is good to know to standard error.
pub(crate) fn note(text: &str) {
    writeln!(stderr(), "note: {text}").ok();
}

/// The format of the output.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    /// Writes JSON, one object per line, instead of text.
    pub(crate) json: bool,
    /// Mentions the simulator, because it is the provider.
    pub(crate) simulated: bool,
}

impl Format {
    /// Returns the services and some commands to try.
    pub(crate) fn started(self, stack: &Stack, user: &str, token: &str) -> String {
        let api = stack.api_url();
        if self.json {
            return json_line(
                "started",
                &json!({
                    "api_url": api,
                    "provider_url": stack.provider_url(),
                    "dynamodb_url": stack.dynamodb_url(),
                    "secrets_url": stack.secrets_url(),
                    "operations_url": stack.operations_url(),
                    "other_urls": stack.other_urls(),
                    "phone_url": stack.phone_url(),
                    "token": token,
                }),
            );
        }
        let (operations, region) = (stack.operations_url(), local::region());
        let (provider, next) = if self.simulated {
            let url = stack.provider_url();
            let submit = format!("curl -X POST {url}/simulator/applicants/{user}/submit\n");
            ("Provider simulator", submit)
        } else {
            ("Provider", String::new())
        };
        let others = stack.other_urls().iter();
        let others: Vec<_> = others.map(|(id, url)| format!("\n{id:<20}{url}")).collect();
        let others = others.concat();
        let phone = stack.phone_url().map(phone).unwrap_or_default();
        format!(
            r#"
{:<20}{api}/
{:<20}{api}/docs
{:<20}{api}/operations
{:<20}{api}
{provider:<20}{}
{:<20}{}
{:<20}{}
{:<20}{operations}{others}{phone}

TOKEN={token}

curl -X POST -H "x-juno-jwt: $TOKEN" {api}/v0/kyc/access-token
{next}curl -H "x-juno-jwt: $TOKEN" {api}/v0/kyc/status

curl --aws-sigv4 aws:amz:{region}:execute-api --user support:local {operations}/users/{user}
curl --aws-sigv4 aws:amz:{region}:execute-api --user support:local {operations}/users/{user}/history
"#,
            "Demo",
            "API reference",
            "Operations console",
            "API",
            stack.provider_url(),
            "DynamoDB",
            stack.dynamodb_url(),
            "Secrets Manager",
            stack.secrets_url(),
            "Operators' API",
        )
    }

    /// Returns the line for a request.
    pub(crate) fn request(self, entry: &AccessLogEntry) -> String {
        if self.json {
            return json_line("answered", &entry.json());
        }
        let AccessLogEntry {
            method,
            path,
            status,
            duration,
            user,
            request_id,
            refused_origin,
        } = entry;
        let (user, ms) = (user.as_deref().unwrap_or("-"), duration.as_millis());
        let line = format!("{method:<7} {path:<32} {status} {ms:>5} ms  {user}  {request_id}");
        match refused_origin {
            Some(origin) => printable(&format!(
                "{line}  the browser keeps it from pages of {origin}, unless: --set CorsOrigins={origin}"
            )),
            None => line,
        }
    }

    /// Returns the line for an event of the stack.
    pub(crate) fn event(self, event: &Value) -> String {
        if self.json {
            return json_line("event", &json!({ "event": event }));
        }
        let member = |name: &str| {
            let value = event.get("detail").and_then(|detail| detail.get(name));
            value.and_then(Value::as_str).unwrap_or_default()
        };
        let kind = event.get("detail-type").and_then(Value::as_str);
        let [from, to, step] = ["from", "to", "onboarding_step"].map(member);
        let [user, sequence] = ["user_id", "sequence"].map(member);
        printable(&format!(
            "EVENT   {:<32} {from} -> {to}, {step}  {user}  #{sequence}",
            kind.unwrap_or_default()
        ))
    }

    /// Returns the line for a function's output. Text shows only what a person should see: warnings, errors, causes of refused
    /// requests, and output that is no log entry.
    pub(crate) fn function(self, line: &LogLine) -> Option<String> {
        let LogLine { function, line } = line;
        let Ok(Value::Object(logged)) = serde_json::from_str(line) else {
            return Some(if self.json {
                json_line("output", &json!({ "function": function, "line": line }))
            } else {
                printable(&format!("{function}: {line}"))
            });
        };
        if self.json {
            return Some(line.clone());
        }
        let level = logged.get("level").and_then(Value::as_str)?;
        let worth = ["WARN", "ERROR"].contains(&level) || logged.contains_key("cause");
        worth.then(|| printable(&format!("{function}: {level} {}", members(&logged))))
    }

    /// Returns the line for output that was lost because it came too fast.
    pub(crate) fn missed(self, what: &str, count: u64) -> String {
        if self.json {
            json_line("missed", &json!({ "what": what, "count": count }))
        } else {
            format!("({count} more {what})")
        }
    }
}

/// Returns the line for a phone, and the QR code that leads there.
fn phone(url: &str) -> String {
    let code = QRBuilder::new(url).build();
    let code = code.map(|code| code.to_str()).unwrap_or_default();
    format!("\n{:<20}{url}/\n\n{code}", "Phone")
}

/// Returns a line of JSON in the format of the functions' logs.
fn json_line(message: &str, members: &Value) -> String {
    let mut entry = Map::new();
    let now = OffsetDateTime::now_utc().format(&Rfc3339);
    entry.insert("timestamp".to_owned(), json!(now.unwrap_or_default()));
    entry.insert("level".to_owned(), json!("INFO"));
    entry.insert("message".to_owned(), json!(message));
    entry.extend(members.as_object().cloned().unwrap_or_default());
    Value::from(entry).to_string()
}

/// Returns the message of a log entry and its other members.
fn members(logged: &Map<String, Value>) -> String {
    let mut text = logged
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let span = logged.get("span").and_then(Value::as_object);
    for (name, value) in logged.iter().chain(span.into_iter().flatten()) {
        if !["timestamp", "level", "message", "span", "name"].contains(&name.as_str()) {
            text = format!("{text} {name}={value}");
        }
    }
    text
}

/// Removes control characters, which a terminal would take for commands.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TEXT: Format = Format {
        json: false,
        simulated: true,
    };
    const JSON: Format = Format {
        json: true,
        simulated: true,
    };

    fn entry(user: Option<&str>) -> AccessLogEntry {
        AccessLogEntry {
            method: "GET".to_owned(),
            path: "/v0/kyc/status".to_owned(),
            status: 502,
            duration: Duration::from_millis(83),
            user: user.map(str::to_owned),
            request_id: "c6af9ac6".to_owned(),
            refused_origin: None,
        }
    }

    fn logged(line: &str) -> LogLine {
        LogLine {
            function: "status".to_owned(),
            line: line.to_owned(),
        }
    }

    #[test]
    fn a_request_is_one_line() {
        assert_eq!(
            TEXT.request(&entry(Some("usr_1"))),
            "GET     /v0/kyc/status                   502    83 ms  usr_1  c6af9ac6"
        );
        assert_eq!(
            TEXT.request(&entry(None)),
            "GET     /v0/kyc/status                   502    83 ms  -  c6af9ac6"
        );
        let mut line: Value = serde_json::from_str(&JSON.request(&entry(None))).unwrap();
        assert!(line["timestamp"].take().is_string());
        let expected = json!({ "timestamp": null, "level": "INFO", "message": "answered", "method": "GET",
            "path": "/v0/kyc/status", "status": 502, "ms": 83, "user": null, "trace_id": "c6af9ac6", "refused_origin": null });
        assert_eq!(line, expected);

        let refused = AccessLogEntry {
            refused_origin: Some("http://evil.example".to_owned()),
            ..entry(None)
        };
        let line = TEXT.request(&refused);
        assert!(
            line.ends_with("--set CorsOrigins=http://evil.example"),
            "{line}"
        );
    }

    #[test]
    fn text_shows_the_errors_of_functions() {
        let error = r#"{"timestamp":"…","level":"ERROR","message":"request failed","status":502,"span":{"trace_id":"c6af9ac6","name":"request"}}"#;
        assert_eq!(
            TEXT.function(&logged(error)).unwrap(),
            r#"status: ERROR request failed status=502 trace_id="c6af9ac6""#
        );
        assert_eq!(
            TEXT.function(&logged("panicked \u{1b}[2J")).unwrap(),
            "status: panicked [2J"
        );
        let refused =
            r#"{"level":"INFO","message":"request","status":401,"cause":"the token has expired"}"#;
        assert_eq!(
            TEXT.function(&logged(refused)).unwrap(),
            r#"status: INFO request cause="the token has expired" status=401"#
        );
        for quiet in [
            r#"{"level":"INFO","message":"request"}"#,
            r#"{"_aws":{},"Refreshes":1}"#,
        ] {
            assert_eq!(TEXT.function(&logged(quiet)), None, "{quiet}");
            assert_eq!(JSON.function(&logged(quiet)).as_deref(), Some(quiet));
        }
        let line: Value =
            serde_json::from_str(&JSON.function(&logged("no json")).unwrap()).unwrap();
        assert_eq!(line["function"], "status");
        assert_eq!(line["line"], "no json");
    }
}
