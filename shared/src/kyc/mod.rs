//! The core: a user's verification, and the meaning of each event and read for it. No I/O, no clock, no randomness, and nothing
//! else of ours.
//!
//! Start with [`User`], [`apply_hint`] and [`apply_read`].

mod document;
mod id;
mod level;
mod observation;
mod onboarding;
mod operation;
mod personal;
mod rate_limit;
mod review;
mod schedule;
mod standing;
mod time;
mod transition;
mod user;

pub use document::{Document, DocumentStatus, DocumentType, DocumentsRead, StoredDocument};
pub use id::{ApplicantId, ErasedApplicant, EventKey, InvalidId, UserId};
pub use level::{ApprovalLevels, InvalidLevel, Level};
pub use observation::{ApplicantType, EventEffect, Hint, Observation};
pub use onboarding::{InvalidSteps, Onboarding, Step};
pub use operation::{
    Caller, Cause, ImportedUser, InvalidOperation, Justification, Operation, StepChange,
    StepConflict,
};
pub(crate) use operation::{
    apply_block, apply_erasure, apply_import, apply_registered_erasure, apply_step, apply_unblock,
};
pub use personal::{Name, Personal};
pub use rate_limit::RateLimit;
pub use review::{Reason, Review, Status};
pub(crate) use schedule::next_poll;
pub use schedule::{Awaited, Due, Queue, ReviewSchedule, SETTLING};
pub use standing::Standing;
pub use time::{EventTime, ProviderTime, Timestamp};
pub use transition::{Policy, Transition, TransitionKind, apply_hint, apply_read};
pub(crate) use transition::{apply_inactive, apply_missing, apply_not_found};
pub use user::{Confirmation, Doubt, Inconsistent, User};
