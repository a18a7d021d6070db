//! JSON logs on standard output, which Lambda forwards to CloudWatch.

use std::error::Error;
use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{ConfigError, Variables};

/// Starts logging at the level of `LOG_LEVEL`. It counts for our own modules only: the more talkative levels of the AWS SDK
/// and the Lambda runtime print requests and events whole, with all the personal data in them.
///
/// # Errors
/// [`ConfigError`] when `LOG_LEVEL` is missing or no level.
pub(crate) fn start(variables: &Variables) -> Result<(), ConfigError> {
    let level: LevelFilter = variables.parsed("LOG_LEVEL", |name| match name {
        "error" | "warn" | "info" | "debug" | "trace" => name.parse().map_err(|_| "not a level"),
        _ => Err("not one of error, warn, info, debug, trace"),
    })?;
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("shared", level);
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_target(false);
    // Only a second start in one process fails, and then logging is on already.
    tracing_subscriber::registry()
        .with(filter)
        .with(json)
        .try_init()
        .ok();
    Ok(())
}

/// Formats an error with all its causes on one line, from their `Display` texts: `Debug` output may hold what must not be logged.
pub fn chain(error: &(dyn Error + 'static)) -> impl fmt::Display {
    struct Chain<'a>(&'a (dyn Error + 'static));
    impl fmt::Display for Chain<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}", self.0)?;
            let mut cause = self.0.source();
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
            Ok(())
        }
    }
    Chain(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_chain_shows_each_cause_once() {
        assert_eq!(
            chain(&Outer(std::io::Error::other("inner"))).to_string(),
            "outer: inner"
        );
    }
}
