//! The template sets what the functions read, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tests::app::App;

/// The variables that Lambda itself sets.
const OF_LAMBDA: [&str; 5] = [
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// The names of variables in a source: texts of capitals, in quotes.
fn names(source: &str) -> impl Iterator<Item = &str> {
    let production = source.split("#[cfg(test)]").next().unwrap();
    let quoted = production.split('"').skip(1).step_by(2);
    quoted.filter(|text| {
        text.len() > 1
            && text.contains('_')
            && text
                .bytes()
                .all(|byte| byte == b'_' || byte.is_ascii_uppercase())
    })
}

#[tokio::test]
async fn every_variable_that_is_read_is_set_and_none_is_unread() {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src");
    let sources = [
        "http/authenticator.rs",
        "http/authenticator/keys.rs",
        "http/serve.rs",
        "platform/aws.rs",
        "platform/config.rs",
        "platform/log.rs",
        "platform/metrics.rs",
        "provider/sumsub/client.rs",
        "repository/counters.rs",
        "repository/erasures.rs",
        "repository/users.rs",
        "startup/mod.rs",
    ]
    .map(|source| fs::read_to_string(runtime.join(source)).unwrap());
    let read: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| names(source))
        .filter(|name| !OF_LAMBDA.contains(name))
        .collect();

    let app = App::start().await;
    let binaries = [
        "access-token",
        "status",
        "details",
        "webhook",
        "user",
        "gate",
        "operations",
        "reconcile",
    ];
    let set: BTreeSet<&str> = binaries
        .iter()
        .flat_map(|binary| app.stack.environment(binary).unwrap().keys())
        .map(String::as_str)
        .collect();
    assert_eq!(read, set);
}
