//! `GET /v0/kyc/details`: what the caller may see of their verification.

use lambda_http::Error;
use shared::http::{Reply, Route, serve};
use shared::runtime::{Function, run};
use shared::service::details;

fn main() -> Result<(), Error> {
    run(async {
        let function = Function::start()?;
        let authenticator = &function.authenticator()?;
        let recorder = &function.recorder()?;
        let meter = &function.refresh_meter()?;
        let provider = &function.provider()?;
        tokio::join!(
            authenticator.keys().prefetch(),
            provider.credentials().prefetch(),
            recorder.users.connect()
        );

        serve(function.edge(Route::Details)?, |call| async move {
            let id = authenticator.user(call.headers()).await?;
            let refresh = call.refresh()?;
            meter.spend(&id).await?;
            let details = details(recorder, provider, &id, refresh, call.deadline()).await?;
            Reply::details(&details)
        })
        .await
    })
}
