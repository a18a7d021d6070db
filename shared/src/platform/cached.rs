//! Values that are fetched from elsewhere, used for a while, and renewed early when they seem to be old.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::chain;

/// How long a value is used before it is fetched again.
const FRESH_FOR: Duration = Duration::from_mins(5);
/// How far apart early renewals are, so that forged requests cannot make us fetch all the time.
const RENEWALS_APART: Duration = Duration::from_mins(1);

/// Where a value comes from.
pub trait Source: Send + Sync {
    /// The value.
    type Value: Send + Sync;
    /// Why it cannot be had.
    type Error: Error + Send + Sync + 'static;

    /// The time after which a value that cannot be fetched again is not used any more. `None`: it is used until it can be.
    const LONGEST_USE: Option<Duration> = None;

    /// Fetches it.
    fn fetch(&self) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;
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
    /// The value of this source.
    pub fn new(source: S) -> Self {
        let state = State {
            current: None,
            renewed_at: None,
        };
        Self {
            source,
            state: Mutex::new(state),
        }
    }

    /// The value.
    ///
    /// # Errors
    /// The source's, when there is no value, not even an old one.
    pub async fn get(&self) -> Result<Arc<S::Value>, S::Error> {
        let mut state = self.state.lock().await;
        match &state.current {
            Some(current) if current.tried_at.elapsed() < FRESH_FOR => {
                return Ok(Arc::clone(&current.value));
            }
            Some(_) | None => {}
        }
        match (self.source.fetch().await, &mut state.current) {
            (Ok(value), _) => Ok(state.keep(value)),
            (Err(error), Some(old))
                if S::LONGEST_USE.is_none_or(|longest| old.fetched_at.elapsed() < longest) =>
            {
                tracing::error!(error = %chain(&error), "an old value stays in use");
                old.tried_at = Instant::now();
                Ok(Arc::clone(&old.value))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// A newer value than `old`, if one can be had now.
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
                tracing::error!(error = %chain(&error), "an old value stays in use");
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
    ) -> Result<Result<T, E>, S::Error> {
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

        async fn fetch(&self) -> Result<u32, std::io::Error> {
            let count = self.fetched.fetch_add(1, Ordering::Relaxed) + 1;
            match self.broken_from {
                Some(from) if from <= count => Err(std::io::Error::other("broken")),
                _ => Ok(count),
            }
        }
    }

    /// Whether a value is new enough, as far as `expected` goes.
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
    async fn what_does_not_seem_old_renews_nothing() {
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

    /// A source whose values count for ten minutes at most.
    struct Bounded(Counter);

    impl Source for Bounded {
        type Value = u32;
        type Error = std::io::Error;

        const LONGEST_USE: Option<Duration> = Some(Duration::from_mins(10));

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
