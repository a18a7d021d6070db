//! On a schedule: finds out what no webhook told.

use lambda_http::Error;
use shared::repository::RepositoryError;
use shared::runtime::{Function, every_event, metrics};
use shared::service::{PACE, reconcile};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let recorder = &function.recorder()?;
    let provider = &function.provider()?;
    provider.credentials().prefetch().await;

    every_event(|deadline| async move {
        let sum = reconcile(recorder, provider, PACE, deadline).await?;
        metrics::count(
            "reconcile",
            &[
                ("ReconcileChecked", sum.checked),
                ("ReconcileRepaired", sum.repaired),
                ("ReconcileFailed", sum.failed),
            ],
        );
        Ok::<_, RepositoryError>(sum)
    })
    .await
}
