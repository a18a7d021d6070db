//! The floor: the work of `GET /v0/kyc/status` with neither SDK nor async runtime, on sockets that block.
//!
//! It fetches the key set over TLS, with the machine's roots, before the first event. For each event it verifies the token,
//! sends one signed request to DynamoDB over a kept connection, and logs a line. It has no timeouts, retries, renewal of keys,
//! refresh or problem details, which a service needs.

mod aws;
mod http;

use std::borrow::Cow;
use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::{Deserialize, Serialize};

use aws::Service;
use http::Connection;

type Keys = HashMap<String, Key>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A key of the issuer, for RS256 or HS256.
enum Key {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    Shared(hmac::Key),
}

fn main() -> Result<()> {
    let tls = aws::tls()?;
    let mut secrets = Service::new("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", &tls)?;
    let keys = keys(&mut secrets)?;
    let mut dynamodb = Service::new("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB", &tls)?;
    let table = env::var("USERS_TABLE")?;

    let runtime = env::var("AWS_LAMBDA_RUNTIME_API")?;
    let mut lambda = Connection::new(TcpStream::connect(&runtime)?, &runtime)?;
    loop {
        let event = lambda.send("GET", "/2018-06-01/runtime/invocation/next", "", b"")?;
        let id = event
            .header("lambda-runtime-aws-request-id")
            .ok_or("no id")?;
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        let answer = answer(&event.body, &keys, &mut dynamodb, &table)?;
        println!(
            r#"{{"level":"INFO","message":"request","status":{}}}"#,
            answer.status_code
        );
        let headers = "content-type: application/json\r\n";
        lambda.send("POST", &path, headers, &serde_json::to_vec(&answer)?)?;
    }
}

/// Reads the keys of the issuer by id.
fn keys(secrets: &mut Service) -> Result<Keys> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Secret {
        secret_string: String,
    }
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Jwk>,
    }
    #[derive(Deserialize)]
    struct Jwk {
        kid: String,
        #[serde(flatten)]
        material: Material,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Material {
        Rsa { n: String, e: String },
        Shared { k: String },
    }
    let request = serde_json::json!({ "SecretId": env::var("JWKS_SECRET")? }).to_string();
    let answer = secrets.call(
        "secretsmanager.GetSecretValue",
        "application/x-amz-json-1.1",
        request.as_bytes(),
    )?;
    let secret: Secret = serde_json::from_slice(&answer)?;
    let set: Set = serde_json::from_str(&secret.secret_string)?;
    let bytes = |text: String| BASE64_URL_SAFE_NO_PAD.decode(text);
    let key = |jwk: Jwk| {
        let key = match jwk.material {
            Material::Rsa { n, e } => {
                let (n, e) = (bytes(n)?, bytes(e)?);
                Key::Rsa(RsaPublicKeyComponents { n, e })
            }
            Material::Shared { k } => Key::Shared(hmac::Key::new(hmac::HMAC_SHA256, &bytes(k)?)),
        };
        Ok((jwk.kid, key))
    };
    set.keys.into_iter().map(key).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    multi_value_headers: HashMap<Cow<'a, str>, Vec<Cow<'a, str>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProxyResponse {
    status_code: u16,
    multi_value_headers: HashMap<&'static str, [&'static str; 1]>,
    body: String,
    is_base64_encoded: bool,
}

fn answer(event: &[u8], keys: &Keys, dynamodb: &mut Service, table: &str) -> Result<ProxyResponse> {
    let event: Event = serde_json::from_slice(event)?;
    let headers = event.multi_value_headers.iter();
    let token = headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-juno-jwt"))
        .flat_map(|(_, values)| values)
        .next();
    let user = token.and_then(|token| user(token, keys));
    let (status_code, body) = match user {
        Some(user) => (200, status(&user, dynamodb, table)?),
        None => (401, String::new()),
    };
    let headers = [
        ("cache-control", "no-store"),
        ("content-security-policy", "sandbox"),
        ("content-type", "application/json"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=63072000"),
        ("vary", "Origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ];
    Ok(ProxyResponse {
        status_code,
        multi_value_headers: headers
            .into_iter()
            .map(|(name, value)| (name, [value]))
            .collect(),
        body,
        is_base64_encoded: false,
    })
}

/// Verifies a token and returns its user. `None` if it is not valid.
fn user(token: &str, keys: &Keys) -> Option<String> {
    #[derive(Deserialize)]
    struct Header<'a> {
        alg: &'a str,
        kid: &'a str,
    }
    #[derive(Deserialize)]
    struct Claims {
        sub: String,
        exp: u64,
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: Header = serde_json::from_slice(&header).ok()?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let bytes = message.as_bytes();
    match (header.alg, keys.get(header.kid)?) {
        ("RS256", Key::Rsa(key)) => key.verify(&RSA_PKCS1_2048_8192_SHA256, bytes, &signature),
        ("HS256", Key::Shared(key)) => hmac::verify(key, bytes, &signature),
        _ => return None,
    }
    .ok()?;
    let claims: Claims =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    (claims.exp + 60 > now.as_secs()).then_some(claims.sub)
}

/// Reads a user and formats the body of the response.
fn status(user: &str, dynamodb: &mut Service, table: &str) -> Result<String> {
    #[derive(Deserialize, Default)]
    struct Item {
        status: Option<Text>,
        applicant_id: Option<Text>,
        reason: Option<Text>,
        decided_at: Option<Number>,
    }
    #[derive(Deserialize)]
    struct Text {
        #[serde(rename = "S")]
        text: String,
    }
    #[derive(Deserialize)]
    struct Number {
        #[serde(rename = "N")]
        number: String,
    }
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "Item")]
        item: Option<Item>,
    }
    #[derive(Serialize)]
    struct View<'a> {
        status: &'a str,
        applicant_id: Option<&'a str>,
        verified_at: Option<u64>,
        rejected_at: Option<u64>,
        reject_reason: Option<&'a str>,
        _links: Links,
    }
    #[derive(Serialize)]
    struct Links {
        #[serde(rename = "self")]
        this: Link,
        user: Link,
        refresh: Link,
        #[serde(rename = "start-verification", skip_serializing_if = "Option::is_none")]
        start_verification: Option<Link>,
    }
    #[derive(Serialize)]
    struct Link {
        href: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        method: Option<&'static str>,
    }
    let link = |href| Link { href, method: None };

    let request = serde_json::json!({ "TableName": table, "ConsistentRead": true,
        "Key": { "user_id": { "S": user } } });
    let request = request.to_string();
    let found = dynamodb.call(
        "DynamoDB_20120810.GetItem",
        "application/x-amz-json-1.0",
        request.as_bytes(),
    )?;
    let found: Found = serde_json::from_slice(&found)?;
    let item = found.item.unwrap_or_default();
    let text = |text: &'_ Option<Text>| text.as_ref().map(|text| text.text.clone());
    let status = text(&item.status).unwrap_or_else(|| "pending".to_owned());
    let decided_at = item
        .decided_at
        .map(|number| number.number.parse())
        .transpose()?;
    Ok(serde_json::to_string(&View {
        applicant_id: text(&item.applicant_id).as_deref(),
        verified_at: decided_at.filter(|_| status == "approved"),
        rejected_at: decided_at.filter(|_| status == "rejected"),
        reject_reason: text(&item.reason).as_deref(),
        _links: Links {
            this: link("/v0/kyc/status"),
            user: link("/v0/user/me"),
            refresh: link("/v0/kyc/status?refresh=true"),
            start_verification: matches!(status.as_str(), "pending" | "retry").then_some(Link {
                href: "/v0/kyc/access-token",
                method: Some("POST"),
            }),
        },
        status: &status,
    })?)
}
