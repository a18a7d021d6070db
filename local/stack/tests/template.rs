//! The project's `template.yaml`, as this program reads it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{collections::BTreeMap, time::Duration};

use local::template::{Route, Schedule, Statement, Template};

fn parse(overrides: &[(&str, &str)]) -> Template {
    let overrides = overrides
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Template::parse(include_str!("../../../template.yaml"), &overrides).unwrap()
}

#[test]
fn the_real_template_is_understood() {
    let template = parse(&[("ProviderUrl", "http://127.0.0.1:3001")]);

    let status = template
        .functions
        .iter()
        .find(|function| function.binary == "status")
        .unwrap();
    assert_eq!(status.environment["USERS_TABLE"], "UsersTable");
    assert_eq!(status.environment["JWKS_SECRET"], "JwksSecret");
    assert_eq!(status.environment["PROVIDER_URL"], "http://127.0.0.1:3001");
    let reads_its_secrets = Statement {
        actions: vec!["secretsmanager:GetSecretValue".to_owned()],
        resources: ["JwksSecret", "ProviderSecret", "ErasureSecret"]
            .map(str::to_owned)
            .to_vec(),
        attributes: None,
    };
    assert!(status.statements.contains(&reads_its_secrets));
    assert!(!status.timeout.is_zero() && status.memory_size > 0);
    let route = |method: &str, path: &str, binary: &str| Route {
        method: method.to_owned(),
        path: path.to_owned(),
        binary: binary.to_owned(),
    };
    assert!(
        template
            .api
            .routes
            .contains(&route("GET", "/v0/kyc/status", "status"))
    );
    assert!(
        template
            .api
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

    let missing = &template.api.responses["MISSING_AUTHENTICATION_TOKEN"];
    assert_eq!(missing.status, Some(404));
    assert_eq!(missing.headers["Content-Type"], "application/problem+json");
    assert!(
        missing
            .body
            .starts_with(r#"{"type":"https://api.sumvin.com/errors/gen-404-001""#),
        "{}",
        missing.body
    );

    let expiring =
        |table: &local::template::Table| (table.id.clone(), table.time_to_live.is_some());
    let tables: BTreeMap<_, _> = template.tables.iter().map(expiring).collect();
    let expected = [
        ("CountersTable", true),
        ("DeliveriesTable", true),
        ("ErasuresTable", false),
        ("HistoryTable", false),
        ("UsersTable", false),
    ];
    assert_eq!(
        tables,
        BTreeMap::from(expected.map(|(id, expires)| (id.to_owned(), expires)))
    );
    assert!(template.secrets.contains_key("ProviderSecret"));
}

#[test]
fn overrides_name_resources() {
    let template = parse(&[("UsersTable", "kyc-users-1")]);

    assert!(
        template
            .tables
            .iter()
            .any(|table| table.name == "kyc-users-1")
    );
    assert_eq!(
        template.functions[0].environment["USERS_TABLE"],
        "kyc-users-1"
    );
}

/// CloudFormation refuses the same.
#[test]
fn values_that_the_template_refuses_are_refused() {
    for (name, value) in [
        ("SessionLimit", "0"),
        ("SessionLimit", "many"),
        ("ProviderUrl", "notaurl"),
        ("ProviderUrl", "http://api.example.com"),
        ("CorsOrigins", "https://app.example.com/"),
        ("LogLevel", "loud"),
        ("ProviderEnvironment", "prod"),
    ] {
        let overrides = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let parsed = Template::parse(include_str!("../../../template.yaml"), &overrides);
        let refused = parsed.err().unwrap().to_string();
        assert!(refused.contains(name), "{name}={value}: {refused}");
    }
}

/// `cargo lambda watch` reads its routes from `Cargo.toml`.
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
    for route in parse(&[]).api.routes {
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

#[test]
fn the_template_has_no_route_of_the_demo() {
    let template = parse(&[]);
    assert!(!template.api.routes.is_empty());
    for route in template.api.routes {
        assert!(route.path.starts_with("/v0/"), "{}", route.path);
    }
}
