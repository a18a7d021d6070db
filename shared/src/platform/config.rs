//! Configuration from environment variables. Each error names the variable, never its value.

use std::collections::HashMap;
use std::fmt::{self, Display};

/// A variable of the environment with which a function cannot start.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable is not set, or empty.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// A variable has a value that cannot be used.
    #[error("environment variable {name} is invalid: {why}")]
    Invalid {
        /// The name of the variable.
        name: &'static str,
        /// The fault of its value.
        why: String,
    },
}

/// A sentence, because this is the form in which a failing `main` shows its error.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The environment variables of a function.
pub struct Variables(HashMap<String, String>);

impl Variables {
    /// Reads the variables of this process. Those that are not UTF-8 are left out.
    #[must_use]
    pub(crate) fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// Returns a variable, or `None` if it is not set or empty: a template cannot leave a variable out.
    #[must_use]
    pub fn optional(&self, name: &'static str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns a variable that must be set.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] if the variable is not set or empty.
    pub fn required(&self, name: &'static str) -> Result<&str, ConfigError> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    /// Returns the value that `parse` reads from a variable, which must be set.
    ///
    /// # Errors
    /// [`ConfigError`] if the variable is not set or `parse` refuses its value.
    pub fn parsed<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        parse(self.required(name)?).map_err(|error| ConfigError::Invalid {
            name,
            why: error.to_string(),
        })
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let owned = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(owned.collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(variables: [(&str, &str); N]) -> Self {
        variables.into_iter().collect()
    }
}

/// The kind of persons whom the deployment verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Test persons of the provider's sandbox.
    Sandbox,
    /// Real persons: nothing of the sandbox counts.
    Production,
}

impl Environment {
    /// Reads `PROVIDER_ENVIRONMENT`: `sandbox` or `production`.
    ///
    /// # Errors
    /// [`ConfigError`] if the variable is missing or anything else.
    pub fn from_environment(variables: &Variables) -> Result<Self, ConfigError> {
        variables.parsed("PROVIDER_ENVIRONMENT", |name| match name {
            "sandbox" => Ok(Self::Sandbox),
            "production" => Ok(Self::Production),
            _ => Err("not one of sandbox, production"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_variable_and_not_its_value() {
        let variables = Variables::from([("EMPTY", ""), ("NUMBER", "hunter2")]);
        assert_eq!(
            variables.required("EMPTY"),
            Err(ConfigError::Missing("EMPTY"))
        );
        let error = variables
            .parsed("NUMBER", str::parse::<u32>)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("NUMBER") && !error.contains("hunter2"),
            "{error}"
        );
    }
}
