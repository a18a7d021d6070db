//! Many simulations, and the shortest one that fails.

use tokio::runtime::Runtime;

use crate::mutation::Mutation;
use crate::simulation::{Finding, Simulation, Work, simulate};
use crate::steps::{Step, draw};
use crate::store::Memory;
use crate::trace::Trace;
use crate::world::World;

/// The result of playing a world.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The work that was done.
    pub work: Work,
    /// The findings, with the seeds that lead to them.
    pub findings: Vec<(u64, Finding)>,
}

impl Report {
    /// Runs simulations, from `seed` on, until there are `histories`, or `most` findings.
    pub(crate) fn of(
        mut seed: u64,
        histories: u64,
        most: usize,
        mut simulation: impl FnMut(u64) -> Result<Work, Finding>,
    ) -> Self {
        let mut report = Self::default();
        while report.work.histories < histories && report.findings.len() < most {
            match simulation(seed) {
                Ok(work) => {
                    report.work.histories += work.histories;
                    report.work.deliveries += work.deliveries;
                }
                Err(finding) => report.findings.push((seed, finding)),
            }
            seed = seed.wrapping_add(1);
        }
        report
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

fn memory(mutation: Option<Mutation>) -> Memory {
    mutation.map_or_else(Memory::default, Mutation::memory)
}

/// Plays simulations of a world in memory, from `seed` on, until there are `histories`, or `most` findings.
pub fn play(
    world: World,
    seed: u64,
    histories: u64,
    most: usize,
    mutation: Option<Mutation>,
) -> Report {
    let runtime = runtime();
    Report::of(seed, histories, most, |seed| {
        runtime.block_on(simulate(world, seed, memory(mutation), mutation))
    })
}

/// Returns the trace of the shortest simulation that fails as the one of `seed` does.
pub fn explain(world: World, seed: u64, mutation: Option<Mutation>, shorten: bool) -> String {
    let runtime = runtime();
    let run = |steps: &[Step], trace: Trace| {
        let simulation = Simulation::new(world, seed, memory(mutation), trace, mutation);
        runtime.block_on(simulation.play(steps))
    };
    let mut steps = draw(&world, &mut fastrand::Rng::with_seed(seed));
    if shorten && let Err(finding) = run(&steps, Trace::default()) {
        let fails = |steps: &[Step]| {
            let found = run(steps, Trace::default()).err();
            found.is_some_and(|found| found.kind() == finding.kind())
        };
        let mut size = steps.len();
        while size > 0 {
            let mut start = 0;
            while start < steps.len() {
                let mut fewer = steps.clone();
                fewer.drain(start..(start + size).min(steps.len()));
                if fails(&fewer) {
                    steps = fewer;
                } else {
                    start += size;
                }
            }
            size /= 2;
        }
    }
    let trace = Trace::kept();
    let result = run(&steps, trace.clone());
    format!("{}{result:?}\n{steps:?}\n", trace.text())
}

/// The place where a planted bug was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The number of seeds that it took.
    pub seeds: u64,
    /// The world that found the bug.
    pub world: World,
    /// The finding that showed the bug.
    pub finding: Finding,
}

/// Plays all worlds with a planted bug, one seed after the other, until one finds it. Returns `None` if none does within `most`
/// seeds.
pub fn find(mutation: Mutation, seed: u64, most: u64) -> Option<Found> {
    let runtime = runtime();
    for seeds in 1..=most {
        for world in World::ALL {
            let seed = seed.wrapping_add(seeds);
            let store = memory(Some(mutation));
            let played = runtime.block_on(simulate(world, seed, store, Some(mutation)));
            if let Err(finding) = played {
                return Some(Found {
                    seeds,
                    world,
                    finding,
                });
            }
        }
    }
    None
}
