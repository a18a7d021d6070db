//! The machine's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::kyc::Timestamp;

/// A source of the present time.
pub type Clock = fn() -> Timestamp;

/// Reads the machine's clock. Lambda keeps it within milliseconds of UTC.
#[must_use]
pub fn system_clock() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
