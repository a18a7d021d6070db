//! Calls of AWS: JSON over HTTPS, signed with Signature Version 4.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::http::Connection;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Configures TLS with the machine's roots.
pub fn tls() -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config =
        ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let config = config
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(config.with_no_client_auth().into())
}

/// A service of AWS.
pub struct Service {
    name: &'static str,
    host: String,
    tls: Arc<ClientConfig>,
    connection: Option<Connection<StreamOwned<ClientConnection, TcpStream>>>,
    region: String,
    key_id: String,
    key: String,
    session_token: Option<String>,
}

impl Service {
    /// Creates a client. The variable holds the endpoint; without it the service is that of AWS.
    pub fn new(name: &'static str, variable: &str, tls: &Arc<ClientConfig>) -> Result<Self> {
        let region = env::var("AWS_REGION")?;
        let endpoint = env::var(variable)
            .ok()
            .filter(|endpoint| !endpoint.is_empty());
        let endpoint = endpoint.unwrap_or_else(|| format!("https://{name}.{region}.amazonaws.com"));
        Ok(Self {
            name,
            host: endpoint
                .trim_start_matches("https://")
                .trim_end_matches('/')
                .to_owned(),
            tls: Arc::clone(tls),
            connection: None,
            region,
            key_id: env::var("AWS_ACCESS_KEY_ID")?,
            key: env::var("AWS_SECRET_ACCESS_KEY")?,
            session_token: env::var("AWS_SESSION_TOKEN").ok(),
        })
    }

    /// Calls an operation. Connects again if the kept connection was closed.
    pub fn call(&mut self, target: &str, content_type: &str, body: &[u8]) -> Result<Vec<u8>> {
        let headers = self.headers(target, content_type, body)?;
        let kept = self.connection.take().map(|mut kept| {
            let answer = kept.send("POST", "/", &headers, body);
            answer.map(|answer| (kept, answer))
        });
        let (connection, answer) = match kept {
            Some(Ok(done)) => done,
            Some(Err(_)) | None => {
                let mut new = self.connect()?;
                let answer = new.send("POST", "/", &headers, body)?;
                (new, answer)
            }
        };
        self.connection = Some(connection);
        if answer.status() == Some(200) {
            Ok(answer.body)
        } else {
            Err("AWS refuses".into())
        }
    }

    fn connect(&self) -> Result<Connection<StreamOwned<ClientConnection, TcpStream>>> {
        let (name, port) = self.host.split_once(':').unwrap_or((&self.host, "443"));
        let socket = TcpStream::connect((name, port.parse()?))?;
        socket.set_nodelay(true)?;
        let tls = ClientConnection::new(Arc::clone(&self.tls), name.to_owned().try_into()?)?;
        Connection::new(StreamOwned::new(tls, socket), &self.host)
    }

    /// Formats the headers of a request, with its signature.
    fn headers(&self, target: &str, content_type: &str, body: &[u8]) -> Result<String> {
        let (day, time) = date(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
        let time = format!("{day}T{time}Z");
        let Self {
            name,
            host,
            region,
            key_id,
            session_token,
            ..
        } = self;
        let (token, token_name) = match session_token {
            Some(token) => (
                format!("x-amz-security-token:{token}\n"),
                "x-amz-security-token;",
            ),
            None => (String::new(), ""),
        };
        let names = format!("content-type;host;x-amz-date;{token_name}x-amz-target");
        let canonical = format!(
            "POST\n/\n\ncontent-type:{content_type}\nhost:{host}\nx-amz-date:{time}\n{token}x-amz-target:{target}\n\n{names}\n{}",
            hex(digest(&SHA256, body).as_ref())
        );
        let scope = format!("{day}/{region}/{name}/aws4_request");
        let canonical = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
        let message = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
        let key = format!("AWS4{}", self.key).into_bytes();
        let key = [&day, region, *name, "aws4_request"]
            .into_iter()
            .fold(key, |key, part| hmac(&key, part));
        let signature = hex(&hmac(&key, &message));
        let token = token.replace('\n', "\r\n");
        Ok(format!(
            "content-type: {content_type}\r\nx-amz-date: {time}\r\n{token}x-amz-target: {target}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}\r\n"
        ))
    }
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), message.as_bytes())
        .as_ref()
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Formats seconds since 1970 as `YYYYMMDD` and `HHMMSS` (after Howard Hinnant's `civil_from_days`).
fn date(seconds: u64) -> (String, String) {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    (
        format!("{year:04}{month:02}{day:02}"),
        format!("{hour:02}{minute:02}{second:02}"),
    )
}
