//! The use cases: what a function calls once it knows who asks for what.

mod details;
mod meter;
mod reconcile;
mod record;
mod session;
mod status;
mod webhook;

pub use details::{Details, details};
pub use meter::Meter;
pub use reconcile::{PACE, Reconciled, reconcile};
pub use record::Recorder;
pub use session::start_session;
pub use status::refresh;
pub use webhook::{Outcome, Receiver};

use std::time::Duration;

use crate::kyc::Status;
use crate::provider::ProviderError;
use crate::repository::RepositoryError;

/// Why a use case did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The provider knows no applicant of this user.
    #[error("the user has no applicant at the provider")]
    NoApplicant,
    /// The verdict is final, so that there is nothing to start.
    #[error("the verification is {} already", .0.as_str())]
    Decided(Status),
    /// The user did too often what costs.
    #[error("the user's allowance is used up")]
    Exhausted {
        /// When there is a new one.
        retry_after: Duration,
    },
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The table failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
