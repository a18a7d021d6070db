//! What the tests of the whole system share.
//!
//! `e2e/` holds the tests over HTTP against the binaries that are deployed.

pub mod app;
