//! prove
use clap::Parser;
use proof::{World, explain, play};

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    world: Option<String>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 1000)]
    histories: u64,
    #[arg(long)]
    explain: bool,
}

fn main() {
    let arguments = Arguments::parse();
    for world in World::ALL {
        if arguments.world.as_deref().is_some_and(|name| name != world.name) {
            continue;
        }
        if arguments.explain {
            print!("{}", explain(world, arguments.seed, None, true));
            continue;
        }
        let started = std::time::Instant::now();
        let report = play(world, arguments.seed, arguments.histories, 5, None);
        println!("{}: {:?} in {:?}", world.name, report.work, started.elapsed());
        for (seed, finding) in report.findings {
            println!("   {seed}: {finding:?}");
        }
    }
}
