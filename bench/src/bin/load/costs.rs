//! Tests of the figures in `docs/scale.md`.

use std::fs;

use local::project;
use serde_json::Value;

use crate::system::MeasuredSystem;

/// Returns the given columns of each row of a Markdown table.
fn rows(text: &str, columns: &[usize]) -> Vec<Vec<String>> {
    let table = text.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &str| -> Vec<String> {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let cell = |column: &usize| cells.get(*column).copied().unwrap_or_default().to_owned();
        columns.iter().map(cell).collect()
    };
    table.map(cells).collect()
}

#[tokio::test]
async fn requests_cost_what_the_documentation_says() {
    let system = MeasuredSystem::start(false).await;
    // The first request to an instance may make more requests than the later ones.
    system.measure("first", 1).await;
    let measured = system.measure("user", 3).await.table(20);
    let measured = rows(&measured, &[1, 3, 4, 5, 6, 7, 8]);

    let page = project().join("docs/scale.md");
    let documented = rows(&fs::read_to_string(page).unwrap(), &[1, 2, 3, 4, 5, 6, 7]);
    let compared = measured
        .iter()
        .filter(|row| row[0] != "per request" && !row[0].ends_with(" 20 due"));
    let mut count = 0;
    for row in compared {
        assert!(documented.contains(row), "{row:?} is not in docs/scale.md");
        count += 1;
    }
    assert_eq!(count, 12);
}

#[tokio::test]
async fn a_delivery_is_a_read_and_a_write_and_a_repeated_verdict_is_a_read() {
    let system = MeasuredSystem::start(false).await;
    system.measure("first", 1).await;
    let event = |text| -> Value {
        let event: Value = serde_json::from_str(text).unwrap();
        serde_json::from_str(event["body"].as_str().unwrap()).unwrap()
    };
    let created = event(include_str!("../../../../events/webhook-created.json"));
    let approved = event(include_str!("../../../../events/webhook-approved.json"));
    for (event, operations) in [
        // The first one about an applicant looks them up in the registry of erasures.
        (&created, &["BatchGetItem", "GetItem", "UpdateItem"][..]),
        (&approved, &["BatchGetItem", "TransactWriteItems"]),
        (&approved, &["BatchGetItem"]),
    ] {
        let before = system.database.usage();
        system.app.deliver(event).await.ok();
        let usage = system.database.usage().since(&before);
        assert_eq!(usage.operations(), operations);
        let requests = usage.sum().requests;
        assert!(
            (requests - f64::from(u8::try_from(operations.len()).unwrap())).abs() < f64::EPSILON,
            "{requests}"
        );
    }
}
