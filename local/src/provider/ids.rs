//! Ids that nobody can guess.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::hmac;
use ring::rand::SystemRandom;

use super::applicants::Identity;

/// Numbers its ids and hides the numbers behind a random key, so that only start-up can fail for want of randomness.
pub(super) struct Ids {
    key: hmac::Key,
    next: AtomicU64,
}

impl Ids {
    pub(super) fn new() -> io::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| io::Error::other("the system gives no random numbers"))?;
        Ok(Self {
            key,
            next: AtomicU64::new(0),
        })
    }

    /// Up to 64 lower-case hexadecimal digits.
    pub(super) fn hex(&self, digits: usize) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut id = hex::encode(hmac::sign(&self.key, &number.to_be_bytes()));
        id.truncate(digits);
        id
    }

    /// The ids of an applicant who may be about to be created.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            applicant: self.hex(24),
            inspection: self.hex(24),
        }
    }
}
