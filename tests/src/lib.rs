//! What the tests of the whole system share.
//!
//! `e2e/` holds the tests over HTTP against the binaries that are deployed, whose answers [`openapi`] compares with the
//! description of the API; [`load`] is what `cargo load` does, [`proof`] what `cargo prove` does, of which `proof/` holds short
//! versions, and [`speed`] what `cargo speed` does.

pub mod app;
pub mod load;
pub mod openapi;
pub mod proof;
pub mod proxy;
pub mod speed;
