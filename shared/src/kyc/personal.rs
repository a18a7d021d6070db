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

    /// Returns the text itself: for answers to the person it is about, and for storage.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the text cut to `max` characters.
    fn capped(self, max: usize) -> Self {
        match self.0.char_indices().nth(max) {
            Some(_) => Self(self.0.chars().take(max).collect()),
            None => self,
        }
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

/// A person's name as an identity document shows it. At least one part is present, and each is at most 200 characters long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    first: Option<Personal>,
    last: Option<Personal>,
}

impl Name {
    /// The provider documents no limit. Without one, a name could make the user's item too large to be stored.
    const MAX_CHARS: usize = 200;

    /// Makes a name of the parts that are there, each cut to 200 characters. Returns `None` if both are missing.
    #[must_use]
    pub fn new(first: Option<Personal>, last: Option<Personal>) -> Option<Self> {
        let capped = |part: Option<Personal>| part.map(|part| part.capped(Self::MAX_CHARS));
        let (first, last) = (capped(first), capped(last));
        (first.is_some() || last.is_some()).then_some(Self { first, last })
    }

    /// Returns the first name or names.
    #[must_use]
    pub fn first(&self) -> Option<&Personal> {
        self.first.as_ref()
    }

    /// Returns the last name or names.
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
    fn a_name_cannot_make_an_item_too_large() {
        let name = Name::new(Some(Personal::new("ü".repeat(450_000))), None).unwrap();
        assert_eq!(name.first().unwrap().reveal(), "ü".repeat(200));
    }

    #[test]
    fn a_name_has_at_least_one_part() {
        assert_eq!(Name::new(None, None), None);
        assert!(Name::new(None, Some(Personal::new("Smith"))).is_some());
    }
}
