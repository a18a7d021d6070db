//! The HTTP edge: who is asking, what for, and what is answered.

mod authenticator;
mod call;
mod jws;
mod problem;
mod reply;
mod route;
mod serve;
mod view;

pub use authenticator::{Authenticator, Unauthenticated};
pub use call::Call;
pub use problem::{ErrorTypes, Failure, Problem};
pub use reply::Reply;
pub use route::Route;
pub use serve::serve;
