#![allow(clippy::unwrap_used)]

use super::*;

const TABLE: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/T";

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn statement(actions: &[&str], resource: &str, attributes: Option<&[&str]>) -> Statement {
    Statement {
        actions: texts(actions),
        resources: texts(&[resource]),
        attributes: attributes.map(texts),
    }
}

fn access(action: &str, resource: &str, attributes: &[&str]) -> Access {
    Access {
        action: action.to_owned(),
        resource: resource.to_owned(),
        attributes: texts(attributes).into_iter().collect(),
    }
}

/// One function, `reader`, with these statements.
fn iam(statements: Vec<Statement>) -> Iam {
    Iam {
        statements: BTreeMap::from([("reader".to_owned(), statements)]),
    }
}

fn signed(access_key_id: &str) -> HeaderMap {
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={access_key_id}/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, \
         Signature=0"
    );
    HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
}

fn allows(iam: &Iam, action: &str, resource: &str, attributes: &[&str]) -> bool {
    let required = [access(action, resource, attributes)];
    iam.authorize(&signed("reader"), &required).is_ok()
}

#[test]
fn a_statement_allows_its_actions_on_its_resources_only() {
    let index = format!("{TABLE}/index/I");
    let iam = iam(vec![
        statement(&["dynamodb:GetItem", "dynamodb:PutItem"], TABLE, None),
        statement(&["dynamodb:Query"], &index, None),
    ]);

    assert!(allows(&iam, "dynamodb:GetItem", TABLE, &["a"]));
    assert!(allows(&iam, "dynamodb:PutItem", TABLE, &["a"]));
    assert!(!allows(&iam, "dynamodb:DeleteItem", TABLE, &["a"]));
    assert!(!allows(&iam, "dynamodb:GetItem", "other", &["a"]));
    assert!(!allows(&iam, "dynamodb:Query", TABLE, &["a"]));
    assert!(allows(&iam, "dynamodb:Query", &index, &["a"]));
}

#[test]
fn a_condition_holds_if_all_attributes_are_listed() {
    let listed = ["id", "status"].as_slice();
    let statement = statement(&["dynamodb:UpdateItem"], TABLE, Some(listed));
    let iam = iam(vec![statement]);
    let update = |attributes: &[&str]| allows(&iam, "dynamodb:UpdateItem", TABLE, attributes);

    assert!(update(&["id", "status"]) && update(&["id"]) && update(&[]));
    assert!(!update(&["id", "name"]));
}

#[test]
fn statements_do_not_add_up_for_one_access() {
    let only = |attribute: &str| statement(&["dynamodb:UpdateItem"], TABLE, Some(&[attribute]));
    let iam = iam(vec![only("a"), only("b")]);

    assert!(allows(&iam, "dynamodb:UpdateItem", TABLE, &["b"]));
    assert!(!allows(&iam, "dynamodb:UpdateItem", TABLE, &["a", "b"]));
}

#[test]
fn each_required_access_must_be_allowed() {
    let iam = iam(vec![statement(&["dynamodb:PutItem"], TABLE, None)]);
    let required = ["dynamodb:PutItem", "dynamodb:DeleteItem"].map(|it| access(it, TABLE, &[]));

    let headers = signed("reader");
    let denied = iam.authorize(&headers, &required).unwrap_err();

    assert_eq!(
        denied.to_string(),
        format!(
            "User: reader is not authorized to perform: dynamodb:DeleteItem on resource: {TABLE} because no \
             identity-based policy allows the dynamodb:DeleteItem action"
        )
    );
}

#[test]
fn callers_other_than_functions_may_do_everything() {
    let iam = iam(Vec::new());
    let required = [access("dynamodb:DeleteTable", TABLE, &[])];

    assert!(iam.authorize(&signed("local"), &required).is_ok());
    assert!(iam.authorize(&HeaderMap::new(), &required).is_ok());
    assert!(iam.authorize(&signed("reader"), &required).is_err());
}
