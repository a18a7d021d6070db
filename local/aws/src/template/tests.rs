#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn with_resource(resource: &str) -> Result<Template, Error> {
    Template::parse(
        &format!("Parameters:\n  Level: {{ Type: String }}\nResources:\n{resource}"),
        &BTreeMap::new(),
    )
}

#[test]
fn resources_are_read_with_their_defaults_and_names() {
    let text = "
Globals: { Function: { Timeout: 7 } }
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      GatewayResponses:
        DEFAULT_4XX:
          StatusCode: \"404\"
          ResponseParameters: { Headers: { X-A: \"'b'\" } }
          ResponseTemplates: { application/json: '{\"at\":\"$context.path\"}' }
  F:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: f } }
    Properties:
      Events:
        Get: { Type: Api, Properties: { Method: get, Path: /items } }
        Tick: { Type: Schedule, Properties: { Schedule: rate(5 minutes) } }
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }
  S: { Type: AWS::SecretsManager::Secret }
";
    let names = BTreeMap::from([("T".to_owned(), "table-1".to_owned())]);
    let template = Template::parse(text, &names).unwrap();

    assert_eq!(template.api.stage, "prod");
    let response = &template.api.responses["DEFAULT_4XX"];
    assert_eq!(
        (response.status, &*response.headers["X-A"]),
        (Some(404), "b")
    );
    let [function] = template.functions.as_slice() else {
        panic!("one function")
    };
    assert_eq!(function.timeout, Duration::from_secs(7));
    assert_eq!(function.memory_size, 128);
    assert_eq!(template.api.routes[0].method, "GET");
    assert_eq!(template.path("f"), Some("/items"));
    assert_eq!(template.schedules[0].every, Duration::from_mins(5));
    assert_eq!(template.tables[0].name, "table-1");
    assert_eq!(
        template.tables[0].time_to_live.as_deref(),
        Some("expires_at")
    );
    assert_eq!(template.secrets["S"], "S");
}

#[test]
fn an_unknown_override_is_named() {
    let names = BTreeMap::from([("Levle".to_owned(), "x".to_owned())]);
    let error = Template::parse("Resources: {}", &names).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template.yaml: there is no parameter or resource Levle"
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
    Properties: { Events: { Api: { Type: Api, Properties: { Method: get, Path: '/users/{id+}' } } } }
",
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "template.yaml: F.Events.Api: only a fixed method and no greedy path are understood"
    );
}

/// Returns the statements of a function with these policies, and a table and a secret besides.
fn statements(policies: &str) -> Result<Vec<Statement>, Error> {
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
    with_resource(&resource).map(|template| template.functions[0].statements.clone())
}

#[test]
fn policies_are_read_as_statements() {
    let statement = |action: &str, resource: String, attributes: Option<&[&str]>| Statement {
        actions: vec![action.to_owned()],
        resources: vec![resource],
        attributes: attributes.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
    };
    let table = crate::account::table_arn("T");

    let read = statements(
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
        statement("s:Get", "S".to_owned(), None),
        statement("d:Query", format!("{table}/index/i"), None),
        statement("d:Update", table, Some(&["a", "b"])),
    ];
    assert_eq!(read, expected);
}

#[test]
fn policies_that_could_not_be_enforced_are_named() {
    let error = |policies: &str| statements(policies).unwrap_err().to_string();
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
