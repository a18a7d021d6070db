//! The event that an API passes to a function for each request.

use std::{collections::BTreeMap, net::IpAddr};

use axum::{
    body::Bytes,
    extract::Query,
    http::{
        HeaderMap, HeaderValue,
        header::{COOKIE, HOST},
        request::Parts,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use uuid::Uuid;

use super::Caller;
use crate::account::{ACCOUNT_ID, region};

/// The time of a request in the event of a REST API and of an HTTP API.
const REQUEST_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// The circumstances of a request that it does not contain itself.
pub(super) struct Context<'a> {
    pub(super) request_id: &'a str,
    pub(super) stage: &'a str,
    pub(super) client: IpAddr,
    pub(super) port: u16,
}

/// The route of a request, and its signer.
pub(super) struct Target<'a> {
    /// The path of the route.
    pub(super) resource: &'a str,
    /// The path parameters.
    pub(super) parameters: BTreeMap<String, String>,
    /// The signer, if the API needs a signature.
    pub(super) caller: Option<&'a Caller>,
}

/// Returns the domain in the `Host` header. Returns `None` unless there is a single valid one: then API Gateway would not even
/// get the request.
pub(super) fn domain(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    let plain = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    if hosts.next().is_some() || !plain {
        return None;
    }
    Url::parse(&format!("http://{host}/"))
        .ok()?
        .host_str()
        .map(str::to_owned)
}

/// Returns the ARN by which IAM knows a method of an API.
pub(super) fn method_arn(stage: &str, method: &str, path: &str) -> String {
    let region = region();
    format!("arn:aws:execute-api:{region}:{ACCOUNT_ID}:local/{stage}/{method}{path}")
}

/// Builds the event of an HTTP API, in payload version 2.0
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
pub(super) fn http_event(
    request: &Parts,
    body: &Bytes,
    domain: &str,
    target: &Target<'_>,
    context: &Context<'_>,
) -> Value {
    let parameters = (!target.parameters.is_empty()).then_some(&target.parameters);
    let path = request.uri.path();
    let mut headers = forwarded(request, context);
    let cookies: Vec<String> = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| {
            text(value.as_bytes())
                .split("; ")
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    headers.remove(COOKIE);
    let (all_headers, all_queries) = (all_headers(&headers), all_queries(request));
    let (body, is_base64) = encoded(body);
    let now = OffsetDateTime::now_utc();
    let route_key = format!("{} {}", request.method, target.resource);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": request.uri.query().unwrap_or_default(),
        "headers": joined(&all_headers),
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": request.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", request.version),
                "sourceIp": context.client,
                "userAgent": all_headers.get("user-agent").and_then(|agents| agents.first()),
            },
            "requestId": context.request_id,
            "routeKey": route_key,
            "stage": context.stage,
            "time": now.format(REQUEST_TIME).unwrap_or_default(),
            "timeEpoch": now.unix_timestamp_nanos() / 1_000_000,
        },
        "isBase64Encoded": is_base64,
    });
    // Members without a value are left out.
    let optional = [
        ("cookies", (!cookies.is_empty()).then(|| json!(cookies))),
        (
            "queryStringParameters",
            (!all_queries.is_empty()).then(|| json!(joined(&all_queries))),
        ),
        (
            "pathParameters",
            parameters.map(|parameters| json!(parameters)),
        ),
        ("body", body.map(Value::from)),
    ];
    if let Some(event) = event.as_object_mut() {
        let present = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        event.extend(present);
    }
    event
}

/// Builds the event of a REST API.
pub(super) fn event(
    request: &Parts,
    body: &Bytes,
    domain: &str,
    target: &Target<'_>,
    context: &Context<'_>,
) -> Value {
    let Target {
        resource, caller, ..
    } = target;
    let parameters = (!target.parameters.is_empty()).then_some(&target.parameters);
    let path = request.uri.path();
    let headers = forwarded(request, context);
    let all_headers = all_headers(&headers);
    let all_queries = all_queries(request);
    let queries = (!all_queries.is_empty()).then_some(all_queries);
    let (body, is_base64) = encoded(body);
    let user_agent = headers
        .get("user-agent")
        .map(|agent| text(agent.as_bytes()));
    let now = OffsetDateTime::now_utc();
    let extended_id = STANDARD.encode(
        Uuid::new_v4()
            .as_bytes()
            .first_chunk::<11>()
            .copied()
            .unwrap_or_default(),
    );

    json!({
        "resource": resource,
        "path": path,
        "httpMethod": request.method.as_str(),
        "headers": last(&all_headers),
        "multiValueHeaders": all_headers,
        "queryStringParameters": queries.as_ref().map(last),
        "multiValueQueryStringParameters": queries,
        "pathParameters": parameters,
        "stageVariables": null,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "extendedRequestId": extended_id,
            "httpMethod": request.method.as_str(),
            "identity": {
                "accessKey": caller.map(|caller| &caller.access_key_id),
                "accountId": caller.map(|_| ACCOUNT_ID),
                "caller": caller.map(|caller| &caller.access_key_id),
                "cognitoAuthenticationProvider": null,
                "cognitoAuthenticationType": null,
                "cognitoIdentityId": null,
                "cognitoIdentityPoolId": null,
                "principalOrgId": null,
                "sourceIp": context.client,
                "user": caller.map(|caller| &caller.access_key_id),
                "userAgent": user_agent,
                "userArn": caller.map(|caller| &caller.arn),
            },
            "path": format!("/{}{path}", context.stage),
            "protocol": format!("{:?}", request.version),
            "requestId": context.request_id,
            "requestTime": now.format(REQUEST_TIME).unwrap_or_default(),
            "requestTimeEpoch": now.unix_timestamp_nanos() / 1_000_000,
            "resourceId": resource_id(resource),
            "resourcePath": resource,
            "stage": context.stage,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

/// Returns the headers of a request with those that the gateway adds.
fn forwarded(request: &Parts, context: &Context<'_>) -> HeaderMap {
    let mut headers = request.headers.clone();
    headers.insert("x-forwarded-for", ascii(&context.client.to_string()));
    headers.insert("x-forwarded-port", context.port.into());
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    headers
}

fn all_headers(headers: &HeaderMap) -> BTreeMap<&str, Vec<String>> {
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let values = all.entry(name.as_str()).or_default();
        values.push(text(value.as_bytes()));
    }
    all
}

fn all_queries(request: &Parts) -> BTreeMap<String, Vec<String>> {
    // Never fails, because decoding replaces invalid UTF-8.
    let query =
        Query::<Vec<(String, String)>>::try_from_uri(&request.uri).map(|Query(query)| query);
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in query.unwrap_or_default() {
        all.entry(name).or_default().push(value);
    }
    all
}

/// Returns the text of a body, and whether it is base64. Returns `None` for an empty body.
fn encoded(body: &Bytes) -> (Option<String>, bool) {
    match std::str::from_utf8(body) {
        Ok("") => (None, false),
        Ok(text) => (Some(text.to_owned()), false),
        Err(_) => (Some(STANDARD.encode(body)), true),
    }
}

/// Returns the values of each name, joined with commas.
fn joined<K: AsRef<str>>(all: &BTreeMap<K, Vec<String>>) -> BTreeMap<&str, String> {
    let joined = |(name, values): (_, &Vec<String>)| (K::as_ref(name), values.join(","));
    all.iter().map(joined).collect()
}

/// Returns the last value of each name, which the members for single values hold.
fn last<K: AsRef<str>>(all: &BTreeMap<K, Vec<String>>) -> BTreeMap<&str, &str> {
    all.iter()
        .filter_map(|(name, values)| Some((name.as_ref(), values.last()?.as_str())))
        .collect()
}

/// Decodes UTF-8, or else Latin-1, in which each byte is a character.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

fn ascii(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

fn resource_id(path: &str) -> String {
    let mut id = hex::encode(Sha256::digest(path));
    id.truncate(6);
    id
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use axum::http::Request;
    use lambda_http::RequestExt;

    use super::*;

    fn context() -> Context<'static> {
        Context {
            request_id: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            stage: "live",
            client: IpAddr::from([127, 0, 0, 1]),
            port: 3000,
        }
    }

    fn make(request: axum::http::request::Builder, body: &'static [u8]) -> Value {
        let (parts, body) = request.body(Bytes::from_static(body)).unwrap().into_parts();
        let target = Target {
            resource: parts.uri.path(),
            parameters: BTreeMap::new(),
            caller: None,
        };
        let domain = domain(&parts.headers).unwrap();
        event(&parts, &body, &domain, &target, &context())
    }

    #[test]
    fn the_runtime_understands_the_event() {
        let request = Request::post("/items/status?a=1&a=%C3%A9+x&b")
            .header("host", "127.0.0.1:3000")
            .header("x-forwarded-proto", "<garbage>")
            .header("x-name", "first")
            .header("x-name", "second");
        let event = make(request, "{\"é\":1}".as_bytes());

        assert_eq!(
            event["multiValueHeaders"]["x-name"],
            json!(["first", "second"])
        );
        assert_eq!(event["headers"]["x-name"], "second");
        assert_eq!(event["requestContext"]["path"], "/live/items/status");
        assert_eq!(event["requestContext"]["domainName"], "127.0.0.1");
        assert_eq!(
            event["multiValueQueryStringParameters"],
            json!({ "a": ["1", "é x"], "b": [""] })
        );
        assert_eq!(event["pathParameters"], Value::Null);

        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        assert_eq!(request.method(), "POST");
        assert_eq!(request.raw_http_path(), "/items/status");
        assert_eq!(request.headers()["x-forwarded-proto"], "http");
        assert_eq!(
            request.query_string_parameters().all("a"),
            Some(vec!["1", "é x"])
        );
        assert_eq!(request.body().as_ref(), "{\"é\":1}".as_bytes());
    }

    #[test]
    fn the_runtime_understands_the_event_of_an_http_api() {
        let request = Request::post("/items/7?a=1&a=%C3%A9+x")
            .header("host", "api.example.com")
            .header("cookie", "a=1; b=2")
            .header("x-name", "first")
            .header("x-name", "second");
        let (parts, body) = request
            .body(Bytes::from_static(b"{}"))
            .unwrap()
            .into_parts();
        let target = Target {
            resource: "/items/{id}",
            parameters: BTreeMap::from([("id".to_owned(), "7".to_owned())]),
            caller: None,
        };
        let context = Context {
            stage: "$default",
            ..context()
        };
        let event = http_event(&parts, &body, "api.example.com", &target, &context);

        assert_eq!(event["routeKey"], "POST /items/{id}");
        assert_eq!(event["rawQueryString"], "a=1&a=%C3%A9+x");
        assert_eq!(event["queryStringParameters"], json!({ "a": "1,é x" }));
        assert_eq!(event["headers"]["x-name"], "first,second");
        assert_eq!(event["headers"]["cookie"], Value::Null);
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["pathParameters"], json!({ "id": "7" }));

        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        assert_eq!(request.method(), "POST");
        assert_eq!(request.raw_http_path(), "/items/7");
        assert_eq!(request.body().as_ref(), b"{}");
        let context = request.request_context();
        let lambda_http::request::RequestContext::ApiGatewayV2(_) = context else {
            unreachable!("{context:?}")
        };
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let value = HeaderValue::from_bytes(b"caf\xe9").unwrap();
        let event = make(
            Request::post("/")
                .header("host", "localhost")
                .header("x-name", value),
            b"\xff\x00",
        );

        assert_eq!(event["headers"]["x-name"], "café");
        assert_eq!(event["isBase64Encoded"], true);
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        assert_eq!(request.body().as_ref(), b"\xff\x00");
    }

    #[test]
    fn absent_members_are_null() {
        let event = make(Request::get("/").header("host", "localhost"), b"");

        for member in [
            "body",
            "queryStringParameters",
            "multiValueQueryStringParameters",
            "stageVariables",
        ] {
            assert_eq!(event[member], Value::Null, "{member}");
        }
        assert_eq!(event["isBase64Encoded"], false);
    }

    #[test]
    fn only_proper_hosts_are_hosts() {
        let host = |value: &'static [u8]| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_bytes(value).unwrap())]);
            domain(&headers).is_some()
        };
        for good in [
            "localhost",
            "127.0.0.1:3000",
            "[::1]:3000",
            "api.example.com",
        ] {
            assert!(host(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            " ",
            "a b",
            "a/b",
            "a?b",
            "u@h",
            "h:99999",
            "h:x",
            "[::1",
            "1.2.3.4.5",
            "xn--a",
            "é",
            "<>",
        ] {
            assert!(!host(bad.as_bytes()), "{bad}");
        }
        assert!(domain(&HeaderMap::new()).is_none());
    }
}
