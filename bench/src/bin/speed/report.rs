//! The figures as tables in Markdown.

use bench::render;

use crate::limits::{Figures, Finding};
use crate::programs::FLOOR;

/// A column of a table: head, figure, multiple of the floor's figure instead of the value, number of decimals.
type Column = (&'static str, &'static str, bool, usize);

const TIMES: [Column; 9] = [
    ("next ms", "first_next_ms", false, 1),
    ("answer ms", "first_answer_ms", false, 1),
    ("x floor", "first_answer_ms", true, 2),
    ("CPU ms", "start_cpu_ms", false, 1),
    ("p50 us", "p50_us", false, 0),
    ("x floor", "p50_us", true, 2),
    ("p99 us", "p99_us", false, 0),
    ("CPU us", "cpu_us", false, 0),
    ("x floor", "cpu_us", true, 2),
];

const SIZES: [Column; 4] = [
    ("peak RSS MB", "peak_rss_mb", false, 1),
    ("PSS MB", "pss_mb", false, 1),
    ("binary MB", "binary_mb", false, 2),
    ("zip MB", "zip_mb", false, 2),
];

const COUNTS: [Column; 6] = [
    ("start, M instructions", "start_minstructions", false, 2),
    ("call, M instructions", "call_minstructions", false, 3),
    ("allocations", "call_allocations", false, 1),
    ("system calls", "call_system_calls", false, 1),
    ("crates", "crates", false, 0),
    ("32 at once, x cores", "scaling_per_core", false, 2),
];

/// Formats the tables of times, sizes and counts.
pub(super) fn tables(rows: &[&str], figures: &Figures) -> String {
    let table = |first: &str, columns: &[Column]| {
        let heads: Vec<_> = [first]
            .into_iter()
            .chain(columns.iter().map(|column| column.0))
            .collect();
        let filled = rows.iter().filter_map(|row| {
            let cells: Vec<_> = columns
                .iter()
                .map(|column| cell(row, column, figures))
                .collect();
            cells
                .iter()
                .any(|cell| !cell.is_empty())
                .then(|| [vec![(*row).to_owned()], cells].concat())
        });
        render(&heads, &filled.collect::<Vec<_>>())
    };
    [
        table("times", &TIMES),
        table("sizes", &SIZES),
        table("counts", &COUNTS),
    ]
    .join("\n")
}

fn cell(row: &str, (_, name, is_multiple, decimals): &Column, figures: &Figures) -> String {
    let figure = |row: &str| figures.get(&format!("{row}.{name}"));
    let value = match (figure(row), figure(FLOOR)) {
        (Some(value), Some(floor)) if *is_multiple => value / floor,
        (Some(value), _) if !is_multiple => *value,
        _ => return String::new(),
    };
    format!("{value:.decimals$}")
}

/// Formats the table of limits.
pub(super) fn findings(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        let (found, verdict) = match finding.found {
            Some(found) => (
                format!("{found:.2}"),
                if finding.is_kept { "" } else { "MISSED" },
            ),
            None => (String::new(), "not measured"),
        };
        vec![
            finding.name.clone(),
            finding.limit.clone(),
            found,
            verdict.to_owned(),
        ]
    };
    let rows: Vec<_> = findings.iter().map(row).collect();
    render(&["limit", "", "found", ""], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_figures_and_multiples_of_the_floor() {
        let figures = [
            ("floor.p50_us", 100.0),
            ("status.p50_us", 210.4),
            ("status.crates", 190.0),
        ];
        let figures = figures.map(|(name, value)| (name.to_owned(), value)).into();
        let text = tables(&["floor", "status", "node"], &figures);
        let cells = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("| {name}")))
                .unwrap();
            line.split('|')
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect::<Vec<_>>()
        };
        assert_eq!(cells("status"), ["status", "210", "2.10"]);
        assert_eq!(cells("floor"), ["floor", "100", "1.00"]);
        assert!(!text.contains("node"));
        assert!(
            text.lines().all(|line| line.chars().count() <= 120),
            "{text}"
        );
    }
}
