//! Proofs that the stored verdict is the provider's.

mod clock;
mod engine;
mod import;
mod interleaving;
mod mutation;
mod provider;
mod reference;
mod runner;
mod schedule;
mod simulation;
mod steps;
mod store;
mod tasks;
mod trace;
mod world;

pub use engine::play_on_engine;
pub use import::{Imported, import};
pub use interleaving::{Combination, Explored, Provider, Scene, UseCase, explore, replay};
pub use mutation::Mutation;
pub use runner::{Found, Report, explain, find, play};
pub use simulation::{Finding, Work};
pub use world::World;
