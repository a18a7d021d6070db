//! Functions may do what the template allows them, and nothing else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use local::{Options, Stack};
use reqwest::Client;
use serde_json::{Value, json};

/// Sends a request as this function and returns status and body. Nothing checks the signature.
async fn call(url: &str, function: &str, target: &str, body: &Value) -> (u16, Value) {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={function}/20260101/eu-west-1/any/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = Client::new()
        .post(url)
        .header("authorization", authorization)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20260101T000000Z")
        .header("x-amz-target", target);
    let answer = request.body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

fn message(function: &str, action: &str, resource: &str) -> String {
    format!(
        "User: {function} is not authorized to perform: {action} on resource: {resource} because no identity-based \
         policy allows the {action} action"
    )
}

fn is_logged(stack: &Stack, function: &str, message: &str) -> bool {
    let lines = stack.logs();
    lines
        .iter()
        .any(|line| line.function == function && line.line.starts_with(message))
}

#[tokio::test]
async fn a_function_uses_the_table_as_it_is_allowed_to() {
    let stack = Stack::start(Options::default()).await.unwrap();
    stack.seed("usr_1").await.unwrap();
    let dynamodb = async |function: &str, operation: &str, body: Value| {
        let target = format!("DynamoDB_20120810.{operation}");
        call(stack.dynamodb_url(), function, &target, &body).await
    };
    let key = json!({ "user_id": { "S": "usr_1" } });
    let mut get = json!({ "TableName": stack.table("UsersTable"), "Key": key });
    get["ProjectionExpression"] = json!("#s");
    get["ExpressionAttributeNames"] = json!({ "#s": "onboarding_step" });
    let put = json!({ "TableName": stack.table("UsersTable"), "Item": key });

    let (status, found) = dynamodb("gate", "GetItem", get).await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(found["Item"]["onboarding_step"]["S"], "kyc_verification");

    let (status, refused) = dynamodb("gate", "PutItem", put.clone()).await;
    assert_eq!(status, 400);
    let kind = "com.amazonaws.dynamodb.v20120810#AccessDeniedException";
    assert_eq!(refused["__type"], kind);
    let said = refused["Message"].as_str().unwrap();
    let (_, after) = said.split_once("on resource: ").unwrap();
    let (resource, _) = after.split_once(' ').unwrap();
    assert!(resource.starts_with("arn:aws:dynamodb:"), "{resource}");
    assert!(resource.ends_with(":table/UsersTable"), "{resource}");
    assert_eq!(said, message("gate", "dynamodb:PutItem", resource));
    assert!(is_logged(&stack, "gate", said));

    let transaction = json!({ "TransactItems": [{ "Put": put }] });
    let (_, refused) = dynamodb("gate", "TransactWriteItems", transaction).await;
    assert_eq!(refused["Message"], said);

    let (status, _) = dynamodb("local", "PutItem", put).await;
    assert_eq!(status, 200);
    stack.stop().await;
}

const ATTRIBUTES: [&str; 7] = [
    "status",
    "first_name",
    "expires_at",
    "session_at",
    "used",
    "onboarding_advanced_to",
    "replayed_at",
];

/// Tries every kind of write on every table, as every function. A function that only opens sessions writes no verdict and no name,
/// functions that only read write nothing, and nobody deletes or expires a user.
#[tokio::test]
async fn a_function_writes_only_what_is_its_own() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let keys = [
        ("UsersTable", json!({ "user_id": { "S": "usr_1" } })),
        (
            "HistoryTable",
            json!({ "user_id": { "S": "usr_1" }, "sequence": { "N": "1" } }),
        ),
        ("DeliveriesTable", json!({ "event_key": { "S": "1" } })),
        (
            "CountersTable",
            json!({ "user_id": { "S": "usr_1" }, "window": { "S": "1" } }),
        ),
        ("ErasuresTable", json!({ "applicant": { "S": "1" } })),
    ];
    let update = |table: &str, key: &Value, attribute: &str| {
        json!({ "TableName": stack.table(table), "Key": key, "UpdateExpression": "SET #a = :a",
            "ExpressionAttributeNames": { "#a": attribute }, "ExpressionAttributeValues": { ":a": { "N": "1" } } })
    };
    let mut attempts = Vec::new();
    for (table, key) in &keys {
        for attribute in ATTRIBUTES {
            let name = format!("{table} update {attribute}");
            attempts.push((name, "UpdateItem", update(table, key, attribute)));
        }
        let put = json!({ "TableName": stack.table(table), "Item": key });
        let delete = json!({ "TableName": stack.table(table), "Key": key });
        let batch =
            json!({ "RequestItems": { stack.table(table): [{ "PutRequest": { "Item": key } }] } });
        let transaction = json!({ "TransactItems": [{ "Delete": delete }] });
        attempts.push((format!("{table} put"), "PutItem", put));
        attempts.push((format!("{table} delete"), "DeleteItem", delete));
        attempts.push((format!("{table} batch"), "BatchWriteItem", batch));
        attempts.push((
            format!("{table} transaction"),
            "TransactWriteItems",
            transaction,
        ));
    }
    let all = |table: &str| ATTRIBUTES.map(|attribute| format!("{table} update {attribute}"));
    let counters = all("CountersTable");
    let mut user = Vec::from(all("UsersTable"));
    user.push("HistoryTable put".to_owned());
    let with = |mine: &[String]| [&user[..], mine].concat();
    let erasure = "ErasuresTable put".to_owned();
    let replay = "HistoryTable update replayed_at".to_owned();
    let session = ["UsersTable update session_at".to_owned()];
    let expected = [
        ("access-token", [&session[..], &counters].concat()),
        ("status", with(&counters)),
        ("details", with(&counters)),
        (
            "webhook",
            with(&["DeliveriesTable put".to_owned(), erasure.clone()]),
        ),
        ("user", vec![]),
        ("gate", vec![]),
        ("operations", with(&[erasure.clone(), replay])),
        ("reconcile", with(&[erasure])),
    ];
    for (function, mut expected) in expected {
        let mut allowed = Vec::new();
        for (name, operation, body) in &attempts {
            let target = format!("DynamoDB_20120810.{operation}");
            let (status, answer) = call(stack.dynamodb_url(), function, &target, body).await;
            if status == 200 {
                allowed.push(name.clone());
            } else {
                let kind = answer["__type"].as_str().unwrap();
                assert!(
                    kind.ends_with("AccessDeniedException"),
                    "{function}: {name}: {kind}"
                );
            }
        }
        allowed.sort();
        expected.sort();
        assert_eq!(allowed, expected, "{function}");
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_function_reads_only_the_secrets_that_are_its_own() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let secrets = [
        "JwksSecret",
        "ProviderSecret",
        "WebhookSecret",
        "ErasureSecret",
    ];
    for (function, expected) in [
        ("access-token", [true, true, false, false]),
        ("status", [true, true, false, true]),
        ("details", [true, true, false, true]),
        ("webhook", [false, true, true, true]),
        ("user", [true, false, false, false]),
        ("gate", [true, false, false, false]),
        ("operations", [false, true, false, true]),
        ("reconcile", [false, true, false, true]),
    ] {
        for (secret, expected) in secrets.into_iter().zip(expected) {
            let body = json!({ "SecretId": secret });
            let target = "secretsmanager.GetSecretValue";
            let (status, _) = call(stack.secrets_url(), function, target, &body).await;
            assert_eq!(status == 200, expected, "{function}: {secret}");
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_function_reads_the_secrets_that_it_is_allowed_to() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let read = async |function: &str| {
        let body = json!({ "SecretId": "WebhookSecret" });
        let target = "secretsmanager.GetSecretValue";
        call(stack.secrets_url(), function, target, &body).await
    };

    let (status, found) = read("webhook").await;
    assert_eq!((status, &found["Name"]), (200, &json!("WebhookSecret")));

    let (status, refused) = read("status").await;
    let said = message("status", "secretsmanager:GetSecretValue", "WebhookSecret");
    assert_eq!(status, 400);
    assert_eq!(refused["__type"], "AccessDeniedException");
    assert_eq!(refused["Message"], said);
    assert!(is_logged(&stack, "status", &said));
    stack.stop().await;
}

#[tokio::test]
async fn a_function_that_lacks_a_permission_fails() {
    // All functions are the gate, which knows no secret of the webhook.
    let gate = ("AWS_ACCESS_KEY_ID".to_owned(), "gate".to_owned());
    let options = Options {
        function_environment: [gate].into(),
        ..Options::default()
    };
    let stack = Stack::start(options).await.unwrap();

    let url = format!("{}/v0/webhooks/kyc/sumsub/events", stack.api_url());
    let request = Client::new()
        .post(url)
        .header("x-payload-digest", "00")
        .header("x-payload-digest-alg", "HMAC_SHA256_HEX");
    let answer = request.body("{}").send().await.unwrap();

    assert!(answer.status().is_server_error(), "{answer:?}");
    let said = message("gate", "secretsmanager:GetSecretValue", "WebhookSecret");
    assert!(is_logged(&stack, "gate", &said));
    stack.stop().await;
}
