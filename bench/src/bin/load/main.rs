//! `cargo load`: what the system does under load, and what each request costs.
//!
//! [`measure`] lets one user after the other take one step after the other, so that everything that happens meanwhile was
//! caused by that step: the figures are exact. [`arrivals`] lets many users arrive at a given rate, which shows how the
//! system behaves when it is busy.

mod arrivals;
#[cfg(test)]
mod costs;
mod database;
mod measure;
mod system;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;

use system::System;

/// How many users are measured one by one.
const MEASURED: usize = 20;

/// The sizes of the table that `--growth` compares.
const GROWTH: [usize; 2] = [1_000, 1_000_000];

/// Lets users go through the whole flow, and prints what that takes.
#[derive(Parser)]
struct Arguments {
    /// How many users arrive
    #[arg(long, default_value_t = 1_000)]
    users: usize,
    /// How many users arrive in a second
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// How often each user asks for the status, one second apart, before the reviewer decides
    #[arg(long, default_value_t = 3)]
    polls: u32,
    /// How many verified users the table holds before
    #[arg(long, default_value_t = 0)]
    existing: usize,
    #[arg(
        long,
        help = "Compare the cost of each request with 1,000 and with 1,000,000 users in the table, and do nothing else"
    )]
    growth: bool,
    /// Build the functions without optimisations
    #[arg(long)]
    debug: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let system = System::start(!arguments.debug).await;
    // Starts the processes, so that no measured request waits for one.
    system.measure("first", 1).await;
    let items = system.items("first");
    println!("Items of a verified user\n\n{}", measure::sizes(&items));

    let mut filled = 0;
    let mut fill = |users: usize| {
        let started = Instant::now();
        let table = system.app.stack.table();
        system.database.fill(table, &items, filled..users);
        filled = users;
        if users > 0 {
            let took = started.elapsed().as_secs_f64();
            println!("{users} users are in the table (filled in {took:.1} s)\n");
        }
    };
    if arguments.growth {
        let mut measured = Vec::new();
        for users in GROWTH {
            fill(users);
            let figures = system.measure(&format!("of_{users}"), MEASURED).await;
            println!("{}", figures.table(arguments.polls));
            measured.push(figures);
        }
        measured[0].assert_same(&measured[1]);
        println!(
            "Each request costs the same with {} and with {} users.",
            GROWTH[0], GROWTH[1]
        );
        return ExitCode::SUCCESS;
    }

    fill(arguments.existing);
    let figures = system.measure("measured", MEASURED).await;
    println!(
        "Cost of each request, one at a time\n\n{}",
        figures.table(arguments.polls)
    );

    let plan = arrivals::Plan {
        users: arguments.users,
        rate: arguments.rate,
        polls: arguments.polls,
    };
    println!("{} users arrive, {} per second", plan.users, plan.rate);
    let mut outcome = arrivals::run(Arc::new(system), plan).await;
    println!("\n{}", outcome.report());
    if outcome.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
