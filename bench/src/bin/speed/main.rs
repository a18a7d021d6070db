//! What `cargo speed` does: it starts the functions, and programs that they are compared with, as Lambda does, and measures
//! them in turns, so that what the machine does besides falls on all of them alike.

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

/// How many processes share the cores in the end.
const AT_ONCE: usize = 32;

/// Starts the functions and comparable programs in turns, and prints what each takes.
#[derive(Parser)]
struct Arguments {
    /// How often each program is started; with 0 nothing is timed, but what can be counted is
    #[arg(long, default_value_t = 30)]
    rounds: u16,
    /// How many calls each process gets after the first one
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    calls: u16,
    /// The share of the rounds that is not slower than what is shown: on a machine that does other things, 0.25 tells more
    #[arg(long, default_value_t = 0.5)]
    quantile: f64,
    /// Give each program as much of a processor as Lambda does with so many MB, and count nothing; takes root
    #[arg(long)]
    memory: Option<u32>,
    /// Measure these rows of the table only
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Write the figures, and those of each round, to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Keep the profiles of callgrind in this folder
    #[arg(long)]
    profile: Option<PathBuf>,
    /// Hold the figures against bench/limits.yaml, and fail if one is missed
    #[arg(long)]
    check: bool,
}

/// What a row came to in each round.
type Samples = BTreeMap<&'static str, Vec<f64>>;

fn main() -> ExitCode {
    let plan = &Arguments::parse();
    let limits = include_str!("../../../limits.yaml");
    let endpoints = Endpoints::start();
    let mut rows = programs::build(&endpoints, &plan.only);
    let quota = plan.memory.map(Quota::of);
    for row in &mut rows {
        row.launch.group = quota.as_ref().map(Quota::processes);
    }
    let directory = tempfile::tempdir().unwrap();
    if let Some(folder) = &plan.profile {
        std::fs::create_dir_all(folder).unwrap();
    }
    check_answers(&rows, &directory);

    let machine = machine(plan);
    let begun = Instant::now();
    let mut samples: BTreeMap<&str, Samples> = BTreeMap::new();
    for _ in 0..plan.rounds {
        for row in &rows {
            measure(
                row,
                plan.calls.into(),
                &directory,
                samples.entry(row.name).or_default(),
            );
        }
    }
    let mut figures = Figures::new();
    for (row, samples) in &samples {
        for (name, values) in samples {
            figures.insert(format!("{row}.{name}"), quantile(values, plan.quantile));
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
            plan.profile.as_deref(),
        ));
        if plan.rounds > 0 {
            let scaling = scaling(row, plan, &directory);
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
    if let Some(file) = &plan.json {
        let text = format!("{:#}\n", json!({ "figures": figures, "rounds": samples }));
        std::fs::write(file, text).unwrap();
    }
    if !plan.check {
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

/// Starts each program once: what is measured must be right, and the same work.
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

/// One start, and calls of the process.
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

/// Calls per second of many processes at once, as a multiple of those of one, for each core.
fn scaling(row: &Row, plan: &Arguments, directory: &TempDir) -> f64 {
    let calls = usize::from(plan.calls);
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
    quantile(&ratios, 1.0 - plan.quantile) / float(cores)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to counts that nothing here comes near"
)]
fn float(count: usize) -> f64 {
    count as f64
}

/// The value that this share of them does not exceed.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let below = (1..values.len()).filter(|rank| float(*rank) < share * float(values.len()));
    values[below.count()]
}

/// On what this is measured.
fn machine(plan: &Arguments) -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().unwrap();
    let (rounds, calls) = (plan.rounds, plan.calls);
    // What else runs lets those wait that take longer than a turn, and so distorts the start-up first.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let quantile = plan.quantile;
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
