//! The core: what a user's verification is, and what a piece of news about it changes.
//!
//! Start with [`User`] and [`apply`].

mod allowance;
mod document;
mod id;
mod observation;
mod onboarding;
mod personal;
mod review;
mod time;
mod transition;
mod user;

pub use allowance::Allowance;
pub use document::{Document, DocumentStatus, DocumentType, DocumentsRead, StoredDocument};
pub use id::{ApplicantId, InvalidId, UserId};
pub use observation::Observation;
pub use onboarding::{InvalidSteps, Onboarding, Step};
pub use personal::{Name, Personal};
pub use review::{NameRead, Reason, Review, Status};
pub use time::Timestamp;
pub use transition::{Transition, apply, erase, rename};
pub use user::User;
