//! EventBridge Scheduler: invokes functions at fixed intervals.

use std::{convert::Infallible, sync::Arc};

use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::{account, lambda::Lambda, template::Schedule};

/// Runs the schedules until `shutdown`. Failures appear in the function's log.
///
/// # Errors
/// Never fails. The result lets callers treat the scheduler like the other services.
pub async fn run(
    lambda: Arc<Lambda>,
    schedules: Vec<Schedule>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Infallible> {
    let mut runs = JoinSet::new();
    for Schedule { binary, every } in schedules {
        let lambda = Arc::clone(&lambda);
        runs.spawn(async move {
            let event = json!({
                "version": "0",
                "source": "aws.events",
                "detail-type": "Scheduled Event",
                "account": account::ACCOUNT_ID,
                "region": account::region(),
                "resources": [],
                "detail": {},
            });
            loop {
                sleep(every).await;
                lambda.invoke(&binary, event.to_string().into()).await.ok();
            }
        });
    }
    shutdown.await;
    Ok(())
}
