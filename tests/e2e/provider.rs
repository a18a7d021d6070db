//! A provider that answers what a test wants, byte for byte.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use local::Options;
use tokio::net::TcpListener;

use tests::app::{App, REFRESH, STATUS};

/// The provider's path for the applicant of the user of most tests.
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
    let provider_url = serve(Router::new().fallback(answer)).await;
    App::start_with(Options {
        provider_url: Some(provider_url),
        ..options
    })
    .await
}

/// Starts a server. Returns its address.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Starts a server that knows nothing. Returns its address, and the `User-Agent` of each request that it gets.
async fn listener() -> (String, Arc<Mutex<Vec<String>>>) {
    let names: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&names);
    let answer = move |headers: HeaderMap| async move {
        let name = headers.get(header::USER_AGENT);
        let name = name.map_or("", |name| name.to_str().unwrap());
        heard.lock().unwrap().push(name.to_owned());
        StatusCode::NOT_FOUND
    };
    let url = serve(Router::new().fallback(answer)).await;
    (url, names)
}

/// Firewalls with AWS's core rule set refuse requests without a name.
#[tokio::test]
async fn provider_and_issuer_are_told_who_asks() {
    let (provider, names) = listener().await;
    let app = App::start_with(Options {
        provider_url: Some(provider),
        ..Options::default()
    })
    .await;
    app.get(REFRESH)
        .await
        .assert_problem(404, "KYC-404-001", STATUS);
    let expected = format!("kyc-api/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        names.lock().unwrap().as_slice(),
        std::slice::from_ref(&expected)
    );

    let (issuer, names) = listener().await;
    let app = App::start_with(Options {
        parameters: [("JwksUrl".to_owned(), issuer)].into(),
        ..Options::default()
    })
    .await;
    app.get(STATUS)
        .await
        .assert_problem(500, "KYC-500-001", STATUS);
    let names = names.lock().unwrap();
    assert!(!names.is_empty() && names.iter().all(|name| *name == expected));
}
