//! `cargo speed`: how fast and how small the functions are, beside other ways to write them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tests::speed::{Plan, run};

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
    /// Hold the figures against tests/speed/limits.yaml, and fail if one is missed
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plan = Plan {
        rounds: arguments.rounds.into(),
        calls: arguments.calls.into(),
        quantile: arguments.quantile,
        memory: arguments.memory,
        only: arguments.only,
        json: arguments.json,
        profile: arguments.profile,
        check: arguments.check,
    };
    if run(&plan) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
