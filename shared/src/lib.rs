//! What the functions of the KYC API share.
//!
//! A request travels from the outside in: [`http`] finds out who asks for what, [`service`] decides what is to be
//! done, [`kyc`] says what it means, [`repository`] and [`provider`] make it so. [`runtime`] starts a function up.
//!
//! [`kyc`] has no I/O, no clock and no randomness and depends on nothing else in here.
//!
//! A function is no more than this; what it does not ask [`Function`](runtime::Function) for is not configured, built or fetched:
//!
//! ```no_run
//! use shared::http::{Reply, Route, serve};
//! use shared::runtime::{Function, run};
//!
//! fn main() -> Result<(), lambda_http::Error> {
//!     run(async {
//!         let function = Function::start()?;
//!         let authenticator = &function.authenticator()?;
//!         let recorder = &function.recorder()?;
//!         tokio::join!(authenticator.keys().prefetch(), recorder.users.connect());
//!
//!         serve(function.edge(Route::Status)?, |call| async move {
//!             let id = authenticator.user(call.headers()).await?;
//!             Reply::status(&recorder.load(&id).await?)
//!         })
//!         .await
//!     })
//! }
//! ```

pub mod http;
mod json;
pub mod kyc;
pub mod provider;
pub mod repository;
pub mod runtime;
pub mod service;
