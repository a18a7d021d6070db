//! `cargo speed`: start-up, latency, memory and size of the functions, beside other ways to write them.
//!
//! Programs are started as Lambda starts them and measured in turns, so that other load of the machine affects all alike.

mod counts;
mod endpoints;
mod http;
mod instance;
mod issuer;
mod limits;
mod programs;
mod quota;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bench::percentile;
use clap::Parser;
use serde_json::json;
use tempfile::TempDir;

use endpoints::Endpoints;
use instance::Instance;
use limits::Figures;
use programs::Row;
use quota::Quota;

/// Number of processes that share the cores in the measurement of scaling.
const AT_ONCE: usize = 32;

/// Starts the functions and comparable programs in turns, and prints what each takes.
#[derive(Parser)]
struct SpeedOptions {
    /// Starts of each program; 0 disables timing, but not counting
    #[arg(long, default_value_t = 30)]
    rounds: u16,
    /// Calls of each process after the first one
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    calls: u16,
    /// Quantile of the rounds to show: 0 is the fastest, which other load changes least, and 0.5 the median
    #[arg(long, default_value_t = 0.0)]
    quantile: f64,
    /// Give each program the share of a processor that Lambda gives with this many MB, and count nothing; needs root
    #[arg(long)]
    memory: Option<u32>,
    /// Measure these rows of the table only
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Write all figures, also those of each round, to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Keep callgrind's profiles in this folder
    #[arg(long)]
    profile: Option<PathBuf>,
    /// Check the figures against bench/limits.yaml, and fail if a limit is missed
    #[arg(long)]
    check: bool,
}

/// The figures of a row: one value for each round.
type Samples = BTreeMap<&'static str, Vec<f64>>;

fn main() -> ExitCode {
    let options = &SpeedOptions::parse();
    let limits = include_str!("../../../limits.yaml");
    let endpoints = Endpoints::start();
    let mut rows = programs::build(&endpoints, &options.only);
    let quota = options.memory.map(Quota::of);
    for row in &mut rows {
        row.launch.group = quota.as_ref().map(Quota::processes);
    }
    let directory = tempfile::tempdir().unwrap();
    if let Some(folder) = &options.profile {
        std::fs::create_dir_all(folder).unwrap();
    }
    check_answers(&rows, &directory);

    let machine = machine(options);
    let begun = Instant::now();
    let mut samples: BTreeMap<&str, Samples> = BTreeMap::new();
    for _ in 0..options.rounds {
        for row in &rows {
            measure(
                row,
                options.calls.into(),
                &directory,
                samples.entry(row.name).or_default(),
            );
        }
    }
    let mut figures = Figures::new();
    for (row, samples) in &samples {
        for (name, values) in samples {
            // Other load makes a process slower, never larger: of memory the other end counts.
            let share = if name.ends_with("_mb") {
                1.0 - options.quantile
            } else {
                options.quantile
            };
            figures.insert(format!("{row}.{name}"), quantile(values, share));
        }
    }
    for row in rows.iter().filter(|row| row.program.name == row.name) {
        if let Some((binary, zip)) = row.program.sizes() {
            figures.insert(format!("{}.binary_mb", row.name), binary);
            figures.insert(format!("{}.zip_mb", row.name), zip);
        }
    }
    for row in rows
        .iter()
        .filter(|row| ["floor", "status"].contains(&row.name) && quota.is_none())
    {
        figures.extend(counts::count(
            row.name,
            &programs::counted(&row.launch),
            directory.path(),
            options.profile.as_deref(),
        ));
        if options.rounds > 0 {
            let scaling = scaling(row, options, &directory);
            figures.insert(format!("{}.scaling_per_core", row.name), scaling);
        }
        if row.name == "status" {
            figures.extend(counts::crates("status", row.launch.command[0].as_ref()));
        }
    }

    let names: Vec<_> = rows.iter().map(|row| row.name).collect();
    let seconds = begun.elapsed().as_secs();
    let tables = report::tables(&names, &figures);
    println!("{machine}; {seconds} s\n\n{tables}");
    if let Some(file) = &options.json {
        let text = format!("{:#}\n", json!({ "figures": figures, "rounds": samples }));
        std::fs::write(file, text).unwrap();
    }
    if !options.check {
        return ExitCode::SUCCESS;
    }
    let findings = limits::check(limits, &figures).unwrap();
    println!("{}", report::findings(&findings));
    let missed = findings
        .iter()
        .filter(|finding| finding.found.is_some() && !finding.is_kept)
        .count();
    println!("{missed} of {} limits missed", findings.len());
    ExitCode::from(u8::from(missed > 0))
}

/// Starts each program once, and asserts that the answers are right and those of `status` the same.
fn check_answers(rows: &[Row], directory: &TempDir) {
    let mut bodies = Vec::new();
    for row in rows {
        let (_, _, answer) = Instance::start(&row.launch, directory.path(), 1).first();
        row.check(&answer);
        if row.is_status() {
            bodies.push((row.name, Row::body(&answer)));
        }
    }
    for (name, body) in &bodies {
        assert_eq!(*body, bodies[0].1, "{name} and {} differ", bodies[0].0);
    }
}

/// Measures one start of a program, and its calls.
fn measure(row: &Row, calls: usize, directory: &TempDir, samples: &mut Samples) {
    let mut instance = Instance::start(&row.launch, directory.path(), 1);
    let (next, answered, answer) = instance.first();
    row.check(&answer);
    let before = instance.cpu();
    let mut times = instance.calls(calls);
    let after = instance.cpu();
    assert_eq!(times.len(), calls, "{}: calls failed", row.name);
    let used: Duration = after
        .iter()
        .map(|(thread, used)| used.saturating_sub(before.get(thread).copied().unwrap_or_default()))
        .sum();
    let start: Duration = before.values().sum();
    let (peak, pss) = instance.memory();
    times.sort_unstable();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let quantile = |share| micros(percentile(&times, share).unwrap());
    for (name, value) in [
        ("first_next_ms", micros(next) / 1e3),
        ("first_answer_ms", micros(answered) / 1e3),
        ("start_cpu_ms", micros(start) / 1e3),
        ("p50_us", quantile(0.5)),
        ("p99_us", quantile(0.99)),
        ("cpu_us", micros(used) / float(calls)),
        ("peak_rss_mb", peak),
        ("pss_mb", pss),
    ] {
        samples.entry(name).or_default().push(value);
    }
}

/// Returns the calls per second of many processes at once, as a multiple of those of one process, per core.
fn scaling(row: &Row, options: &SpeedOptions, directory: &TempDir) -> f64 {
    let calls = usize::from(options.calls);
    let per_second = |count: usize| {
        let start = || Instance::start(&row.launch, directory.path(), 1);
        let mut instances: Vec<_> = (0..count).map(|_| start()).collect();
        for instance in &mut instances {
            instance.first();
        }
        let begun = Instant::now();
        for instance in &mut instances {
            instance.send(calls);
        }
        for instance in &mut instances {
            assert_eq!(
                instance.collect().len(),
                calls,
                "{}: calls failed",
                row.name
            );
        }
        float(count * calls) / begun.elapsed().as_secs_f64()
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    let ratios: Vec<_> = (0..5)
        .map(|_| per_second(AT_ONCE) / per_second(1))
        .collect();
    quantile(&ratios, 1.0 - options.quantile) / float(cores)
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

/// Returns the smallest value that at least this share of them does not exceed.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let below = (1..values.len()).filter(|rank| float(*rank) < share * float(values.len()));
    values[below.count()]
}

/// Describes the machine and the run in one line.
fn machine(options: &SpeedOptions) -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().unwrap();
    let (rounds, calls) = (options.rounds, options.calls);
    // Other load delays programs that run longer than a time slice, so it distorts start-up first.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let quantile = options.quantile;
    format!(
        "{model}, {cores} cores, load {load}; {rounds} starts, {calls} calls each; quantile {quantile}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values = [4.0, 1.0, 3.0, 2.0];
        for (share, value) in [(0.0, 1.0), (0.25, 1.0), (0.5, 2.0), (0.75, 3.0), (1.0, 4.0)] {
            assert!(
                (quantile(&values, share) - value).abs() < f64::EPSILON,
                "{share}"
            );
        }
        assert!((quantile(&[7.0], 0.5) - 7.0).abs() < f64::EPSILON);
    }
}
