//! `GET /v0/kyc/status` with the defaults of all libraries, as their documentation shows them.

use std::env;

use aws_sdk_dynamodb::types::AttributeValue;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use lambda_http::{Body, Error, Request, Response, run, service_fn, tracing};
use serde::{Deserialize, Serialize};

struct App {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    keys: JwkSet,
    /// Client for `?refresh=true`. Its creation is measured, its requests are not.
    _provider: reqwest::Client,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Deserialize)]
struct User {
    status: Option<String>,
    applicant_id: Option<String>,
    decided_at: Option<i64>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    status: String,
    applicant_id: Option<String>,
    verified_at: Option<i64>,
    rejected_at: Option<i64>,
    reject_reason: Option<String>,
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

const fn link(href: &'static str) -> Link {
    Link { href, method: None }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let secret = secrets
        .get_secret_value()
        .secret_id(env::var("JWKS_SECRET")?)
        .send()
        .await?;
    let app = &App {
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        table: env::var("USERS_TABLE")?,
        keys: serde_json::from_str(secret.secret_string().ok_or("no text")?)?,
        _provider: reqwest::Client::new(),
    };
    run(service_fn(|request: Request| async move {
        let answer = match user_id(app, &request) {
            Some(id) => status(app, id).await?,
            None => Response::builder().status(401).body(Body::Empty)?,
        };
        tracing::info!(status = answer.status().as_u16(), "request");
        Ok::<_, Error>(answer)
    }))
    .await
}

fn user_id(app: &App, request: &Request) -> Option<String> {
    let token = request.headers().get("x-juno-jwt")?.to_str().ok()?;
    let header = decode_header(token).ok()?;
    let key = app.keys.find(&header.kid?)?;
    let key = DecodingKey::from_jwk(key).ok()?;
    let token = decode::<Claims>(token, &key, &Validation::new(header.alg));
    Some(token.ok()?.claims.sub)
}

async fn status(app: &App, id: String) -> Result<Response<Body>, Error> {
    let answer = app
        .dynamodb
        .get_item()
        .table_name(&app.table)
        .key("user_id", AttributeValue::S(id))
        .consistent_read(true)
        .send()
        .await?;
    let user: User = serde_dynamo::from_item(answer.item.unwrap_or_default())?;
    let status = user.status.unwrap_or_else(|| "pending".to_owned());
    let answer = Answer {
        applicant_id: user.applicant_id,
        verified_at: user.decided_at.filter(|_| status == "approved"),
        rejected_at: user.decided_at.filter(|_| status == "rejected"),
        reject_reason: user.reason,
        _links: Links {
            this: link("/v0/kyc/status"),
            user: link("/v0/user/me"),
            refresh: link("/v0/kyc/status?refresh=true"),
            start_verification: ["pending", "retry"]
                .contains(&status.as_str())
                .then_some(Link {
                    method: Some("POST"),
                    ..link("/v0/kyc/access-token")
                }),
        },
        status,
    };
    Ok(Response::builder()
        .header("content-type", "application/json")
        .header("cache-control", "no-store")
        .body(serde_json::to_string(&answer)?.into())?)
}
