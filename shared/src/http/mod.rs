//! The HTTP edge: who is asking, what for, and what is answered.

mod authenticator;
mod call;
mod cors;
mod event;
mod jws;
mod problem;
mod reply;
mod route;
mod serve;
mod view;

pub use authenticator::{
    Authenticator, JwkSet, KeySource, Keys, KeysError, TokenPolicy, Unauthenticated,
};
pub use call::Call;
pub use cors::Origins;
pub use event::cleaned;
pub use problem::{ErrorTypes, Failure, Problem};
pub use reply::Reply;
pub use route::Route;
pub use serve::{Edge, serve};
