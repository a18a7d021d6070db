//! Proofs that the stored verdict is the provider's.

mod clock;
mod mutation;
mod provider;
mod reference;
mod simulation;
mod steps;
mod store;
mod tasks;
mod trace;
mod world;
mod runner;

pub use mutation::Mutation;
pub use runner::{Report, explain, play};
pub use simulation::{Finding, Work};
pub use world::World;
