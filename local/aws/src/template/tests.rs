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

/// Returns the API with a Lambda authorizer of a template, in which a function answers at `/a`.
fn authorized(kind: &str, auth: &str) -> Result<Api, Error> {
    let (event, reference, stage) = match kind {
        "Api" => ("Api", "RestApiId", "StageName: live, "),
        _ => ("HttpApi", "ApiId", ""),
    };
    let resource = format!(
        "  A: {{ Type: AWS::Serverless::{kind}, Properties: {{ {stage}Auth: {{ {auth} }} }} }}
  F:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: f }} }}
    Properties: {{ Events: {{ E: {{ Type: {event}, Properties: {{ {reference}: !Ref A, Method: get, Path: /a }} }} }} }}
"
    );
    let template = with_resource(&resource)?;
    assert!(template.api.routes.is_empty(), "no route is left open");
    let [api] = template.authorized_apis.as_slice() else {
        panic!("one API")
    };
    assert_eq!(api.routes.len(), 1);
    Ok(api.clone())
}

#[test]
fn lambda_authorizers_are_read() {
    let read = |kind: &str, authorizer: &str| {
        let auth = format!("DefaultAuthorizer: V, Authorizers: {{ V: {{ {authorizer} }} }}");
        authorized(kind, &auth).unwrap().authorizer.unwrap()
    };
    let expected = |binary: &str, token_only, header: &str, seconds| Authorizer {
        binary: binary.to_owned(),
        token_only,
        headers: vec![header.to_owned()],
        reauthorize_every: Duration::from_secs(seconds),
    };
    assert_eq!(
        read("Api", "FunctionArn: !GetAtt F.Arn"),
        expected("f", true, "authorization", 300)
    );
    let token = "FunctionArn: 'arn:aws:lambda:r:1:function:gate:live', Identity: { Header: X-Token, ReauthorizeEvery: 0 }";
    assert_eq!(read("Api", token), expected("gate", true, "x-token", 0));
    let request = "FunctionArn: 'arn:aws:lambda:r:1:function:gate', FunctionPayloadType: REQUEST, Identity: { Headers: [X-Token] }";
    assert_eq!(
        read("Api", request),
        expected("gate", false, "x-token", 300)
    );
    let http = "FunctionArn: 'arn:aws:lambda:r:1:function:gate', AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: true,
        EnableFunctionDefaultPermissions: true, Identity: { Headers: [X-Token], ReauthorizeEvery: 60 }";
    assert_eq!(
        read("HttpApi", http),
        expected("gate", false, "x-token", 60)
    );
}

#[test]
fn authorizers_that_could_not_be_emulated_are_named() {
    let error = |kind: &str, auth: &str| authorized(kind, auth).unwrap_err().to_string();
    let of = |kind: &str, authorizer: &str| {
        let arn = "FunctionArn: 'arn:aws:lambda:r:1:function:gate'";
        error(
            kind,
            &format!("DefaultAuthorizer: V, Authorizers: {{ V: {{ {arn}, {authorizer} }} }}"),
        )
    };
    let place = "template.yaml: A.Auth.Authorizers.V: ";
    assert_eq!(
        error("Api", "Authorizers: { V: { FunctionArn: !GetAtt F.Arn } }"),
        "template.yaml: A.Auth: only one authorizer is understood, the DefaultAuthorizer"
    );
    assert_eq!(
        error(
            "Api",
            "DefaultAuthorizer: V, Authorizers: { V: { FunctionArn: 'x' } }"
        ),
        format!("{place}FunctionArn is the ARN of no function")
    );
    for (authorizer, reason) in [
        ("UserPoolArn: a", "unknown field `UserPoolArn`"),
        (
            "Identity: { QueryStrings: [a] }",
            "unknown field `QueryStrings`",
        ),
        (
            "Identity: { ValidationExpression: a }",
            "unknown field `ValidationExpression`",
        ),
        ("FunctionPayloadType: OTHER", "unknown variant `OTHER`"),
        (
            "AuthorizerPayloadFormatVersion: '1.0'",
            "unknown variant `1.0`",
        ),
    ] {
        let error = of("Api", authorizer);
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(
        of("Api", "FunctionPayloadType: REQUEST"),
        format!("{place}a TOKEN authorizer has one Header, a REQUEST authorizer has Headers")
    );
    assert_eq!(
        of("Api", "Identity: { ReauthorizeEvery: 3601 }"),
        format!("{place}ReauthorizeEvery is 3600 seconds at most")
    );
    let simple = "AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: true";
    assert_eq!(
        of("HttpApi", "AuthorizerPayloadFormatVersion: '2.0'"),
        format!(
            "{place}only AuthorizerPayloadFormatVersion 2.0 with EnableSimpleResponses is understood"
        )
    );
    assert_eq!(
        of("HttpApi", simple),
        format!(
            "{place}without EnableFunctionDefaultPermissions, API Gateway may not invoke the function"
        )
    );
    assert_eq!(
        of(
            "HttpApi",
            &format!(
                "{simple}, EnableFunctionDefaultPermissions: true, Identity: {{ Headers: [a] }}"
            )
        ),
        format!("{place}only an Identity with Headers and ReauthorizeEvery is understood")
    );
    let open = "  A: { Type: AWS::Serverless::HttpApi }\n";
    assert_eq!(
        with_resource(open).unwrap_err().to_string(),
        "template.yaml: A has no Auth"
    );
    let more = "  A: { Type: AWS::Serverless::HttpApi, Properties: { CorsConfiguration: true } }\n";
    assert_eq!(
        with_resource(more).unwrap_err().to_string(),
        "template.yaml: A: CorsConfiguration of an HTTP API is not understood"
    );
}

#[test]
fn an_event_with_properties_that_are_not_emulated_is_named() {
    let of = |kind: &str, properties: &str| {
        let resource = format!(
            "  F:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: f }} }}
    Properties: {{ Events: {{ E: {{ Type: {kind}, Properties: {{ Method: get, Path: /a, {properties} }} }} }} }}
"
        );
        with_resource(&resource).unwrap_err().to_string()
    };
    assert_eq!(
        of("Api", "Auth: { Authorizer: NONE }"),
        "template.yaml: F.Events.E: Auth is not understood"
    );
    assert_eq!(
        of("HttpApi", "ApiId: B"),
        "template.yaml: F.Events.E: ApiId names no API of this kind"
    );
}

#[test]
fn only_apis_with_an_authorizer_are_added_to_a_stack() {
    let function = |binary: &str, more: &str| {
        let resource = format!(
            "  F: {{ Type: AWS::Serverless::Function, Metadata: {{ BuildProperties: {{ Binary: {binary} }} }} }}\n{more}"
        );
        with_resource(&resource).unwrap()
    };
    let mut template = function("a", "");
    template.add(function("b", "")).unwrap();
    assert_eq!(template.functions.len(), 2);
    let twice = template.add(function("b", "")).unwrap_err().to_string();
    assert_eq!(twice, "template.yaml: the binary b is in both stacks");
    let open = function(
        "c",
        "  A: { Type: AWS::Serverless::Api, Properties: { StageName: live } }\n",
    );
    let secret = function("c", "  S: { Type: AWS::SecretsManager::Secret }\n");
    for other in [open, secret] {
        let error = template.add(other).unwrap_err().to_string();
        assert!(
            error.contains("only functions and APIs with a Lambda authorizer"),
            "{error}"
        );
    }
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
