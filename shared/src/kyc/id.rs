//! Identifiers that come from outside. Each is parsed where it enters.

use std::fmt;

use sha2::{Digest, Sha256};

/// The longest identifier that is accepted, in characters.
const MAX_LEN: usize = 128;

/// A text that is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identifier is 1 to {MAX_LEN} visible ASCII characters, and no dot segment of a path")]
pub struct InvalidId;

fn checked(text: String) -> Result<String, InvalidId> {
    let valid =
        (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then_some(text).ok_or(InvalidId)
}

/// The id of one of our users. The provider knows it as the applicant's external user id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

impl UserId {
    /// Accepts 1 to 128 visible ASCII characters.
    ///
    /// # Errors
    /// [`InvalidId`] for anything else.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        checked(text.into()).map(Self)
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The provider's id of an applicant. A user may have several applicants over time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicantId(String);

impl ApplicantId {
    /// Accepts 1 to 128 visible ASCII characters. The id becomes a segment of a path at the provider, where `.` and `..` would
    /// lead elsewhere (RFC 3986, 5.2.4).
    ///
    /// # Errors
    /// [`InvalidId`] for anything else.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = checked(text.into())?;
        if matches!(text.as_str(), "." | "..") {
            return Err(InvalidId);
        }
        Ok(Self(text))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApplicantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The idempotency key of an event: the same for each delivery of the event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(String);

impl EventKey {
    /// Wraps a digest over everything that makes the event unique.
    #[must_use]
    pub fn new(digest: String) -> Self {
        Self(digest)
    }

    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An applicant that was erased, at the provider or here, by the SHA-256 of its id. The id itself is forgotten with the person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErasedApplicant(String);

impl ErasedApplicant {
    /// Wraps a digest that was stored.
    #[must_use]
    pub fn from_digest(digest: String) -> Self {
        Self(digest)
    }

    /// Returns the digest in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0
    }

    /// Returns whether `applicant` is the one that was erased.
    #[must_use]
    pub fn is(&self, applicant: &ApplicantId) -> bool {
        *self == Self::from(applicant)
    }
}

impl From<&ApplicantId> for ErasedApplicant {
    fn from(applicant: &ApplicantId) -> Self {
        Self(hex::encode(Sha256::digest(applicant.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_visible_ascii_up_to_the_limit() {
        for text in ["u", "usr_abc123", "a/b;c=d+e@f.g", &"x".repeat(128)] {
            assert_eq!(UserId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_empty_long_blank_control_and_non_ascii() {
        for text in ["", &"x".repeat(129), "a b", "a\n", "\u{7f}", "ü"] {
            assert_eq!(UserId::parse(text), Err(InvalidId), "{text:?}");
            assert_eq!(ApplicantId::parse(text), Err(InvalidId), "{text:?}");
        }
    }

    #[test]
    fn an_applicant_id_is_no_dot_segment() {
        for text in [".", ".."] {
            assert_eq!(ApplicantId::parse(text), Err(InvalidId));
        }
        assert!(ApplicantId::parse("...").is_ok());
    }
}
