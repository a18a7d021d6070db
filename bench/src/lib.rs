//! Tables in Markdown, and the figures in their cells.

use std::time::Duration;

/// Formats a table. The first column holds names and is aligned to the left, the others hold figures.
#[must_use]
pub fn render(heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&heads)
            .chain(rows)
            .map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cell = |(column, text): (usize, &String)| {
            let width = widths[column];
            match column {
                0 => format!("{text:width$}"),
                _ => format!("{text:>width$}"),
            }
        };
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = |(column, width): (usize, &usize)| match column {
        0 => "-".repeat(width + 2),
        _ => format!("{}:", "-".repeat(width + 1)),
    };
    let rule: Vec<String> = widths.iter().enumerate().map(rule).collect();
    let rows: String = rows.iter().map(line).collect();
    format!("{}|{}|\n{rows}", line(&heads), rule.join("|"))
}

/// Formats a figure with two decimals at most. Zero becomes an empty string.
#[must_use]
pub fn figure(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "0" { "" } else { text }.to_owned()
}

/// Formats a duration in milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1000.0)
}

/// Returns the smallest of the sorted times that at least this share of them does not exceed. `None` if there are no times.
#[must_use]
pub fn percentile(sorted: &[Duration], share: f64) -> Option<Duration> {
    // Exact below 2^52 requests.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}
