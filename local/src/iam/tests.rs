#![allow(clippy::unwrap_used)]

use super::*;

const TABLE: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/T";

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn permission(actions: &[&str], resource: &str, attributes: Option<&[&str]>) -> Permission {
    Permission {
        actions: texts(actions),
        resources: texts(&[resource]),
        attributes: attributes.map(texts),
    }
}

fn need(action: &str, resource: &str, attributes: &[&str]) -> Need {
    Need {
        action: action.to_owned(),
        resource: resource.to_owned(),
        attributes: texts(attributes).into_iter().collect(),
    }
}

/// One function, `gate`, with these statements.
fn iam(permissions: Vec<Permission>) -> Iam {
    Iam {
        permissions: BTreeMap::from([("gate".to_owned(), permissions)]),
    }
}

fn signed(access_key_id: &str) -> HeaderMap {
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={access_key_id}/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, \
         Signature=0"
    );
    HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
}

fn allowed(iam: &Iam, needs: &[Need]) -> bool {
    iam.authorize(&signed("gate"), needs).is_ok()
}

#[test]
fn a_statement_allows_its_actions_on_its_resources_only() {
    let iam = iam(vec![
        permission(&["dynamodb:GetItem", "dynamodb:PutItem"], TABLE, None),
        permission(&["dynamodb:Query"], &format!("{TABLE}/index/I"), None),
    ]);

    assert!(allowed(&iam, &[need("dynamodb:GetItem", TABLE, &["a"])]));
    assert!(allowed(&iam, &[need("dynamodb:PutItem", TABLE, &["a"])]));
    assert!(!allowed(
        &iam,
        &[need("dynamodb:DeleteItem", TABLE, &["a"])]
    ));
    assert!(!allowed(&iam, &[need("dynamodb:GetItem", "other", &["a"])]));
    assert!(!allowed(&iam, &[need("dynamodb:Query", TABLE, &["a"])]));
    let index = format!("{TABLE}/index/I");
    assert!(allowed(&iam, &[need("dynamodb:Query", &index, &["a"])]));
}

#[test]
fn a_condition_holds_if_all_attributes_are_listed() {
    let listed = ["id", "status"].as_slice();
    let iam = iam(vec![permission(
        &["dynamodb:UpdateItem"],
        TABLE,
        Some(listed),
    )]);
    let update = |attributes: &[&str]| [need("dynamodb:UpdateItem", TABLE, attributes)];

    assert!(allowed(&iam, &update(&["id", "status"])));
    assert!(allowed(&iam, &update(&["id"])));
    assert!(allowed(&iam, &update(&[])));
    assert!(!allowed(&iam, &update(&["id", "name"])));
}

#[test]
fn statements_do_not_add_up_for_one_need() {
    let statement =
        |attribute: &str| permission(&["dynamodb:UpdateItem"], TABLE, Some(&[attribute]));
    let iam = iam(vec![statement("a"), statement("b")]);

    assert!(allowed(&iam, &[need("dynamodb:UpdateItem", TABLE, &["b"])]));
    assert!(!allowed(
        &iam,
        &[need("dynamodb:UpdateItem", TABLE, &["a", "b"])]
    ));
}

#[test]
fn every_need_must_be_allowed() {
    let iam = iam(vec![permission(&["dynamodb:PutItem"], TABLE, None)]);
    let needs = [
        need("dynamodb:PutItem", TABLE, &[]),
        need("dynamodb:DeleteItem", TABLE, &[]),
    ];

    let headers = signed("gate");
    let denied = iam.authorize(&headers, &needs).unwrap_err();

    assert_eq!(
        denied.to_string(),
        format!(
            "User: gate is not authorized to perform: dynamodb:DeleteItem on resource: {TABLE} because no \
             identity-based policy allows the dynamodb:DeleteItem action"
        )
    );
}

#[test]
fn who_is_no_function_may_do_everything() {
    let iam = iam(Vec::new());
    let needs = [need("dynamodb:DeleteTable", TABLE, &[])];

    assert!(iam.authorize(&signed("local"), &needs).is_ok());
    assert!(iam.authorize(&HeaderMap::new(), &needs).is_ok());
    assert!(iam.authorize(&signed("gate"), &needs).is_err());
}
