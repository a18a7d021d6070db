//! On a schedule: finds out what no webhook told.

use lambda_http::Error;
use shared::repository::RepositoryError;
use shared::runtime::metrics::{self, Measure};
use shared::runtime::{Function, every_event, run};
use shared::service::{PACE, reconcile};

fn main() -> Result<(), Error> {
    run(async {
        let function = Function::start()?;
        let recorder = &function.recorder()?;
        let provider = &function.provider()?;
        provider.credentials().prefetch().await;

        every_event(|deadline| async move {
            let sum = reconcile(recorder, provider, PACE, deadline).await?;
            metrics::put(
                None,
                &[
                    ("ReconcileChecked", Measure::Count(sum.checked)),
                    ("ReconcileRepaired", Measure::Count(sum.repaired)),
                    ("ReconcileFailed", Measure::Count(sum.failed)),
                    ("ReconcileLongestWait", Measure::Waited(sum.longest_wait)),
                ],
            );
            Ok::<_, RepositoryError>(sum)
        })
        .await
    })
}
