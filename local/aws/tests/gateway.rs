//! The gateway and the Lambda service, as clients and functions see them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::{collections::BTreeSet, time::Duration};

use local_aws::lambda::MAX_INSTANCES;
use serde_json::{Value, json};

use self::support::{Api, client};

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_function_gets_an_event_and_its_response_reaches_the_client() {
    let mut api = Api::start("passive.sh", LONG).await;
    let answer = api.get();

    let instance = api.instance().await;
    let (id, event) = instance.next().await;
    assert_eq!(event["path"], "/function");
    let body = json!({ "statusCode": 418, "headers": { "x-kind": "teapot" }, "body": "short" });
    assert_eq!(instance.post(&id, "response", body.to_string()).await, 202);

    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.headers()["x-kind"], "teapot");
    assert_eq!(
        answer.headers()["x-amzn-requestid"],
        event["requestContext"]["requestId"].as_str().unwrap()
    );
    assert_eq!(answer.text().await.unwrap(), "short");
    assert_eq!(
        instance.post(&id, "response", "{}").await,
        400,
        "an invocation takes one response"
    );
}

#[tokio::test]
async fn an_idle_instance_is_used_again() {
    let mut api = Api::start("passive.sh", LONG).await;
    let first = api.get();
    let instance = api.instance().await;
    instance.answer("1").await;
    assert_eq!(first.await.unwrap().text().await.unwrap(), "1");

    let second = api.get();
    instance.answer("2").await;
    assert_eq!(second.await.unwrap().text().await.unwrap(), "2");
    assert_eq!(api.logs.lines().len(), 1, "one process");
}

#[tokio::test]
async fn a_busy_or_idle_instance_can_be_killed() {
    let mut api = Api::start("passive.sh", LONG).await;
    assert!(!api.lambda.kill_instance("function"), "there is none yet");

    let answer = api.get();
    api.instance().await.next().await;
    assert!(api.lambda.kill_instance("function"));
    assert_eq!(answer.await.unwrap().status(), 502);
    assert!(!api.lambda.kill_instance("function"), "it is gone");
    let logged = api.instance().await.base;
    assert!(logged.contains("signal: 9"), "{logged}");

    for _ in 0..2 {
        let answer = api.get();
        api.instance().await.answer("another process").await;
        assert_eq!(answer.await.unwrap().status(), 200);
        assert!(api.lambda.kill_instance("function"));
    }
}

#[tokio::test]
async fn concurrent_requests_have_an_instance_each_up_to_the_maximum() {
    let mut api = Api::start("passive.sh", LONG).await;
    let requests: Vec<_> = (0..=MAX_INSTANCES).map(|_| api.get()).collect();

    let mut instances = Vec::new();
    for _ in 0..MAX_INSTANCES {
        instances.push(api.instance().await);
    }
    let bases: BTreeSet<_> = instances.iter().map(|instance| &instance.base).collect();
    assert_eq!(bases.len(), MAX_INSTANCES as usize);
    for instance in &instances {
        instance.answer("done").await;
    }
    // One request is left. It waits for the first instance that is free.
    let left = async {
        let next: Vec<_> = instances
            .iter()
            .map(|instance| Box::pin(instance.answer("done")))
            .collect();
        first(next).await
    };
    left.await;
    for request in requests {
        assert_eq!(request.await.unwrap().status(), 200);
    }
    assert_eq!(
        api.logs.lines().len(),
        MAX_INSTANCES as usize,
        "no further process"
    );
}

/// Returns the output of the first future that is ready.
async fn first<F: Future + Unpin>(mut futures: Vec<F>) -> F::Output {
    std::future::poll_fn(|context| {
        let ready =
            futures
                .iter_mut()
                .find_map(|future| match std::pin::Pin::new(future).poll(context) {
                    std::task::Poll::Ready(output) => Some(output),
                    std::task::Poll::Pending => None,
                });
        ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
    .await
}

#[tokio::test]
async fn a_process_that_ends_is_a_502_and_is_logged() {
    let api = Api::start("crash.sh", LONG).await;

    let answer = client()
        .get(format!("{}/function", api.url))
        .send()
        .await
        .unwrap();

    assert_eq!(answer.status(), 502);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["kind"], "INTEGRATION_FAILURE");
    let lines = api.logs.lines();
    let told = lines
        .iter()
        .any(|line| line.line == "the process ended during an invocation (exit status: 3)");
    assert!(told, "{lines:?}");
}

#[tokio::test]
async fn a_late_response_is_a_504_and_the_next_request_has_a_new_instance() {
    let mut api = Api::start("passive.sh", SHORT).await;
    let late = api.get();
    let slow = api.instance().await;
    let (id, _) = slow.next().await;

    let late = late.await.unwrap();
    assert_eq!(late.status(), 504);
    assert_eq!(
        late.json::<Value>().await.unwrap()["kind"],
        "INTEGRATION_TIMEOUT"
    );
    assert_eq!(
        slow.post(&id, "response", "{}").await,
        403,
        "the instance is gone"
    );
    assert!(
        api.instance()
            .await
            .base
            .starts_with("an invocation was given up after")
    );

    let next = api.get();
    api.instance().await.answer("on time").await;
    assert_eq!(next.await.unwrap().text().await.unwrap(), "on time");
}

#[tokio::test]
async fn a_reported_error_and_a_malformed_or_large_response_are_502() {
    let mut api = Api::start("passive.sh", LONG).await;
    let mut request = api.get();
    let instance = api.instance().await;
    let large = json!({ "statusCode": 200, "body": "x".repeat(6 * 1024 * 1024) }).to_string();
    for (what, body, status) in [
        ("error", r#"{"errorType":"Broken","errorMessage":"…"}"#, 202),
        ("response", "[]", 202),
        ("response", &large, 413),
    ] {
        let (id, _) = instance.next().await;
        assert_eq!(instance.post(&id, what, body.to_owned()).await, status);
        assert_eq!(request.await.unwrap().status(), 502);
        request = api.get();
    }
    instance.answer("well").await;
    assert_eq!(request.await.unwrap().status(), 200);
}

#[tokio::test]
async fn asking_for_the_next_event_abandons_the_current_one() {
    let mut api = Api::start("passive.sh", LONG).await;
    let request = api.get();
    let instance = api.instance().await;
    instance.next().await;

    let next = tokio::spawn(async move {
        client()
            .get(instance.base + "/2018-06-01/runtime/invocation/next")
            .send()
            .await
    });

    assert_eq!(request.await.unwrap().status(), 502);
    assert_eq!(next.await.unwrap().unwrap().status(), 410);
}

#[tokio::test]
async fn an_unknown_route_is_not_found() {
    let api = Api::start("crash.sh", LONG).await;
    for target in [
        "GET /",
        "GET /other",
        "DELETE /function",
        "HEAD /function",
        "BREW /function",
        "GET /function/",
        "GET //function",
        "GET /%66unction",
        "GET /function%2f",
        "GET /x/../function",
        "GET /FUNCTION",
        "OPTIONS *",
    ] {
        let request = format!("{target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = api.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{target}: {answer}");
        assert!(
            answer.contains("content-type: application/problem+json"),
            "{target}: {answer}"
        );
    }
    let answer = client()
        .get(format!("{}/a\"b?c", api.url))
        .send()
        .await
        .unwrap();
    let id = answer.headers()["x-amzn-requestid"]
        .to_str()
        .unwrap()
        .to_owned();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["instance"], "/a%22b");
    assert_eq!(problem["trace_id"], *id);
}

#[tokio::test]
async fn a_bad_host_is_a_400_and_a_forged_scheme_is_overwritten() {
    let mut api = Api::start("passive.sh", LONG).await;
    for host in [
        "Host: a b\r\n",
        "Host: <>\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host: h:99999\r\n",
        "",
    ] {
        let request = format!("GET /function HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        let answer = api.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
    }
    let url = format!("{}/function", api.url);
    let answer = tokio::spawn(
        client()
            .get(url)
            .header("X-Forwarded-Proto", "<garbage>")
            .send(),
    );
    let event = api.instance().await.answer("").await;
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn the_client_sees_a_413_for_a_large_request() {
    let api = Api::start("crash.sh", LONG).await;
    let url = format!("{}/function", api.url);
    // Too large for the gateway, for Lambda, and for Lambda in base64.
    for body in [
        vec![b'x'; 20 << 20],
        vec![b'x'; 7 << 20],
        vec![0xff; 5 << 20],
    ] {
        let answer = client().post(&url).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(
            answer.json::<Value>().await.unwrap()["kind"],
            "REQUEST_TOO_LARGE"
        );
    }
    let answer = client()
        .get(&url)
        .header("x-long", "x".repeat(11_000))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn an_invocation_ends_when_the_service_stops() {
    let mut api = Api::start("passive.sh", LONG).await;
    let request = api.get();
    api.instance().await.next().await;

    api.lambda.stop().await;

    assert_eq!(request.await.unwrap().status(), 502);
    assert_eq!(
        api.get().await.unwrap().status(),
        502,
        "and nothing is started any more"
    );
}
