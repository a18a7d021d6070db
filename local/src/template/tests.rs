#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

const TEMPLATE: &str = include_str!("../../../template.yaml");

fn overrides(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn with_resource(resource: &str) -> Result<Template, Error> {
    Template::parse(
        &format!("Parameters:\n  Level: {{ Type: String }}\nResources:\n{resource}"),
        &overrides(&[]),
    )
}

#[test]
fn the_real_template_is_understood() {
    let template = Template::parse(
        TEMPLATE,
        &overrides(&[("ProviderUrl", "http://127.0.0.1:3001")]),
    )
    .unwrap();

    let status = template
        .functions
        .iter()
        .find(|function| function.binary == "status")
        .unwrap();
    assert_eq!(status.id, "StatusFunction");
    assert_eq!(status.environment["TABLE_NAME"], "UsersTable");
    assert_eq!(status.environment["JWKS_SECRET"], "JwksSecret");
    assert_eq!(status.environment["PROVIDER_URL"], "http://127.0.0.1:3001");
    assert!(status.timeout > 0 && status.memory_size > 0);
    let route = |method: &str, path: &str, binary: &str| Route {
        method: method.to_owned(),
        path: path.to_owned(),
        binary: binary.to_owned(),
    };
    assert!(
        template
            .routes
            .contains(&route("GET", "/v0/kyc/status", "status"))
    );
    assert!(
        template
            .routes
            .contains(&route("POST", "/v0/kyc/access-token", "access-token"))
    );
    assert_eq!(
        template.path("webhook"),
        Some("/v0/webhooks/kyc/sumsub/events")
    );

    let schedule = Schedule {
        binary: "reconcile".to_owned(),
        every: Duration::from_mins(5),
    };
    assert_eq!(template.schedules, [schedule]);

    let missing = &template.responses["MISSING_AUTHENTICATION_TOKEN"];
    assert_eq!(missing.status, Some(404));
    assert_eq!(missing.headers["Content-Type"], "application/problem+json");
    assert!(
        missing
            .body
            .starts_with(r#"{"type":"https://api.sumvin.com/errors/gen-404-001""#),
        "{}",
        missing.body
    );

    let [table] = template.tables.as_slice() else {
        unreachable!("one table")
    };
    assert_eq!(
        table
            .key
            .iter()
            .map(|key| key.kind.as_str())
            .collect::<Vec<_>>(),
        ["HASH", "RANGE"]
    );
    assert!(table.time_to_live.is_some());
    assert!(template.secrets.contains_key("ProviderSecret"));
}

#[test]
fn resources_take_the_names_that_they_really_have() {
    let template = Template::parse(TEMPLATE, &overrides(&[("UsersTable", "kyc-users-1")])).unwrap();

    assert_eq!(template.tables[0].name, "kyc-users-1");
    assert_eq!(
        template.functions[0].environment["TABLE_NAME"],
        "kyc-users-1"
    );
}

#[test]
fn an_unknown_override_is_named() {
    let error = Template::parse(TEMPLATE, &overrides(&[("ProviderURL", "x")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template.yaml: there is no parameter or resource ProviderURL"
    );
}

#[test]
fn functions_are_resolved_in_both_notations() {
    let function = |variable: &str| {
        let resource = format!(
            "  F:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: f }} }}
    Properties: {{ Environment: {{ Variables: {{ V: {variable} }} }} }}
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{ AttributeName: id, AttributeType: S }}]
      KeySchema: [{{ AttributeName: id, KeyType: HASH }}]
"
        );
        with_resource(&resource).map(|template| template.functions[0].environment["V"].clone())
    };

    assert_eq!(function("!Ref T").unwrap(), "T");
    assert_eq!(function("{ Ref: T }").unwrap(), "T");
    assert_eq!(function("!Sub 'a/${T}/${!T}/b'").unwrap(), "a/T/${T}/b");
    assert_eq!(
        function("{ Fn::Sub: 'a/${AWS::Partition}' }").unwrap(),
        "a/aws"
    );
    assert!(function("!GetAtt T.Arn").unwrap().ends_with(":table/T"));
    assert_eq!(function("3").unwrap(), "3");
    assert_eq!(
        function("!If [A, b, c]").unwrap_err().to_string(),
        "template.yaml: F.Environment.V: this use of If is not understood"
    );
    assert_eq!(
        function("!Ref Level").unwrap_err().to_string(),
        "template.yaml: F.Environment.V refers to Level, which is not declared or has no value"
    );
}

#[test]
fn what_the_gateway_cannot_do_is_named() {
    let error = with_resource(
        "  F:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: f } }
    Properties: { Events: { Api: { Type: Api, Properties: { Method: get, Path: '/users/{id}' } } } }
",
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "template.yaml: F.Events.Api: only a fixed method and path are understood"
    );
}

/// `cargo lambda watch` has its routes from `Cargo.toml`: they must be those that are deployed.
#[test]
fn cargo_lambda_watch_has_the_same_routes() {
    let manifest = include_str!("../../../Cargo.toml");
    let table = "[workspace.metadata.lambda.watch.router]";
    let (_, router) = manifest.split_once(table).unwrap();
    let mut lines: Vec<&str> = router
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .collect();
    let mut expected: Vec<String> = Template::parse(TEMPLATE, &overrides(&[]))
        .unwrap()
        .routes
        .into_iter()
        .map(
            |Route {
                 method,
                 path,
                 binary,
             }| {
                format!(r#""{path}" = [{{ method = "{method}", function = "{binary}" }}]"#)
            },
        )
        .collect();
    lines.sort_unstable();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}
