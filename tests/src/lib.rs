//! The code that the tests of the whole system share.
//!
//! `e2e/` holds the tests over HTTP against the deployed binaries; [`openapi`] compares their responses with the
//! description of the API. [`proof`] holds the proofs of `cargo prove`, and `proof/` runs short versions of them.

pub mod app;
pub mod openapi;
pub mod proof;
pub mod proxy;
