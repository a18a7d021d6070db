//! What the functions of the KYC API share.
//!
//! A request travels from the outside in: [`http`] finds out who asks for what, [`service`] decides what is to be
//! done, [`kyc`] says what it means, [`repository`] and [`provider`] make it so. [`runtime`] starts a function up.
//!
//! [`kyc`] has no I/O, no clock and no randomness and depends on nothing else in here.

pub mod http;
mod json;
pub mod kyc;
pub mod provider;
pub mod repository;
pub mod runtime;
pub mod service;
