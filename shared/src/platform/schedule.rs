//! The loop of a function that runs on a schedule.

use std::fmt::Debug;
use std::future::Future;
use std::time::SystemTime;

use lambda_http::Error;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use serde_json::Value;

use super::{Deadline, chain};

/// Calls `work` for each event until Lambda ends the process. What the event says does not matter; `work` gets the time by
/// which it must have ended. Its failure is logged, and makes the invocation fail.
///
/// # Errors
/// When Lambda's runtime API is gone.
pub async fn every_event<W, F, T, E>(work: W) -> Result<(), Error>
where
    W: Fn(Deadline) -> F,
    F: Future<Output = Result<T, E>> + Send,
    T: Debug,
    E: std::error::Error + 'static,
{
    let work = &work;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let left = event.context.deadline().duration_since(SystemTime::now());
        match work(Deadline::leaving_reserve(left.unwrap_or_default())).await {
            Ok(done) => {
                tracing::info!(?done, "run");
                Ok(())
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "run failed");
                Err(Error::from("run failed"))
            }
        }
    }))
    .await
}
