//! The code that the tests of the whole system share.
//!
//! `e2e/` holds the tests over HTTP against the deployed binaries; [`openapi`] compares their responses with the
//! description of the API. [`crash`] kills the binaries while database and provider misbehave; `crash/` runs a short version.

pub mod app;
pub mod crash;
pub mod openapi;
pub mod operator;
pub mod proxy;
