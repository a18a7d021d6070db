//! Tests of the whole system over HTTP, against the binaries that are deployed.
//!
//! Each test starts a system of its own: gateway, Lambda runtime, DynamoDB engine and provider, on ports of its own.

mod attacks;
mod authorizer;
mod bad_input;
mod batches;
mod browsers;
mod cases;
mod configuration;
mod contract;
mod erasure;
mod events;
mod faults;
mod flow;
mod limits;
mod metrics;
mod operations;
mod other_api;
mod privacy;
mod provider;
mod reconcile;
mod repository;
mod subscriber;
mod thaw;
mod webhook;
