//! How requests to AWS travel.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::platform::tls;

/// Making a TCP connection takes no longer; the handshake counts as part of the attempt.
const CONNECT: Duration = Duration::from_secs(1);

/// An HTTP client of the AWS SDK.
///
/// The SDK's own reads the roots of the machine for itself, and brings HTTP/2, which neither DynamoDB nor Secrets Manager
/// speaks (docs/performance.md). It consists of the same two libraries.
pub(super) fn client() -> SharedHttpClient {
    let mut tcp = connect::HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls::config())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(https);
    let connector = SharedHttpConnector::new(Hyper(client));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug, Clone)]
struct Hyper(Client<HttpsConnector<connect::HttpConnector>, SdkBody>);

impl HttpConnector for Hyper {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            // Whatever happens to a connection may pass: the SDK tries again, and bounds how long.
            let answer = client.request(request).await;
            let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
