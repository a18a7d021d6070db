//! The whole stack.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{os::unix::fs::PermissionsExt, time::Duration};

use local::{Options, Ports, Stack, data::Data};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn client() -> Client {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Client::new()
}

async fn call(url: &str, target: &str, body: &Value) -> Value {
    let request = client()
        .post(url)
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.0");
    let request = request.header("authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0");
    let answer = request
        .header("x-amz-date", "20260101T000000Z")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn two_stacks_run_side_by_side() {
    let (one, other) = tokio::join!(
        Stack::start(Options::default()),
        Stack::start(Options::default())
    );
    let (one, other) = (one.unwrap(), other.unwrap());

    assert_ne!(one.api_url(), other.api_url());
    for stack in [&one, &other] {
        let answer = client()
            .get(format!("{}/v0/nothing", stack.api_url()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(problem["instance"], "/v0/nothing");
        assert_eq!(problem["error_code"], "GEN-404-001");

        let request = json!({ "TableName": stack.table("UsersTable") });
        let described = call(
            stack.dynamodb_url(),
            "DynamoDB_20120810.DescribeTable",
            &request,
        )
        .await;
        let table = &described["Table"];
        assert_eq!(table["TableStatus"], "ACTIVE");
        assert_eq!(table["GlobalSecondaryIndexes"][0]["IndexName"], "due");
        let request = json!({ "TableName": stack.table("DeliveriesTable") });
        let described = call(
            stack.dynamodb_url(),
            "DynamoDB_20120810.DescribeTimeToLive",
            &request,
        )
        .await;
        let expiry = &described["TimeToLiveDescription"];
        assert_eq!(expiry["AttributeName"], "expires_at");
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let options = Options {
        dynamodb_url: Some(url.clone()),
        ..Options::default()
    };

    let error = Stack::start(options).await.err().unwrap().to_string();

    assert!(
        error.starts_with(&format!("DynamoDB at {url}: ")),
        "{error}"
    );
}

#[tokio::test]
async fn a_restart_finds_the_same_data_and_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        data: Data::Directory(directory.path().to_owned()),
        ..Options::default()
    };
    let item = json!({ "user_id": { "S": "usr_1" } });

    let stack = Stack::start(options.clone()).await.unwrap();
    let put = json!({ "TableName": stack.table("UsersTable"), "Item": item });
    call(stack.dynamodb_url(), "DynamoDB_20120810.PutItem", &put).await;
    let secrets = stack.secrets().unwrap();
    // Meanwhile nobody else may write there.
    let Err(error) = Stack::start(options.clone()).await else {
        panic!("two stacks use one directory")
    };
    let used = format!("uses the data in {};", directory.path().display());
    assert!(error.to_string().contains(&used), "{error}");
    stack
        .write_state(&stack.token("usr_1", Duration::from_mins(1)))
        .unwrap();
    stack.stop().await;

    let stack = Stack::start(options).await.unwrap();
    let get = json!({ "TableName": stack.table("UsersTable"), "Key": item });
    let found = call(stack.dynamodb_url(), "DynamoDB_20120810.GetItem", &get).await;
    assert_eq!(found["Item"], item);
    assert_eq!(stack.secrets().unwrap(), secrets);
    stack.stop().await;

    for file in ["stack.json", "functions.env", "sam.json", "secrets.json"] {
        let mode = std::fs::metadata(directory.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let state: Value =
        serde_json::from_slice(&std::fs::read(directory.path().join("stack.json")).unwrap())
            .unwrap();
    assert_eq!(
        state["functions"]["status"]["AWS_ENDPOINT_URL_DYNAMODB"],
        state["dynamodb_url"]
    );
}

#[tokio::test]
async fn secrets_are_served() {
    let secrets = [(
        "WebhookSecret".to_owned(),
        json!({ "secrets": ["new", "old"] }),
    )];
    let stack = Stack::start(Options {
        secrets: secrets.into(),
        ..Options::default()
    })
    .await
    .unwrap();

    let target = "secretsmanager.GetSecretValue";
    let found = call(
        stack.secrets_url(),
        target,
        &json!({ "SecretId": "WebhookSecret" }),
    )
    .await;
    let missing = call(stack.secrets_url(), target, &json!({ "SecretId": "Other" })).await;

    assert_eq!(found["SecretString"], r#"{"secrets":["new","old"]}"#);
    assert_eq!(missing["__type"], "ResourceNotFoundException");
}

#[tokio::test]
async fn a_taken_port_is_named_and_a_stopped_stack_leaves_its_ports() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();

    let error = Stack::start(Options {
        ports: Ports::First(port),
        ..Options::default()
    })
    .await
    .err()
    .unwrap();

    let error = error.to_string();
    assert!(
        error.starts_with(&format!("port {port} for the API cannot be opened")),
        "{error}"
    );
    assert!(
        error.ends_with("choose another first port with --port"),
        "{error}"
    );

    let stack = Stack::start(Options::default()).await.unwrap();
    let urls = [
        stack.api_url(),
        stack.provider_url(),
        stack.dynamodb_url(),
        stack.secrets_url(),
    ]
    .map(str::to_owned);
    stack.stop().await;
    for url in urls {
        TcpListener::bind(url.trim_start_matches("http://"))
            .await
            .unwrap();
    }
}
