//! `cargo load`: the cost of each request, and the system under load.
//!
//! [`measure`] performs one action of one user at a time. Everything that happens meanwhile was caused by that action, so the
//! figures are exact. [`arrivals`] lets many users arrive at a given rate. [`waiting`] compares two ways to wait for a verdict,
//! and [`burst`] lets everybody come at once.

mod arrivals;
mod burst;
#[cfg(test)]
mod costs;
mod database;
mod measure;
mod system;
mod waiting;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;

use arrivals::Arrivals;
use system::MeasuredSystem;

/// Number of users that are measured one by one.
const MEASURED: usize = 20;

/// Numbers of users in the table that `--growth` compares.
const GROWTH: [usize; 2] = [1_000, 1_000_000];

/// Lets users go through the whole flow, and prints the cost and the latency of their requests.
#[derive(Parser)]
struct LoadOptions {
    #[command(flatten)]
    arrivals: Arrivals,
    /// Number of verified users in the table before the first one arrives
    #[arg(long, default_value_t = 0)]
    existing: usize,
    /// Only compare the cost of each request between tables of 1,000 and of 1,000,000 users
    #[arg(long)]
    growth: bool,
    /// Only compare two ways to wait for a verdict that comes so many seconds after the submission: the loop of the API's description, and the client to copy
    #[arg(long, value_name = "SECONDS")]
    waits: Option<u64>,
    /// Only let so many users come at once, to cold functions, a table that throttles and a provider that refuses, and count what is refused and lost
    #[arg(long, value_name = "USERS")]
    burst: Option<usize>,
    /// Build the functions without optimisations
    #[arg(long)]
    debug: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = LoadOptions::parse();
    let polls = options.arrivals.polls;
    let system = MeasuredSystem::start(!options.debug).await;
    if let Some(users) = options.burst {
        let (report, is_success) = burst::play(system, users).await;
        println!("{report}");
        return ExitCode::from(u8::from(!is_success));
    }
    // Starts the processes, so that no measured request waits for one.
    system.measure("first", 1).await;
    if let Some(seconds) = options.waits {
        let table = waiting::play(system, Duration::from_secs(seconds)).await;
        println!("{table}");
        return ExitCode::SUCCESS;
    }
    let items = system.items("first");
    println!("Items of a verified user\n\n{}", measure::sizes(&items));

    let mut filled = 0;
    let mut fill = |users: usize| {
        let started = Instant::now();
        for (table, items) in &items {
            let table = system.app.stack.table(table);
            system.database.fill(table, items, filled..users);
        }
        filled = users;
        if users > 0 {
            let took = started.elapsed().as_secs_f64();
            println!("{users} users are in the table (filled in {took:.1} s)\n");
        }
    };
    if options.growth {
        let mut measured = Vec::new();
        for users in GROWTH {
            fill(users);
            let costs = system.measure(&format!("of_{users}"), MEASURED).await;
            println!("{}", costs.table(polls));
            measured.push(costs);
        }
        measured[0].assert_same(&measured[1]);
        println!(
            "Each request costs the same with {} and with {} users.",
            GROWTH[0], GROWTH[1]
        );
        return ExitCode::SUCCESS;
    }

    fill(options.existing);
    let costs = system.measure("measured", MEASURED).await;
    println!(
        "Cost of each request, one at a time\n\n{}",
        costs.table(polls)
    );

    let Arrivals { users, rate, .. } = options.arrivals;
    println!("{users} users arrive, {rate} per second");
    let mut outcome = arrivals::run(Arc::new(system), options.arrivals).await;
    println!("\n{}", outcome.report());
    ExitCode::from(u8::from(!outcome.is_success()))
}
