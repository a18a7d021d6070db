//! The HTTP client of the AWS SDK.

use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::HeaderValue;
use http::header::USER_AGENT;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{self, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::platform::tls;

/// Making a TCP connection takes no longer; the handshake counts as part of the attempt.
const CONNECT: Duration = Duration::from_secs(1);

/// The caller, for AWS's own logs. Not signed, as the SDK does not sign its own.
const CALLER: HeaderValue =
    HeaderValue::from_static(concat!("kyc-api/", env!("CARGO_PKG_VERSION")));

/// Builds an HTTP client for the AWS SDK.
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
            let mut request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            request.headers_mut().insert(USER_AGENT, CALLER);
            tell_connection(&mut request);
            // Whatever happens to a connection may pass: the SDK tries again, and bounds how long.
            let answer = client.request(request).await;
            let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Lets the SDK close the connection that a request travels on. It does so after a failure that may pass, so that the next try does not
/// meet the same broken host (`ConnectionPoisoningInterceptor` of aws-smithy-runtime).
fn tell_connection(request: &mut http::Request<SdkBody>) {
    let asked = request.extensions().get::<CaptureSmithyConnection>();
    if let Some(asked) = asked.cloned() {
        let connection = capture_connection(request);
        asked.set_connection_retriever(move || {
            let connection = connection.clone();
            let close = move || {
                // None: it could not be made, so that nothing is left to close.
                if let Some(connection) = connection.connection_metadata().as_ref() {
                    connection.poison();
                }
            };
            let metadata = ConnectionMetadata::builder().proxied(false);
            Some(metadata.poison_fn(close).build())
        });
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::client;

    /// Answers each request of a connection with the same status.
    async fn answer_all(mut connection: TcpStream, status: &str) {
        let mut request = vec![0; 64 * 1024];
        // A request of this test arrives in one piece: it is smaller than any segment.
        while connection
            .read(&mut request)
            .await
            .is_ok_and(|read| read > 0)
        {
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_connection_to_a_broken_host_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut statuses = ["500 Internal Server Error"].into_iter();
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer_all(connection, statuses.next().unwrap_or("200 OK")));
            }
        });
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(client())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .endpoint_url(url)
            .retry_config(super::super::retries())
            .timeout_config(super::super::timeouts());
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(config.build());
        for _ in 0..3 {
            dynamodb.list_tables().send().await.unwrap();
        }
    }
}
