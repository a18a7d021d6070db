//! The files of `events/`: each runs through its function and does what its name says.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use tests::app::{App, USER};

/// In this order the webhooks tell a story, and the reads see its end.
const EVENTS: [(&str, &str, u16); 14] = [
    ("status.json", "status", 200),
    ("status-refresh.json", "status", 404),
    ("gate.json", "gate", 403),
    ("access-token.json", "access-token", 200),
    ("webhook-created.json", "webhook", 200),
    ("webhook-pending.json", "webhook", 200),
    ("webhook-retry.json", "webhook", 200),
    ("webhook-approved.json", "webhook", 200),
    ("webhook-rejected.json", "webhook", 200),
    ("webhook-reset.json", "webhook", 200),
    ("webhook-deleted.json", "webhook", 200),
    ("details.json", "details", 200),
    ("user.json", "user", 200),
    ("operations.json", "operations", 200),
];

/// The event that the schedule sends.
const SCHEDULED: &str = "reconcile.json";

#[tokio::test]
async fn each_event_does_what_its_name_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let files: BTreeSet<String> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let run = EVENTS.iter().map(|(file, ..)| *file).chain([SCHEDULED]);
    assert_eq!(files, run.map(str::to_owned).collect());

    let app = App::start().await;
    let event = |file: &str| -> Value {
        let event = std::fs::read_to_string(directory.join(file)).unwrap();
        serde_json::from_str(&event).unwrap()
    };
    let run = app.stack.invoke("reconcile", &event(SCHEDULED)).await;
    assert_eq!(run.unwrap(), "null", "the schedule wants no answer");
    for (file, function, status) in EVENTS {
        let event = event(file);
        let answer = app.stack.invoke(function, &event).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], status, "{file}: {answer}");
        let expected = match file {
            "webhook-created.json" | "webhook-reset.json" => "pending",
            "webhook-pending.json" => "in_progress",
            "webhook-retry.json" => "retry",
            "webhook-approved.json" => "approved",
            "webhook-rejected.json" => "rejected",
            _ => continue,
        };
        assert!(
            answer["body"].as_str().unwrap().contains("applied"),
            "{file}: {answer}"
        );
        assert_eq!(
            app.stored(USER).await.review.status().as_str(),
            expected,
            "{file}"
        );
    }
    assert_eq!(app.stored(USER).await.applicant, None, "deleted");
}

/// `cargo lambda watch` sends the events of HTTP APIs (payload version 2.0).
#[tokio::test]
async fn an_http_api_event_gets_the_same_answer() {
    let app = App::start().await;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    for file in ["status", "status-refresh", "access-token", "user"] {
        let event = std::fs::read_to_string(directory.join(format!("{file}.json"))).unwrap();
        let rest: Value = serde_json::from_str(&event).unwrap();
        let (method, path) = (&rest["httpMethod"], &rest["path"]);
        let query = rest["queryStringParameters"]
            .as_object()
            .into_iter()
            .flatten();
        let query: Vec<String> = query
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        let http = serde_json::json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query.join("&"), "headers": rest["headers"],
            "requestContext": { "accountId": "123456789012", "apiId": "abc123", "domainName": "localhost", "requestId": "an-id", "stage": "$default",
                "time": "01/Jan/2024:00:00:00 +0000", "timeEpoch": 1_704_067_200_000_i64,
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "curl" } },
            "isBase64Encoded": false,
        });
        let function = file.split("-refresh").next().unwrap();
        let [rest, http] = [rest, http]
            .map(|event| async { app.stack.invoke(function, &{ event }).await.unwrap() });
        let [rest, http]: [Value; 2] =
            [rest.await, http.await].map(|answer| serde_json::from_slice(&answer).unwrap());
        assert_eq!(rest["statusCode"], http["statusCode"], "{file}");
        let members = |answer: &Value| -> Value {
            let mut body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            // These two are different for each request.
            for member in ["trace_id", "access_token"] {
                body.as_object_mut().unwrap().remove(member);
            }
            body
        };
        assert_eq!(members(&rest), members(&http), "{file}");
    }
}

/// Of `serverless-plugin-warmup`, of a schedule with a payload of its own, and of EventBridge.
#[tokio::test]
async fn a_ping_that_keeps_a_function_warm_is_answered_with_nothing() {
    let app = App::start().await;
    let pings = [
        json!({ "source": "serverless-plugin-warmup" }),
        json!({ "warmer": true, "concurrency": 3 }),
        json!({ "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "123456789012", "time": "2015-10-08T16:53:06Z", "region": "eu-west-1",
            "resources": ["arn:aws:events:eu-west-1:123456789012:rule/warm"], "detail": {} }),
        json!({}),
        Value::Null,
    ];
    let functions: BTreeSet<_> = EVENTS.iter().map(|(_, function, _)| *function).collect();
    assert_eq!(functions.len(), 7);
    for function in functions {
        for ping in &pings {
            let answer = app.stack.invoke(function, ping).await;
            assert_eq!(answer.unwrap(), "null", "{function}: {ping}");
        }
    }
}
