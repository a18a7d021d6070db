//! A function of somebody else's API. The gate has verified the user before: what the function knows of them is in the event.

use lambda_http::lambda_runtime::run;
use lambda_http::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(account)).await
}

/// Answers with the account of the user: here, with what the authorizer says.
async fn account(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let authorizer = event.payload.pointer("/requestContext/authorizer");
    // An HTTP API puts the same one level deeper.
    let lambda = authorizer.and_then(|authorizer| authorizer.get("lambda"));
    let user = lambda.or(authorizer).ok_or("nobody has authorized")?;
    let headers = json!({ "content-type": "application/json" });
    Ok(json!({ "statusCode": 200, "headers": headers, "body": user.to_string() }))
}
