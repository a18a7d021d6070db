//! The scheduler: invokes functions again and again.

use std::{convert::Infallible, sync::Arc};

use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::{aws, lambda::Lambda, template::Schedule};

/// Runs the schedules until `shutdown`. What goes wrong in a run stands in the log of the function.
pub(crate) async fn run(
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
                "account": aws::ACCOUNT_ID,
                "region": aws::region(),
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
