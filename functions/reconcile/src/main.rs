//! On a schedule: reads the provider for users who are due, those in doubt first.

use lambda_http::Error;
use shared::platform::{every_event, run};
use shared::service::PACE;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let service = &Startup::begin()?.service()?;
        tokio::join!(
            service.provider.credentials().prefetch(),
            service.users.connect()
        );

        every_event(|deadline| service.reconcile(PACE, deadline)).await
    })
}
