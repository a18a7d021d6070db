//! The faulty proxy has the faults that it should have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use tests::proxy::{FaultProxy, Faults};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const ALL: u16 = 1000;
const BODY: &str = "the whole answer";

fn client() -> reqwest::Client {
    // The client cannot be built without one. Somebody else's, installed before, does as well.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let client = reqwest::Client::builder().no_proxy();
    client.timeout(Duration::from_millis(500)).build().unwrap()
}

/// A server that counts its requests, and a proxy in front of it.
struct Proxied {
    proxy: FaultProxy,
    served: Arc<AtomicUsize>,
    http: reqwest::Client,
}

impl Proxied {
    async fn start(faults: Faults) -> Self {
        let served = Arc::new(AtomicUsize::default());
        let count = Arc::clone(&served);
        let answer = move |request: String| async move {
            assert_eq!(request, BODY);
            count.fetch_add(1, Ordering::Relaxed);
            BODY
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = FaultProxy::start(1).await;
        proxy.set_target(&listener.local_addr().unwrap().to_string());
        proxy.set_faults(faults);
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self {
            proxy,
            served,
            http: client(),
        }
    }

    /// The status and body of one answer; none if it does not come, or not whole.
    async fn ask(&self) -> Option<(u16, String)> {
        let request = self.http.post(self.proxy.url()).body(BODY);
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn without_faults_everything_is_forwarded() {
    let proxied = Proxied::start(Faults::NONE).await;
    for _ in 0..10 {
        assert_eq!(proxied.ask().await, Some((200, BODY.to_owned())));
    }
    assert_eq!((proxied.served(), proxied.proxy.injected()), (10, 0));
}

#[tokio::test]
async fn an_answer_in_chunks_is_forwarded() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = FaultProxy::start(1).await;
    proxy.set_target(&listener.local_addr().unwrap().to_string());
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        // Each request arrives in one piece, as the proxy sends it.
        while client.read(&mut [0; 4096]).await.unwrap() > 0 {
            let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nthe \r\nc\r\nwhole answer\r\n0\r\n\r\n";
            client.write_all(answer).await.unwrap();
        }
    });
    let http = client();
    for _ in 0..2 {
        let answer = http.get(proxy.url()).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), BODY);
    }
}

/// Asks five times with one fault; gives the answers and how many requests the server saw.
async fn with(faults: Faults) -> (Vec<Option<(u16, String)>>, usize) {
    let proxied = Proxied::start(faults).await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(proxied.ask().await);
    }
    assert_eq!(proxied.proxy.injected(), 5);
    (answers, proxied.served())
}

#[tokio::test]
async fn a_refused_request_has_no_effect() {
    let refused = Faults {
        refused: ALL,
        ..Faults::NONE
    };
    assert_eq!(with(refused).await, (vec![None; 5], 0));
}

#[tokio::test]
async fn a_service_that_fails_does_not_see_the_request() {
    let unavailable = Faults {
        unavailable: ALL,
        ..Faults::NONE
    };
    let (answers, served) = with(unavailable).await;
    assert_eq!(served, 0);
    for (status, _) in answers.into_iter().flatten() {
        assert!([500, 503].contains(&status));
    }
}

#[tokio::test]
async fn a_delayed_request_is_answered() {
    let delayed = Faults {
        delayed: ALL,
        ..Faults::NONE
    };
    assert_eq!(
        with(delayed).await,
        (vec![Some((200, BODY.to_owned())); 5], 5)
    );
}

#[tokio::test]
async fn an_answer_that_is_lost_cut_garbled_or_kept_back_follows_an_effect() {
    let lost = Faults {
        answer_lost: ALL,
        ..Faults::NONE
    };
    let cut = Faults {
        answer_cut: ALL,
        ..Faults::NONE
    };
    let hung = Faults {
        hung: ALL,
        ..Faults::NONE
    };
    for faults in [lost, cut, hung] {
        assert_eq!(with(faults).await, (vec![None; 5], 5), "{faults:?}");
    }
    let garbage = Faults {
        garbage: ALL,
        ..Faults::NONE
    };
    let (answers, served) = with(garbage).await;
    assert_eq!(served, 5);
    for (_, body) in answers.into_iter().flatten() {
        assert_ne!(body, BODY);
    }
}
