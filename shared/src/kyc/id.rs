//! Identifiers that come from outside.

use std::fmt;

/// The longest identifier that is accepted, in characters.
const MAX_LEN: usize = 128;

/// A text that cannot be an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identifier is 1 to {MAX_LEN} visible ASCII characters")]
pub struct InvalidId;

fn checked(text: String) -> Result<String, InvalidId> {
    let valid =
        (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then_some(text).ok_or(InvalidId)
}

/// The id of a user of ours. The provider knows it as the applicant's external user id.
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

    /// The id as text.
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

/// The provider's id of an applicant: the person it verifies on behalf of a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicantId(String);

impl ApplicantId {
    /// Accepts 1 to 128 visible ASCII characters.
    ///
    /// # Errors
    /// [`InvalidId`] for anything else.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        checked(text.into()).map(Self)
    }

    /// The id as text.
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
}
