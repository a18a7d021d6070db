//! Metrics, as lines of the embedded metric format: `CloudWatch` makes metrics of them out of the log.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::system_clock;

/// The namespace of all metrics of ours.
const NAMESPACE: &str = "Kyc";

/// Counts things that happened, in one line. `function` is the dimension that they can be told apart by.
pub fn count(function: &str, counts: &[(&str, u32)]) {
    let names: Vec<Value> = counts
        .iter()
        .map(|(name, _)| json!({ "Name": name, "Unit": "Count" }))
        .collect();
    let directive =
        json!({ "Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": names });
    let mut line = counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), json!(count)))
        .collect::<Map<_, _>>();
    line.insert("function".to_owned(), json!(function));
    line.insert(
        "_aws".to_owned(),
        json!({ "Timestamp": system_clock().millis(), "CloudWatchMetrics": [directive] }),
    );
    // The same fate as that of a log line that cannot be written: nobody is there to be told.
    writeln!(std::io::stdout().lock(), "{}", Value::from(line)).ok();
}
