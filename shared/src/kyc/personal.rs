//! Personal data, in types that cannot be printed or serialised by accident.

use std::fmt;

/// A text about a person. Showing it takes a call of [`Personal::reveal`], which is easy to search for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Personal(String);

impl Personal {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for answers to the person it is about, and for storage.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

/// A person's name as an identity document shows it. At least one part is present.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    first: Option<Personal>,
    last: Option<Personal>,
}

impl Name {
    /// A name of the parts that are there; none when both are missing.
    #[must_use]
    pub fn new(first: Option<Personal>, last: Option<Personal>) -> Option<Self> {
        (first.is_some() || last.is_some()).then_some(Self { first, last })
    }

    /// First name or names.
    #[must_use]
    pub fn first(&self) -> Option<&Personal> {
        self.first.as_ref()
    }

    /// Last name or names.
    #[must_use]
    pub fn last(&self) -> Option<&Personal> {
        self.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_nothing() {
        let name = Name::new(Some(Personal::new("Jane")), Some(Personal::new("Smith")));
        let printed = format!("{name:?}");
        assert!(
            !printed.contains("Jane") && !printed.contains("Smith"),
            "{printed}"
        );
    }

    #[test]
    fn a_name_has_at_least_one_part() {
        assert_eq!(Name::new(None, None), None);
        assert!(Name::new(None, Some(Personal::new("Smith"))).is_some());
    }
}
