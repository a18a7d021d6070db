//! Many simulations, and the shortest one that fails.

use shared::repository::UserStore;
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
    /// The work.
    pub work: Work,
    /// The findings, with the seeds that lead to them.
    pub findings: Vec<(u64, Finding)>,
}

impl Report {
    pub(crate) fn is_full(&self, histories: u64, most_findings: usize) -> bool {
        self.work.histories >= histories || self.findings.len() >= most_findings
    }

    /// Adds the result of the simulation of `seed`.
    pub(crate) fn add(&mut self, seed: u64, played: Result<Work, Finding>) {
        match played {
            Ok(work) => {
                self.work.histories += work.histories;
                self.work.deliveries += work.deliveries;
            }
            Err(finding) => self.findings.push((seed, finding)),
        }
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
    let mut report = Report::default();
    let mut seed = seed;
    while !report.is_full(histories, most) {
        let played = play_in(&runtime, world, seed, memory(mutation), mutation);
        report.add(seed, played);
        seed = seed.wrapping_add(1);
    }
    report
}

/// Plays one simulation with a store.
pub(crate) fn play_in<S: UserStore + Send + 'static>(
    runtime: &Runtime,
    world: World,
    seed: u64,
    store: S,
    mutation: Option<Mutation>,
) -> Result<Work, Finding> {
    runtime.block_on(simulate(world, seed, store, mutation))
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
    /// The world.
    pub world: World,
    /// The finding.
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
            let played = play_in(&runtime, world, seed, store, Some(mutation));
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
