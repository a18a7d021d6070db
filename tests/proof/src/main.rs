//! `cargo prove`: the proofs at length.

use std::process::ExitCode;

use clap::Parser;
use proof::{Combination, Mutation, World, explain, explore, find, play, replay};

/// Seeds that are tried until a planted bug counts as not found.
const SEEDS: u64 = 3_000;

/// Histories of a full run, over all worlds.
const HISTORIES: u64 = 100_000;

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
    /// Count the histories that find each planted bug
    #[arg(long)]
    mutations: bool,
    /// Try every order in which so many use cases of one user can go on, at each of their reads and writes
    #[arg(long, value_name = "USE_CASES")]
    interleavings: Option<usize>,
    /// Print the trace of one interleaving, as a failure names it: COMBINATION#NUMBER
    #[arg(long)]
    replay: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_proven = if let Some(name) = &arguments.replay {
        replay_named(name)
    } else if let Some(count) = arguments.interleavings {
        interleavings(count)
    } else if arguments.mutations {
        mutations(arguments.seed)
    } else {
        worlds(&arguments)
    };
    ExitCode::from(u8::from(!is_proven))
}

fn replay_named(name: &str) -> bool {
    let parsed = name.split_once('#').and_then(|(combination, number)| {
        Some((Combination::parse(combination)?, number.parse().ok()?))
    });
    if let Some((combination, number)) = &parsed {
        print!("{}", replay(combination, *number));
    } else {
        eprintln!("{name}: not a combination and a number");
    }
    parsed.is_some()
}

fn interleavings(count: usize) -> bool {
    let (mut sum, mut failed) = (0, 0);
    for combination in Combination::all(count) {
        let explored = explore(&combination);
        sum += explored.interleavings;
        if let Some(finding) = explored.failed {
            failed += 1;
            println!("{combination}#{}: {finding:?}", explored.interleavings);
        }
    }
    println!("{sum} interleavings of {count} use cases, {failed} combinations failed");
    failed == 0
}

fn mutations(seed: u64) -> bool {
    let mut all_found = true;
    for mutation in Mutation::ALL {
        let found = find(mutation, seed, SEEDS);
        all_found &= found.is_some();
        println!("{mutation:?}: {found:?}");
    }
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
    let all = u64::try_from(World::ALL.len()).unwrap_or(1);
    let each = (HISTORIES * arguments.percent).div_ceil(100 * all);
    let (mut histories, mut deliveries, mut wrong) = (0, 0, 0);
    for world in worlds {
        if arguments.explain {
            print!("{}", explain(world, arguments.seed, None, true));
            continue;
        }
        let report = play(world, arguments.seed, each, 5, None);
        println!(
            "world {}: histories {}, deliveries {}, {} wrong",
            world.name,
            report.work.histories,
            report.work.deliveries,
            report.findings.len()
        );
        for (seed, finding) in &report.findings {
            println!("  --world \"{}\" --seed {seed}: {finding:?}", world.name);
        }
        histories += report.work.histories;
        deliveries += report.work.deliveries;
        wrong += report.findings.len();
    }
    println!("histories {histories}, deliveries {deliveries}, {wrong} lost, doubled or divergent");
    wrong == 0
}
