//! An event of API Gateway: every request of a caller reaches us as it was sent.
//!
//! An input is an HTTP request as text, which is made into the event that API Gateway makes of it, of a REST API and of an HTTP
//! API. Only what a caller decides is varied. Events that no gateway makes are not: `lambda_http` panics on some of them, such as
//! one whose body is not the base64 that it is said to be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderName, HeaderValue};
use lambda_http::request::LambdaRequest;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use shared::http::{Request, Route, normalized};

use crate::line;

const ROUTES: [Route; 7] = [
    Route::AccessToken,
    Route::Status,
    Route::Details,
    Route::Gate,
    Route::User,
    Route::OnboardingSteps,
    Route::Webhook,
];
const REQUEST_ID: &str = "5a0a4d2e-0000-4000-8000-d9bf9044019f";

/// Checks the request in both kinds of event.
pub fn run(data: &[u8]) {
    let sent = Sent::read(data);
    sent.arrives(&sent.rest());
    sent.arrives(&sent.http());
}

/// A request, without the parts that no gateway takes.
struct Sent<'a> {
    method: &'static str,
    route: Route,
    query: String,
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl<'a> Sent<'a> {
    /// Reads a request from text.
    fn read(data: &'a [u8]) -> Self {
        let (request, mut rest) = line(data);
        let mut words = request.split(|byte| *byte == b' ');
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        let mut parts = target.splitn(2, |byte| *byte == b'?');
        let path = parts.next().unwrap_or_default();
        let query = parts.next().unwrap_or_default();
        let query = String::from_utf8_lossy(query).into_owned();

        let mut headers = Vec::new();
        loop {
            let (header, after) = line(rest);
            rest = after;
            if header.is_empty() {
                break;
            }
            headers.extend(self::header(header));
        }
        Self {
            method: ["POST", "OPTIONS"]
                .into_iter()
                .find(|name| name.as_bytes() == method)
                .unwrap_or("GET"),
            route: ROUTES
                .into_iter()
                .find(|route| route.path().as_bytes() == path)
                .unwrap_or(Route::Status),
            query,
            headers,
            body: rest,
        }
    }

    fn parameters(&self) -> Vec<(String, String)> {
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8_lossy().into_owned()
        };
        self.query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect()
    }

    fn body(&self) -> (Value, bool) {
        match str::from_utf8(self.body) {
            Ok("") => (Value::Null, false),
            Ok(text) => (json!(text), false),
            Err(_) => (json!(BASE64.encode(self.body)), true),
        }
    }

    /// Returns the event of a REST API.
    fn rest(&self) -> Value {
        let (body, is_base64) = self.body();
        let headers = grouped(&self.headers, str::eq_ignore_ascii_case);
        let parameters = self.parameters();
        let parameters = grouped(&parameters, |one, other| one == other);
        let last = |values: &[&str]| json!(values.last());
        let all = |values: &[&str]| json!(values);
        json!({
            "resource": self.route.path(),
            "path": self.route.path(),
            "httpMethod": self.method,
            "headers": object(&headers, last),
            "multiValueHeaders": object(&headers, all),
            "queryStringParameters": object(&parameters, last),
            "multiValueQueryStringParameters": object(&parameters, all),
            "pathParameters": null,
            "stageVariables": null,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abc123",
                "domainName": "abc123.execute-api.eu-west-1.amazonaws.com",
                "httpMethod": self.method,
                "identity": { "sourceIp": "203.0.113.7" },
                "path": format!("/live{}", self.route.path()),
                "protocol": "HTTP/1.1",
                "requestId": REQUEST_ID,
                "requestTimeEpoch": 1_704_067_200_000_u64,
                "resourceId": "abc123",
                "resourcePath": self.route.path(),
                "stage": "live",
            },
            "body": body,
            "isBase64Encoded": is_base64,
        })
    }

    /// Returns the event of an HTTP API.
    fn http(&self) -> Value {
        let (body, is_base64) = self.body();
        let headers = grouped(&self.headers, str::eq_ignore_ascii_case);
        let parameters = self.parameters();
        let parameters = grouped(&parameters, |one, other| one == other);
        let joined = |separator: &'static str| move |values: &[&str]| json!(values.join(separator));
        json!({
            "version": "2.0",
            "routeKey": format!("{} {}", self.method, self.route.path()),
            "rawPath": self.route.path(),
            "rawQueryString": self.query,
            "headers": object(&headers, joined(", ")),
            "queryStringParameters": object(&parameters, joined(",")),
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abc123",
                "domainName": "abc123.execute-api.eu-west-1.amazonaws.com",
                "domainPrefix": "abc123",
                "http": {
                    "method": self.method,
                    "path": self.route.path(),
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "",
                },
                "requestId": REQUEST_ID,
                "routeKey": format!("{} {}", self.method, self.route.path()),
                "stage": "$default",
                "time": "01/Jan/2024:00:00:00 +0000",
                "timeEpoch": 1_704_067_200_000_u64,
            },
            "body": body,
            "isBase64Encoded": is_base64,
        })
    }

    /// Checks that the request which a function makes of the event is the one that was sent.
    fn arrives(&self, event: &Value) {
        let event = event.to_string();
        let event: LambdaRequest = serde_json::from_str(&event).expect("an event");
        let request = lambda_http::Request::from(normalized(event));
        assert_eq!(request.method(), self.method);
        let request = Request::new(request);

        assert_eq!(request.trace_id(), REQUEST_ID);
        assert_eq!(request.body(), self.body);
        for name in ["x-juno-jwt", "x-payload-digest", "origin"] {
            let of_name = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
            let sent = self.headers.iter().filter(of_name);
            let sent: Vec<&[u8]> = sent.map(|(_, value)| value.as_bytes()).collect();
            let seen = request.headers().get_all(name).iter();
            let seen: Vec<&[u8]> = seen.map(HeaderValue::as_bytes).collect();
            assert!(seen == sent || seen == [sent.join(&b", "[..])], "{name}");
        }
        self.the_query_is_understood(&request);
        // There is nothing in it to compare with.
        std::hint::black_box(request.deadline());
    }

    fn the_query_is_understood(&self, request: &Request) {
        let parameters = self.parameters();
        let values = |wanted: &'static str| {
            let of_name = move |(name, _): &&(String, String)| name == wanted;
            parameters
                .iter()
                .filter(of_name)
                .map(|(_, value)| value.as_str())
        };
        let refresh: Vec<String> = values("refresh").map(str::to_ascii_lowercase).collect();
        let refresh: Vec<&str> = refresh.iter().map(String::as_str).collect();
        let expected = match refresh[..] {
            [] | ["false" | "0"] => Some(false),
            ["true" | "1"] => Some(true),
            _ => None,
        };
        assert_eq!(request.refresh().ok(), expected);
        let expands =
            values("expand").any(|list| list.split(',').any(|name| name.trim() == "onboarding"));
        assert_eq!(request.expands_onboarding(), expands);
    }
}

fn header(line: &[u8]) -> Option<(String, String)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    HeaderName::from_bytes(name).ok()?;
    HeaderValue::from_bytes(value).ok()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Some((text(name), text(value)))
}

/// Groups the values by name.
fn grouped(pairs: &[(String, String)], is_same: fn(&str, &str) -> bool) -> Vec<(&str, Vec<&str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, value) in pairs {
        match groups.iter_mut().find(|(other, _)| is_same(other, name)) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

/// Makes a JSON object, or `null` without members, as the gateway does.
fn object(groups: &[(&str, Vec<&str>)], value: impl Fn(&[&str]) -> Value) -> Value {
    let members: Map<String, Value> = groups
        .iter()
        .map(|(name, values)| ((*name).to_owned(), value(values)))
        .collect();
    if members.is_empty() {
        Value::Null
    } else {
        Value::Object(members)
    }
}
