//! The demo, a page that uses the API like a frontend and also plays the provider's reviewer, and the API reference.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::{
        HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::{from_fn, map_response},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use local_aws::{
    account,
    forward::{Upstream, forward},
};
use local_hosts::local_names_only;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{kyc::UserId, platform::chain, repository::Users};

use crate::{
    Error,
    stack::register,
    timeline::{self, Told},
    token::{self, Signer},
};

/// The files of the page: path, type and content.
const FILES: [(&str, &str, &str); 8] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../demo/index.html"),
    ),
    (
        "/demo/style.css",
        "text/css; charset=utf-8",
        include_str!("../demo/style.css"),
    ),
    ("/demo/kyc.js", JAVASCRIPT, include_str!("../demo/kyc.js")),
    ("/demo/sdk.js", JAVASCRIPT, include_str!("../demo/sdk.js")),
    (
        "/demo/scenarios.js",
        JAVASCRIPT,
        include_str!("../demo/scenarios.js"),
    ),
    (
        "/demo/timeline.js",
        JAVASCRIPT,
        include_str!("../demo/timeline.js"),
    ),
    ("/demo/demo.js", JAVASCRIPT, include_str!("../demo/demo.js")),
    (
        "/demo/icon.svg",
        "image/svg+xml",
        include_str!("../demo/icon.svg"),
    ),
];
/// The files of the API reference.
const REFERENCE: [(&str, &str, &str); 4] = [
    (
        "/docs",
        "text/html; charset=utf-8",
        include_str!("../demo/docs.html"),
    ),
    (
        "/docs/docs.css",
        "text/css; charset=utf-8",
        include_str!("../demo/docs.css"),
    ),
    ("/docs/docs.js", JAVASCRIPT, include_str!("../demo/docs.js")),
    (
        "/openapi.yaml",
        "application/yaml",
        include_str!("../../../openapi.yaml"),
    ),
];
/// The renderer of the API reference, compressed with gzip, which all browsers accept.
const RENDERER: [(&str, &str, &[u8]); 2] = [
    (
        "/docs/swagger-ui-bundle.js",
        JAVASCRIPT,
        include_bytes!("../vendor/swagger-ui/swagger-ui-bundle.js.gz"),
    ),
    (
        "/docs/swagger-ui.css",
        "text/css; charset=utf-8",
        include_bytes!("../vendor/swagger-ui/swagger-ui.css.gz"),
    ),
];
pub(crate) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The URL of the provider's SDK.
const SDK: &str = "https://static.sumsub.com/idensic/static/sns-websdk-builder.js";
/// The content security policy of the page, which loads nothing from elsewhere.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The policy of the API reference, which also has icons in its style sheet.
const POLICY_OF_REFERENCE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The policy of the page with the provider's SDK.
const POLICY_WITH_SDK: &str = "default-src 'none'; script-src 'self' https://static.sumsub.com; style-src 'self'; \
    img-src 'self'; connect-src 'self' https://*.sumsub.com; frame-src https://*.sumsub.com; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Returns the routes of the demo, without its configuration.
pub(crate) fn pages(
    users: Arc<Users>,
    simulator: Option<&str>,
    told: Told,
) -> Result<Router, Error> {
    let mut pages = files(FILES).merge(timeline::route(told)).merge(
        Router::new()
            .route("/demo/session", post(session))
            .with_state(users),
    );
    if let Some(url) = simulator {
        let upstream = Upstream::new(url.to_owned())?;
        let simulator = Router::new().route("/simulator/{*call}", any(forward));
        pages = pages.nest("/demo", simulator.with_state(upstream));
    }
    let policy = if simulator.is_some() {
        POLICY
    } else {
        POLICY_WITH_SDK
    };
    Ok(secured(pages, policy).merge(reference()))
}

/// Returns the route of the demo's configuration. Without a simulator, the page opens the provider's own SDK; without the URL of the operators'
/// API it has nothing to do with operators.
pub(crate) fn config(simulator: Option<&str>, operations: Option<&str>) -> Router {
    let config = json!({
        "simulator": simulator.is_some(),
        "sdk": simulator.is_none().then_some(SDK),
        "operations": operations,
        "region": account::region(),
    });
    let config = Router::new().route("/demo/config.json", get(async || Json(config)));
    secured(config, POLICY)
}

/// Returns routes for files.
pub(crate) fn files<const N: usize>(files: [(&str, &'static str, &'static str); N]) -> Router {
    files
        .into_iter()
        .fold(Router::new(), |pages, (path, content_type, content)| {
            pages.route(path, get(([(CONTENT_TYPE, content_type)], content)))
        })
}

/// Returns the routes of the API reference.
fn reference() -> Router {
    let mut pages = files(REFERENCE);
    for (path, content_type, content) in RENDERER {
        let headers = [(CONTENT_TYPE, content_type), (CONTENT_ENCODING, "gzip")];
        pages = pages.route(path, get((headers, content)));
    }
    secured(pages, POLICY_OF_REFERENCE)
}

/// Adds a content security policy and other security headers to pages.
pub(crate) fn secured(pages: Router, policy: &'static str) -> Router {
    let pages = pages.layer(from_fn(local_names_only));
    pages.layer(map_response(async move |mut response: Response| {
        for (name, value) in [
            (CACHE_CONTROL, "no-store"),
            (CONTENT_SECURITY_POLICY, policy),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
        ] {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }))
}

#[derive(Deserialize)]
struct Session {
    user: String,
}

/// Returns a token for any user who asks, which only a laptop may do. Pages of other origins cannot ask, because a JSON body
/// requires a CORS permission that nothing grants.
async fn session(
    State(users): State<Arc<Users>>,
    session: Result<Json<Session>, JsonRejection>,
) -> Response {
    let Ok(Json(Session { user })) = session else {
        return problem(StatusCode::BAD_REQUEST, r#"the body must be {"user":"…"}"#);
    };
    let id = match UserId::parse(&user) {
        Ok(id) => id,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if let Err(error) = register(&users, id).await {
        return problem(StatusCode::BAD_GATEWAY, &chain(&error).to_string());
    }
    match Signer::development() {
        Ok(signer) => {
            let token = signer.token(&user, token::DEFAULT_LIFETIME);
            Json(json!({ "user": user, "token": token })).into_response()
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let body: Value =
        json!({ "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail });
    let content_type = [(CONTENT_TYPE, "application/problem+json")];
    (status, content_type, body.to_string()).into_response()
}
