//! Events of API Gateway, before they become requests.

use http::header::HOST;
use lambda_http::request::LambdaRequest;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Deserializer};

/// Characters that a URL cannot hold as they are. An HTTP API's event holds the query as it was sent.
const NOT_IN_URL: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// An event of a function that serves HTTP: a request, or anything else, such as a ping that keeps the function warm.
pub(super) struct Event(pub(super) Option<LambdaRequest>);

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // It reads the whole value first, so that nothing is left unread when that is no request.
        Ok(Self(LambdaRequest::deserialize(deserializer).ok()))
    }
}

/// Returns the event without the parts that must not reach a request.
///
/// A REST API's event holds each header twice: all its values, and the last one. Only the former are kept, so that a header
/// that was sent twice is seen twice. Where a request was sent to is left out: nothing here looks at it, and the conversion to
/// a request makes a URL of it, which takes time, and panics on some of what callers may send. It panics on a query that is
/// no part of a URL, too, so that is encoded, which does not change its meaning.
#[must_use]
pub fn normalized(mut event: LambdaRequest) -> LambdaRequest {
    match &mut event {
        LambdaRequest::ApiGatewayV1(event) => {
            if !event.multi_value_headers.is_empty() {
                event.headers.clear();
            }
            event.headers.remove(HOST);
            event.path = None;
            event.request_context.domain_name = None;
            event.request_context.stage = None;
        }
        LambdaRequest::ApiGatewayV2(event) => {
            event.headers.remove(HOST);
            event.raw_path = None;
            event.request_context.domain_name = None;
            event.request_context.stage = None;
            if let Some(query) = &mut event.raw_query_string {
                *query = utf8_percent_encode(query, NOT_IN_URL).to_string();
            }
        }
        _ => {}
    }
    event
}
