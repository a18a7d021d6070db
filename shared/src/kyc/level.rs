//! Verification levels: the provider's names for what a person has to show.

use std::fmt;

/// The provider's name of a verification level. Not empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(String);

/// A text that names no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a level is empty")]
pub struct InvalidLevel;

impl Level {
    /// Accepts any text that is not blank. Blanks around it are dropped.
    ///
    /// # Errors
    /// [`InvalidLevel`] for a blank text.
    pub fn parse(name: &str) -> Result<Self, InvalidLevel> {
        let name = name.trim();
        if name.is_empty() {
            return Err(InvalidLevel);
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The levels whose GREEN approves a user. In a workflow that is its last level. Old levels stay in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalLevels(Vec<Level>);

impl ApprovalLevels {
    /// Reads names separated by commas.
    ///
    /// # Errors
    /// [`InvalidLevel`] if one of the names is blank.
    pub fn parse(list: &str) -> Result<Self, InvalidLevel> {
        list.split(',')
            .map(Level::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns whether a GREEN on `level` approves.
    #[must_use]
    pub fn contains(&self, level: &Level) -> bool {
        self.0.contains(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_a_name() {
        assert_eq!(Level::parse(" "), Err(InvalidLevel));
        assert_eq!(ApprovalLevels::parse("basic,,old"), Err(InvalidLevel));
        assert_eq!(ApprovalLevels::parse(""), Err(InvalidLevel));
        let levels = ApprovalLevels::parse("basic, old").unwrap();
        assert!(levels.contains(&Level::parse("old").unwrap()));
        assert!(!levels.contains(&Level::parse("extra").unwrap()));
    }
}
