//! The responses of the gateway: those of functions, and its own.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING,
            WWW_AUTHENTICATE,
        },
    },
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::template::{Api, ApiKind, GatewayResponse};

/// An error for which the gateway responds by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GatewayError {
    BadRequest,
    UnknownRoute,
    Unsigned,
    InvalidSignature,
    Unauthorized,
    AccessDenied,
    ExplicitlyDenied,
    AuthorizerFailure,
    TooLarge,
    IntegrationFailure,
    IntegrationTimeout,
}

impl GatewayError {
    /// Returns the response type, and the status and message that API Gateway has by default.
    fn describe(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadRequest => ("BAD_REQUEST", StatusCode::BAD_REQUEST, "Bad Request"),
            Self::UnknownRoute | Self::Unsigned => (
                "MISSING_AUTHENTICATION_TOKEN",
                StatusCode::FORBIDDEN,
                "Missing Authentication Token",
            ),
            Self::InvalidSignature => (
                "INVALID_SIGNATURE",
                StatusCode::FORBIDDEN,
                "The request signature we calculated does not match the signature you provided.",
            ),
            Self::Unauthorized => ("UNAUTHORIZED", StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::AccessDenied => (
                "ACCESS_DENIED",
                StatusCode::FORBIDDEN,
                "User is not authorized to access this resource",
            ),
            Self::ExplicitlyDenied => (
                "ACCESS_DENIED",
                StatusCode::FORBIDDEN,
                "User is not authorized to access this resource with an explicit deny",
            ),
            Self::AuthorizerFailure => (
                "AUTHORIZER_FAILURE",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal server error",
            ),
            Self::TooLarge => (
                "REQUEST_TOO_LARGE",
                StatusCode::PAYLOAD_TOO_LARGE,
                "Request Too Long",
            ),
            Self::IntegrationFailure => (
                "INTEGRATION_FAILURE",
                StatusCode::BAD_GATEWAY,
                "Internal server error",
            ),
            Self::IntegrationTimeout => (
                "INTEGRATION_TIMEOUT",
                StatusCode::GATEWAY_TIMEOUT,
                "Endpoint request timed out",
            ),
        }
    }

    /// Returns the status of an HTTP API, whose message is always the reason phrase.
    fn of_http_api(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::UnknownRoute => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Unsigned
            | Self::InvalidSignature
            | Self::AccessDenied
            | Self::ExplicitlyDenied => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::AuthorizerFailure | Self::IntegrationFailure => StatusCode::INTERNAL_SERVER_ERROR,
            Self::IntegrationTimeout => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Builds the response of an API for this error.
    pub(super) fn response(self, api: &Api, path: &str, request_id: &str) -> Response {
        match api.kind {
            ApiKind::Rest => self.gateway_response(&api.responses, path, request_id),
            ApiKind::Http => {
                let status = self.of_http_api();
                let message = status.canonical_reason();
                (status, axum::Json(json!({ "message": message }))).into_response()
            }
        }
    }

    /// Builds the response that the template declares for this error, or else the default.
    fn gateway_response(
        self,
        responses: &BTreeMap<String, GatewayResponse>,
        path: &str,
        request_id: &str,
    ) -> Response {
        let (kind, status, message) = self.describe();
        let default = if status.is_client_error() {
            "DEFAULT_4XX"
        } else {
            "DEFAULT_5XX"
        };
        let Some(template) = responses.get(kind).or_else(|| responses.get(default)) else {
            return (status, axum::Json(json!({ "message": message }))).into_response();
        };
        let body = template
            .body
            .replace("$context.requestId", &escaped(request_id));
        // The path comes last, so that nothing in it is taken for a variable.
        let body = body.replace("$context.path", &escaped(path));
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = template
            .status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(status);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in &template.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Escapes a text for use inside a JSON string.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or_default()
        .to_owned()
}

/// Builds the response that a function's payload describes. Returns `None` for a malformed payload. To an HTTP API, JSON without a
/// status is the body of a 200.
pub(super) fn from_function(payload: &[u8], kind: ApiKind) -> Option<Response> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ProxyResponse {
        status_code: u16,
        headers: Option<BTreeMap<String, Value>>,
        multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
        cookies: Option<Vec<String>>,
        body: Option<String>,
        is_base64_encoded: Option<bool>,
    }

    let described: Value = serde_json::from_slice(payload).ok()?;
    if kind == ApiKind::Http && described.get("statusCode").is_none() {
        return Some(axum::Json(described).into_response());
    }
    let described: ProxyResponse = serde_json::from_value(described).ok()?;
    let status = StatusCode::from_u16(described.status_code)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))?;
    let mut headers = HeaderMap::new();
    for (name, values) in described.multi_value_headers.unwrap_or_default() {
        for value in &values {
            headers.append(name.parse::<HeaderName>().ok()?, header_value(value)?);
        }
    }
    for (name, value) in described.headers.unwrap_or_default() {
        let (name, value) = (name.parse::<HeaderName>().ok()?, header_value(&value)?);
        if !headers
            .get_all(&name)
            .iter()
            .any(|present| *present == value)
        {
            headers.append(name, value);
        }
    }
    if kind == ApiKind::Http {
        for cookie in described.cookies.unwrap_or_default() {
            headers.append(SET_COOKIE, cookie.parse().ok()?);
        }
    }
    // "Amazon API Gateway important notes" in its Developer Guide: this header never arrives under its own name.
    if let Some(challenge) = headers.remove(WWW_AUTHENTICATE) {
        headers.insert("x-amzn-remapped-www-authenticate", challenge);
    }
    // The server frames the body itself.
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    let body = described.body.unwrap_or_default();
    let body = match described.is_base64_encoded {
        Some(true) => STANDARD.decode(body).ok()?,
        _ => body.into_bytes(),
    };
    Some((status, headers, body).into_response())
}

fn header_value(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(_) | Value::Bool(_) => value.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    async fn text(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn responses(kind: &str, status: Option<u16>) -> BTreeMap<String, GatewayResponse> {
        let body = r#"{"instance":"$context.path","trace_id":"$context.requestId"}"#.to_owned();
        BTreeMap::from([(
            kind.to_owned(),
            GatewayResponse {
                status,
                headers: BTreeMap::new(),
                body,
            },
        )])
    }

    #[tokio::test]
    async fn variables_are_escaped() {
        let response = GatewayError::UnknownRoute.gateway_response(
            &responses("DEFAULT_4XX", None),
            r#"/"$context.requestId\"#,
            "id",
        );

        assert_eq!(response.status(), 403);
        assert_eq!(
            text(response).await,
            r#"{"instance":"/\"$context.requestId\\","trace_id":"id"}"#
        );
    }

    #[tokio::test]
    async fn a_default_stands_in_for_a_missing_type() {
        let responses = responses("DEFAULT_5XX", Some(503));

        assert_eq!(
            GatewayError::IntegrationFailure
                .gateway_response(&responses, "/", "id")
                .status(),
            503
        );
        assert_eq!(
            GatewayError::TooLarge
                .gateway_response(&responses, "/", "id")
                .status(),
            413
        );
    }

    #[tokio::test]
    async fn both_kinds_of_headers_are_sent() {
        let payload = json!({
            "statusCode": 201,
            "headers": { "X-A": "2", "x-b": 3, "Content-Length": "999" },
            "multiValueHeaders": { "x-a": ["1", "2"] },
            "body": "aGk=",
            "isBase64Encoded": true,
        });
        let response = from_function(payload.to_string().as_bytes(), ApiKind::Rest).unwrap();

        assert_eq!(response.status(), 201);
        assert_eq!(
            response.headers().get_all("x-a").iter().collect::<Vec<_>>(),
            ["1", "2"]
        );
        assert_eq!(response.headers()["x-b"], "3");
        assert_eq!(response.headers()["content-type"], "application/json");
        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(text(response).await, "hi");
    }

    #[test]
    fn a_malformed_payload_is_no_response() {
        for payload in [
            "null",
            "{}",
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"c\n"}}"#,
            r#"{"statusCode":200,"body":{}}"#,
            r#"{"statusCode":200,"body":"%","isBase64Encoded":true}"#,
        ] {
            let response = from_function(payload.as_bytes(), ApiKind::Rest);
            assert!(response.is_none(), "{payload}");
        }
    }

    #[tokio::test]
    async fn an_http_api_infers_the_rest_and_sets_cookies() {
        let response = from_function(br#"{"a":1}"#, ApiKind::Http).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(text(response).await, r#"{"a":1}"#);

        let payload = br#"{"statusCode":204,"cookies":["a=1","b=2"]}"#;
        let response = from_function(payload, ApiKind::Http).unwrap();
        let cookies = response.headers().get_all("set-cookie").iter();
        assert_eq!(cookies.collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert!(from_function(br#"{"statusCode":"x"}"#, ApiKind::Http).is_none());
    }
}
