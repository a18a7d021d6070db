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
    let reads_its_secrets = Permission {
        actions: vec!["secretsmanager:GetSecretValue".to_owned()],
        resources: vec!["JwksSecret".to_owned(), "ProviderSecret".to_owned()],
        attributes: None,
    };
    assert!(status.permissions.contains(&reads_its_secrets));
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

/// The permissions of a function with these policies, and a table and a secret besides.
fn permissions(policies: &str) -> Result<Vec<Permission>, Error> {
    let resource = format!(
        "  F:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: f }} }}
    Properties: {{ Policies: {policies} }}
  S: {{ Type: AWS::SecretsManager::Secret }}
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{ AttributeName: id, AttributeType: S }}]
      KeySchema: [{{ AttributeName: id, KeyType: HASH }}]
"
    );
    with_resource(&resource).map(|template| template.functions[0].permissions.clone())
}

#[test]
fn statements_are_permissions() {
    let permission = |action: &str, resource: String, attributes: Option<&[&str]>| Permission {
        actions: vec![action.to_owned()],
        resources: vec![resource],
        attributes: attributes.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
    };
    let table = crate::aws::table_arn("T");

    let read = permissions(
        "[{ Statement: [
          { Effect: Allow, Action: s:Get, Resource: [!Ref S] },
          { Effect: Allow, Action: [d:Query], Resource: !Sub '${T.Arn}/index/i' },
        ] }, { Statement: [
          { Effect: Allow, Action: d:Update, Resource: !GetAtt T.Arn,
            Condition: { ForAllValues:StringEquals: { dynamodb:Attributes: [a, b] } } },
        ] }]",
    )
    .unwrap();

    let expected = [
        permission("s:Get", "S".to_owned(), None),
        permission("d:Query", format!("{table}/index/i"), None),
        permission("d:Update", table, Some(&["a", "b"])),
    ];
    assert_eq!(read, expected);
}

#[test]
fn policies_that_could_not_be_enforced_are_named() {
    let error = |policies: &str| permissions(policies).unwrap_err().to_string();
    let statement = |statement: &str| error(&format!("[{{ Statement: [{statement}] }}]"));
    let place = "template.yaml: F.Policies[0].Statement[0]: ";

    let managed = error("[AWSLambdaExecute]");
    assert!(
        managed.starts_with("template.yaml: F.Policies[0]: ")
            && managed.ends_with("expected a mapping with a Statement"),
        "{managed}"
    );
    assert!(
        error("[{ DynamoDBReadPolicy: { TableName: !Ref T } }]").contains("`DynamoDBReadPolicy`")
    );
    assert_eq!(
        statement("{ Effect: Deny, Action: a:B, Resource: !Ref S }"),
        format!("{place}unknown variant `Deny`, expected `Allow`")
    );
    assert_eq!(
        statement("{ Effect: Allow, Action: 'a:*', Resource: !Ref S }"),
        format!("{place}the wildcard in a:* is not understood")
    );
    assert_eq!(
        statement("{ Effect: Allow, Action: a:B, Resource: '*' }"),
        format!("{place}the wildcard in * is not understood")
    );
    assert_eq!(
        statement("{ Effect: Allow, Action: a:B }"),
        format!("{place}missing field `Resource`")
    );
    let condition = |condition: &str| {
        statement(&format!(
            "{{ Effect: Allow, Action: a:B, Resource: !Ref S, Condition: {condition} }}"
        ))
    };
    assert_eq!(
        condition("{ StringLike: { dynamodb:Attributes: [a] } }"),
        format!("{place}unknown field `StringLike`, expected `ForAllValues:StringEquals`")
    );
    assert_eq!(
        condition("{ ForAllValues:StringEquals: { dynamodb:LeadingKeys: [a] } }"),
        format!("{place}unknown field `dynamodb:LeadingKeys`, expected `dynamodb:Attributes`")
    );
}

/// `cargo lambda watch` has its routes from `Cargo.toml`: they must be those that are deployed.
#[test]
fn cargo_lambda_watch_has_the_same_routes() {
    let manifest = include_str!("../../../Cargo.toml");
    let table = "[workspace.metadata.lambda.watch.router]";
    let (_, router) = manifest.split_once(table).unwrap();
    let lines: Vec<&str> = router
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .collect();
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for route in Template::parse(TEMPLATE, &overrides(&[])).unwrap().routes {
        let Route {
            method,
            path,
            binary,
        } = route;
        let target = format!(r#"{{ method = "{method}", function = "{binary}" }}"#);
        expected.entry(path).or_default().push(target);
    }
    let expected: Vec<String> = expected
        .into_iter()
        .map(|(path, targets)| format!(r#""{path}" = [{}]"#, targets.join(", ")))
        .collect();
    assert_eq!(lines, expected);
}
