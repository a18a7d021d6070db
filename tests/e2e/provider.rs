//! A provider that answers what a test wants, byte for byte.

use std::collections::HashMap;

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use local::Options;
use tokio::net::TcpListener;

use tests::app::App;

/// Where the provider is asked for the user of most tests.
pub(crate) const APPLICANT: &str = "/resources/applicants/-;externalUserId=usr_abc123/one";

/// A system whose provider gives these answers, and 404 for everything else.
pub(crate) async fn app_with_answers<const N: usize>(answers: [(&str, u16, &str); N]) -> App {
    app_with(answers, Options::default()).await
}

/// The same, with other options.
pub(crate) async fn app_with<const N: usize>(
    answers: [(&str, u16, &str); N],
    options: Options,
) -> App {
    let answers: HashMap<String, (u16, String)> = answers
        .into_iter()
        .map(|(target, status, body)| (target.to_owned(), (status, body.to_owned())))
        .collect();
    let answer = move |uri: Uri| async move {
        let (status, body) = answers
            .get(&uri.to_string())
            .cloned()
            .unwrap_or((404, String::new()));
        (
            StatusCode::from_u16(status).unwrap(),
            [(header::CONTENT_TYPE, "application/json")],
            body,
        )
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let provider_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    App::start_with(Options {
        provider_url: Some(provider_url),
        ..options
    })
    .await
}
