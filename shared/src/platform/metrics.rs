//! Metrics, as lines of the embedded metric format: `CloudWatch` makes metrics of them out of the log.
//!
//! Names and dimensions are literals, so that nothing of a person can get into them. `docs/runbook.md` lists all of them.

use std::future::Future;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{ConfigError, Variables, system_clock};

/// The namespace of this deployment's metrics. Not set in tests of single parts, which write none.
static NAMESPACE: OnceLock<String> = OnceLock::new();

tokio::task_local! {
    /// The trace id of the request that is being answered.
    static TRACE_ID: String;
}

/// A value of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Number of occurrences.
    Count(u32),
    /// Duration of a call, reported in milliseconds.
    Took(Duration),
    /// Length of a wait, reported in seconds.
    Waited(Duration),
}

impl Measure {
    fn unit_and_value(self) -> (&'static str, u64) {
        match self {
            Self::Count(count) => ("Count", count.into()),
            Self::Took(time) => (
                "Milliseconds",
                u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            ),
            Self::Waited(time) => ("Seconds", time.as_secs()),
        }
    }
}

/// Reads the namespace from `METRICS_NAMESPACE`.
///
/// # Errors
/// [`ConfigError`] when it is missing.
pub(crate) fn start(variables: &Variables) -> Result<(), ConfigError> {
    let namespace = variables.required("METRICS_NAMESPACE")?;
    // Only a second start in one process finds it set.
    NAMESPACE.get_or_init(|| namespace.to_owned());
    Ok(())
}

/// Has all metrics that `work` writes bear a trace id, so that it finds them among the lines of the request.
pub(crate) async fn traced<T>(trace_id: String, work: impl Future<Output = T>) -> T {
    TRACE_ID.scope(trace_id, work).await
}

/// Counts one occurrence of something that comes in kinds, which are told apart by a dimension.
pub fn count(metric: &'static str, dimension: (&'static str, &'static str)) {
    put(Some(dimension), &[(metric, Measure::Count(1))]);
}

/// Writes the values of metrics that belong together, in one line.
pub fn put(dimension: Option<(&'static str, &'static str)>, measures: &[(&'static str, Measure)]) {
    if let Some(namespace) = NAMESPACE.get() {
        let mut line = line(namespace, dimension, measures);
        // No request: a schedule.
        if let Ok(trace_id) = TRACE_ID.try_with(Clone::clone) {
            line.insert("trace_id".to_owned(), trace_id.into());
        }
        let line = Value::from(line);
        // The same fate as that of a log line that cannot be written: nobody is there to be told.
        writeln!(std::io::stdout().lock(), "{line}").ok();
    }
}

fn line(
    namespace: &str,
    dimension: Option<(&str, &str)>,
    measures: &[(&str, Measure)],
) -> Map<String, Value> {
    let (mut line, mut metrics) = (Map::new(), Vec::new());
    for (name, measure) in measures {
        let (unit, value) = measure.unit_and_value();
        metrics.push(json!({ "Name": name, "Unit": unit }));
        line.insert((*name).to_owned(), json!(value));
    }
    let dimensions: Vec<&str> = dimension.iter().map(|(name, _)| *name).collect();
    line.extend(dimension.map(|(name, value)| (name.to_owned(), json!(value))));
    let directive =
        json!({ "Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics });
    line.insert(
        "_aws".to_owned(),
        json!({ "Timestamp": system_clock().millis(), "CloudWatchMetrics": [directive] }),
    );
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_the_embedded_metric_format() {
        let measures = [
            ("Calls", Measure::Count(1)),
            ("Latency", Measure::Took(Duration::from_micros(83_900))),
        ];
        let mut line = line("kyc", Some(("outcome", "failed")), &measures);
        assert!(line["_aws"]["Timestamp"].take().is_i64());
        let expected = json!({
            "Calls": 1, "Latency": 83, "outcome": "failed",
            "_aws": { "Timestamp": null, "CloudWatchMetrics": [{
                "Namespace": "kyc", "Dimensions": [["outcome"]],
                "Metrics": [{ "Name": "Calls", "Unit": "Count" }, { "Name": "Latency", "Unit": "Milliseconds" }],
            }] },
        });
        assert_eq!(Value::from(line), expected);
    }
}
