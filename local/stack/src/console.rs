//! The console of support and compliance, a page that calls the operators' API as a role of the laptop.

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::Response,
    routing::{any, get},
};
use local_aws::{
    forward::{Upstream, forward},
    gateway::Callers,
};
use serde_json::json;

use crate::{
    Error,
    demo::{JAVASCRIPT, POLICY, files, problem, secured},
};

/// The files of the page: path, type and content.
const FILES: [(&str, &str, &str); 2] = [
    (
        "/operations",
        "text/html; charset=utf-8",
        include_str!("../console/index.html"),
    ),
    (
        "/operations/console.js",
        JAVASCRIPT,
        include_str!("../console/console.js"),
    ),
];

/// The largest body of a call that is forwarded, in bytes: more than the API takes.
const MAX_BODY: usize = 1024 * 1024;

/// The operators' API, and those who may call it.
#[derive(Clone)]
struct Signed {
    upstream: Upstream,
    host: String,
    callers: Callers,
}

/// Returns the routes of the console, whose calls go to the operators' API at `url`.
pub(crate) fn pages(url: &str, callers: Callers) -> Result<Router, Error> {
    let roles: Vec<String> = callers.keys().map(str::to_owned).collect();
    let signed = Signed {
        upstream: Upstream::new(url.to_owned())?,
        host: url.trim_start_matches("http://").to_owned(),
        callers,
    };
    let api = Router::new().route("/{*call}", any(call));
    let pages = files(FILES)
        .route(
            "/operations/roles.json",
            get(async move || Json(json!(roles))),
        )
        .nest("/operations/api", api.with_state(signed));
    Ok(secured(pages, POLICY))
}

/// Signs a call with the key of the role in `x-role`, and forwards it. Pages of other origins cannot send this header, because it
/// requires a CORS permission that nothing grants.
async fn call(State(signed): State<Signed>, request: Request) -> Response {
    let role = request.headers().get("x-role");
    let role = role.and_then(|role| role.to_str().ok()).map(str::to_owned);
    let (mut head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    };
    head.headers.remove("x-role");
    let head = role.and_then(|role| signed.callers.sign(&role, &signed.host, head, &body));
    let Some(head) = head else {
        return problem(StatusCode::FORBIDDEN, "x-role must name a role");
    };
    let request = Request::from_parts(head, Body::from(body));
    forward(State(signed.upstream), request).await
}
