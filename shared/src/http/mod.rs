//! The HTTP edge: authentication, requests, responses and problem details. [`views`] has one file for each response.

mod authenticator;
mod authorizer;
mod call;
mod cors;
mod gateway_event;
mod jws;
mod problem;
mod request;
mod response;
mod route;
mod serve;
pub mod views;

pub use authenticator::{
    Authenticator, JwkSet, KeySource, Keys, KeysError, TokenPolicy, Unauthenticated,
};
pub use authorizer::Admitted;
pub use call::{Call, ReplayRange, UserCall};
pub use cors::Origins;
pub use gateway_event::normalized;
pub use problem::{ErrorTypes, Failure, Problem};
pub use request::Request;
pub use response::Response;
pub use route::Route;
pub use serve::{Endpoint, serve, serve_and_authorize};
