//! `cargo prove`: the proofs at length.

use std::process::ExitCode;
use std::thread;

use clap::Parser;
use futures_util::StreamExt;
use futures_util::stream;
use proof::{
    Combination, Finding, Mutation, Report, World, explain, explore, find, import, play,
    play_on_engine, replay,
};
use tokio::runtime::Builder;

/// Seeds that are tried until a planted bug counts as not found.
const SEEDS: u64 = 3_000;

/// Histories of a full run in memory, over all worlds.
const HISTORIES: u64 = 100_000;

/// Histories of a full run on a real engine, over all worlds.
const HISTORIES_ON_ENGINE: u64 = 1_000;

/// Reads of the provider in 5 s by the schedule: 20 in a second, and the first at once.
const MOST_READS: usize = 101;

/// Findings after which a world ends.
const MOST_FINDINGS: usize = 5;

/// Plays histories of users in unkind worlds, and counts where the stored state is not the provider's.
#[derive(Parser)]
struct Arguments {
    /// Share of a full run, in percent
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    percent: u64,
    /// Play this world only
    #[arg(long)]
    world: Option<String>,
    /// The first seed. A seed repeats its history byte for byte
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the shortest history that fails as the one of --seed does, in --world
    #[arg(long, requires = "world")]
    explain: bool,
    /// Store users in a real engine of DynamoDB
    #[arg(long)]
    engine: bool,
    /// Count the histories that find each planted bug
    #[arg(long)]
    mutations: bool,
    /// Try every order in which so many use cases of one user can go on, at each of their reads and writes
    #[arg(long, value_name = "USE_CASES")]
    interleavings: Option<usize>,
    /// Try only orders with so many switches at most: preemptions of a use case that could go on, and changes of the replica
    #[arg(long)]
    switches: Option<usize>,
    /// Import so many users of another backend
    #[arg(long, value_name = "USERS")]
    import: Option<usize>,
    /// Print the trace of one interleaving, as a failure names it: COMBINATION#NUMBER
    #[arg(long)]
    replay: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_proven = if let Some(name) = &arguments.replay {
        replay_named(name, arguments.switches)
    } else if let Some(count) = arguments.interleavings {
        interleavings(count, arguments.switches)
    } else if let Some(users) = arguments.import {
        let imported = import(users, arguments.seed);
        println!("import: {imported}");
        for line in imported.diverged.iter().take(MOST_FINDINGS) {
            println!("  {line}");
        }
        imported.diverged.is_empty() && imported.most_reads <= MOST_READS
    } else if arguments.mutations {
        mutations(arguments.seed)
    } else {
        worlds(&arguments)
    };
    ExitCode::from(u8::from(!is_proven))
}

fn replay_named(name: &str, most_switches: Option<usize>) -> bool {
    let parsed = name.split_once('#').and_then(|(combination, number)| {
        Some((Combination::parse(combination)?, number.parse().ok()?))
    });
    if let Some((combination, number)) = &parsed {
        print!("{}", replay(combination, most_switches, *number));
    } else {
        eprintln!("{name}: not a combination and a number");
    }
    parsed.is_some()
}

fn interleavings(count: usize, most_switches: Option<usize>) -> bool {
    let (mut sum, mut failed) = (0, 0);
    on_all_cores(
        Combination::all(count),
        move |combination| explore(combination, most_switches),
        |combination, explored| {
            sum += explored.interleavings;
            if let Some((number, finding)) = explored.failed {
                failed += 1;
                println!("{combination}#{number}: {finding}");
            }
        },
    );
    let bound = most_switches.map_or_else(
        || "all orders".to_owned(),
        |most| format!("orders with at most {most} switches"),
    );
    println!("{sum} interleavings of {count} use cases, {bound}: {failed} combinations failed");
    failed == 0
}

fn mutations(seed: u64) -> bool {
    let mut all_found = true;
    on_all_cores(
        Mutation::ALL,
        move |mutation| find(*mutation, seed, SEEDS),
        |mutation, found| {
            if let Some(found) = found {
                let (seeds, world) = (found.seeds, found.world.name);
                println!(
                    "{mutation:?}: after {seeds} seeds, in {world}: {}",
                    found.finding
                );
            } else {
                all_found = false;
                println!("{mutation:?}: not found by {SEEDS} seeds");
            }
        },
    );
    all_found
}

fn worlds(arguments: &Arguments) -> bool {
    let worlds: Vec<World> = World::ALL
        .into_iter()
        .filter(|world| {
            let name = arguments.world.as_deref();
            name.is_none_or(|name| name == world.name)
        })
        .collect();
    if arguments.explain {
        for world in worlds {
            print!("{}", explain(world, arguments.seed, None, true));
        }
        return true;
    }
    let all = u64::try_from(World::ALL.len()).unwrap_or(1);
    let full = if arguments.engine {
        HISTORIES_ON_ENGINE
    } else {
        HISTORIES
    };
    let each = (full * arguments.percent).div_ceil(100 * all);
    let (seed, is_on_engine) = (arguments.seed, arguments.engine);
    let mut sum = Report::default();
    on_all_cores(
        worlds,
        move |world| {
            if is_on_engine {
                play_on_engine(*world, seed, each, MOST_FINDINGS)
            } else {
                play(*world, seed, each, MOST_FINDINGS, None)
            }
        },
        |world, report| {
            println!("world {}: {}", world.name, summary(&report));
            for (seed, finding) in &report.findings {
                println!("  --world \"{}\" --seed {seed}: {finding}", world.name);
            }
            sum.work.histories += report.work.histories;
            sum.work.deliveries += report.work.deliveries;
            sum.findings.extend(report.findings);
        },
    );
    println!("all: {}", summary(&sum));
    sum.findings.is_empty()
}

fn summary(report: &Report) -> String {
    let (mut lost, mut doubled, mut diverged) = (0, 0, 0);
    for (_, finding) in &report.findings {
        match finding {
            Finding::Lost(_) => lost += 1,
            Finding::Doubled(_) => doubled += 1,
            Finding::Diverged(_) => diverged += 1,
        }
    }
    format!(
        "{} histories, {} deliveries, {lost} lost, {doubled} doubled, {diverged} divergences",
        report.work.histories, report.work.deliveries
    )
}

/// Does the work on each item, on as many at once as there are cores, and passes on the results in the order of the items.
///
/// Each thread has a clock of its own, so that no work notices another.
fn on_all_cores<T: Send + 'static, R: Send + 'static>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(&T) -> R + Copy + Send + 'static,
    mut then: impl FnMut(T, R),
) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let start = |item| {
        tokio::task::spawn_blocking(move || {
            let result = work(&item);
            (item, result)
        })
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut results = stream::iter(items).map(start).buffered(cores);
        while let Some(result) = results.next().await {
            let (item, result) = result.unwrap();
            then(item, result);
        }
    });
}
