//! Values that are fetched from elsewhere, used for a while, and renewed early when they seem to be old.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{chain, metrics};

/// Time for which a value is used before it is fetched again.
const FRESH_FOR: Duration = Duration::from_mins(5);
/// Minimum time between two early renewals, so that forged requests cannot make us fetch all the time.
const RENEWALS_APART: Duration = Duration::from_mins(1);
/// The time for which a failure to fetch the first value is remembered, so that each stranger's request does not ask the source again.
const FAILURE_KEPT: Duration = Duration::from_secs(1);

/// A source that values are fetched from.
pub trait Source: Send + Sync {
    /// The type of the values.
    type Value: Send + Sync;
    /// A failure to fetch a value.
    type Error: Error + Send + Sync + 'static;

    /// The name of the values in metrics.
    const NAME: &'static str;

    /// Returns the time after which a value that cannot be fetched again is not used any more. `None`: it is used until it can be.
    fn longest_use(&self) -> Option<Duration> {
        None
    }

    /// Fetches the present value.
    fn fetch(&self) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;
}

/// The failure to fetch a value that nothing can replace. All who wait for the value share it.
#[derive(Debug, Clone)]
pub struct Unavailable(Arc<dyn Error + Send + Sync>);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unavailable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A value that is fetched when first needed and again after 5 minutes. While it cannot be fetched again, the old one stays in
/// use. When a check fails in a way that an old value explains, it is renewed early, once a minute at most.
pub struct Cached<S: Source> {
    source: S,
    state: Mutex<State<S::Value>>,
}

struct State<T> {
    current: Option<Current<T>>,
    renewed_at: Option<Instant>,
    failed: Option<(Instant, Unavailable)>,
}

struct Current<T> {
    value: Arc<T>,
    /// The time of the last try to fetch a newer one.
    tried_at: Instant,
    fetched_at: Instant,
}

impl<T> State<T> {
    fn keep(&mut self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        self.current = Some(Current {
            value: Arc::clone(&value),
            tried_at: Instant::now(),
            fetched_at: Instant::now(),
        });
        value
    }
}

impl<S: Source> Cached<S> {
    /// Makes an empty cache of a source's value.
    pub fn new(source: S) -> Self {
        let state = State {
            current: None,
            renewed_at: None,
            failed: None,
        };
        Self {
            source,
            state: Mutex::new(state),
        }
    }

    /// Returns the value.
    ///
    /// # Errors
    /// [`Unavailable`], when there is no value, not even an old one that may still be used.
    pub async fn get(&self) -> Result<Arc<S::Value>, Unavailable> {
        let mut state = self.state.lock().await;
        match (&state.current, &state.failed) {
            (Some(current), _) if current.tried_at.elapsed() < FRESH_FOR => {
                return Ok(Arc::clone(&current.value));
            }
            (_, Some((at, failure))) if at.elapsed() < FAILURE_KEPT => return Err(failure.clone()),
            _ => {}
        }
        let longest = self.source.longest_use();
        match (self.source.fetch().await, &mut state.current) {
            (Ok(value), _) => Ok(state.keep(value)),
            (Err(error), Some(old))
                if longest.is_none_or(|longest| old.fetched_at.elapsed() < longest) =>
            {
                still_used::<S>(&error);
                old.tried_at = Instant::now();
                Ok(Arc::clone(&old.value))
            }
            (Err(error), _) => {
                let failure = Unavailable(Arc::new(error));
                state.failed = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    /// Returns a newer value than `old`, or `None` if none can be fetched now.
    pub async fn newer(&self, old: &Arc<S::Value>) -> Option<Arc<S::Value>> {
        let mut state = self.state.lock().await;
        match &state.current {
            Some(current) if !Arc::ptr_eq(&current.value, old) => {
                return Some(Arc::clone(&current.value));
            }
            Some(_) | None => {}
        }
        let renewed = state.renewed_at.map(|at| at.elapsed());
        if renewed.is_some_and(|ago| ago < RENEWALS_APART) {
            return None;
        }
        state.renewed_at = Some(Instant::now());
        match self.source.fetch().await {
            Ok(value) => Some(state.keep(value)),
            Err(error) => {
                still_used::<S>(&error);
                None
            }
        }
    }

    /// Checks something against the value, and once more against a newer one if `seems_old` says that the failure may come of
    /// an old one.
    ///
    /// # Errors
    /// As [`Cached::get`]. The result of the check is the inner one.
    pub async fn check<T, E>(
        &self,
        check: impl Fn(&S::Value) -> Result<T, E>,
        seems_old: impl Fn(&E) -> bool,
    ) -> Result<Result<T, E>, Unavailable> {
        let value = self.get().await?;
        match check(&value) {
            Err(error) if seems_old(&error) => match self.newer(&value).await {
                Some(newer) => Ok(check(&newer)),
                None => Ok(Err(error)),
            },
            result => Ok(result),
        }
    }

    /// Fetches the value ahead of the first request. A failure is only logged: it shows at that request, which tries again.
    pub async fn prefetch(&self) {
        if let Err(error) = self.get().await {
            tracing::error!(error = %chain(&error), "a value was not fetched at start-up");
        }
    }
}

/// Logs and counts that an old value stays in use.
fn still_used<S: Source>(error: &S::Error) {
    tracing::error!(error = %chain(error), of = S::NAME, "an old value stays in use");
    metrics::count("OldValues", ("of", S::NAME));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts up; fails where told to.
    #[derive(Default)]
    struct Counter {
        fetched: AtomicU32,
        broken_from: Option<u32>,
    }

    impl Source for Counter {
        type Value = u32;
        type Error = std::io::Error;

        const NAME: &'static str = "counter";

        async fn fetch(&self) -> Result<u32, std::io::Error> {
            let count = self.fetched.fetch_add(1, Ordering::Relaxed) + 1;
            match self.broken_from {
                Some(from) if from <= count => Err(std::io::Error::other("broken")),
                _ => Ok(count),
            }
        }
    }

    /// Checks the cached value, which is too old if it is less than `expected`.
    async fn checked(cached: &Cached<Counter>, expected: u32) -> Result<u32, &'static str> {
        let check = |value: &u32| (*value >= expected).then_some(*value).ok_or("old");
        cached.check(check, |_| true).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_used_for_five_minutes() {
        let cached = Cached::new(Counter::default());
        assert_eq!(*cached.get().await.unwrap(), 1);
        tokio::time::advance(FRESH_FOR.checked_sub(Duration::from_secs(1)).unwrap()).await;
        assert_eq!(*cached.get().await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(*cached.get().await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_value_is_renewed_early_but_once_a_minute_at_most() {
        let cached = Cached::new(Counter::default());
        assert_eq!(checked(&cached, 1).await, Ok(1));
        assert_eq!(checked(&cached, 2).await, Ok(2));
        for _ in 0..3 {
            assert_eq!(checked(&cached, 3).await, Err("old"));
        }
        tokio::time::advance(RENEWALS_APART).await;
        assert_eq!(checked(&cached, 3).await, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_no_old_value_explains_renews_nothing() {
        let cached = Cached::new(Counter::default());
        let refused = cached
            .check(|_| Err::<(), _>("forged"), |_| false)
            .await
            .unwrap();
        assert_eq!(refused, Err("forged"));
        assert_eq!(cached.source.fetched.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_old_value_stays_in_use_while_no_new_one_can_be_had() {
        let cached = Cached::new(Counter {
            broken_from: Some(2),
            ..Counter::default()
        });
        assert_eq!(*cached.get().await.unwrap(), 1);
        assert_eq!(checked(&cached, 2).await, Err("old"));
        tokio::time::advance(FRESH_FOR).await;
        assert_eq!(*cached.get().await.unwrap(), 1);
        let never = Cached::new(Counter {
            broken_from: Some(1),
            ..Counter::default()
        });
        assert!(never.get().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_failure_is_remembered_for_a_moment() {
        let never = Cached::new(Counter {
            broken_from: Some(1),
            ..Counter::default()
        });
        for _ in 0..3 {
            assert_eq!(never.get().await.unwrap_err().to_string(), "broken");
        }
        assert_eq!(never.source.fetched.load(Ordering::Relaxed), 1);
        tokio::time::advance(FAILURE_KEPT).await;
        assert!(never.get().await.is_err());
        assert_eq!(never.source.fetched.load(Ordering::Relaxed), 2);
    }

    /// A source whose values count for ten minutes at most.
    struct Bounded(Counter);

    impl Source for Bounded {
        type Value = u32;
        type Error = std::io::Error;

        const NAME: &'static str = "bounded";

        fn longest_use(&self) -> Option<Duration> {
            Some(Duration::from_mins(10))
        }

        async fn fetch(&self) -> Result<u32, std::io::Error> {
            self.0.fetch().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_value_may_have_an_end() {
        let cached = Cached::new(Bounded(Counter {
            broken_from: Some(2),
            ..Counter::default()
        }));
        assert_eq!(*cached.get().await.unwrap(), 1);
        tokio::time::advance(FRESH_FOR).await;
        assert_eq!(*cached.get().await.unwrap(), 1);
        tokio::time::advance(FRESH_FOR).await;
        assert!(cached.get().await.is_err());
    }
}
