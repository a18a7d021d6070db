//! The parts of the KYC API that its functions share.
//!
//! A request travels from the outside in: [`http`] finds out who asks for what, [`service`] does it, [`kyc`] decides what it means,
//! [`repository`] and [`provider`] keep and ask. All stand on [`platform`]; [`startup`] puts them together.
//!
//! Imports go one way: startup → http → service → repository and provider → platform → kyc. [`kyc`] has no I/O, no clock and no
//! randomness. `tests/arrows.rs` holds that.
//!
//! A function is no more than this. What it does not ask [`Startup`](startup::Startup) for is not configured, built or fetched:
//!
//! ```no_run
//! use shared::http::views::StatusView;
//! use shared::http::{Route, serve};
//! use shared::platform::run;
//! use shared::startup::Startup;
//!
//! fn main() -> Result<(), lambda_http::Error> {
//!     run(async {
//!         let startup = Startup::begin()?;
//!         let authenticator = &startup.authenticator()?;
//!         let service = &startup.stored()?;
//!         tokio::join!(authenticator.keys().prefetch(), service.users.connect());
//!
//!         serve(startup.endpoint(Route::Status)?, |request| async move {
//!             let id = authenticator.user(request.headers()).await?;
//!             let user = service.standing(&id).await?;
//!             Ok(StatusView::new(&user, (service.clock)()).into())
//!         })
//!         .await
//!     })
//! }
//! ```

pub mod http;
pub mod kyc;
pub mod platform;
pub mod provider;
pub mod repository;
pub mod service;
pub mod startup;
