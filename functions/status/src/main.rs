//! `GET /v0/kyc/status`: where the caller's verification stands.

use lambda_http::Error;
use shared::http::{Reply, Route, serve};
use shared::runtime::{Function, run};
use shared::service::refresh;

fn main() -> Result<(), Error> {
    run(async {
        let function = Function::start()?;
        let authenticator = &function.authenticator()?;
        let recorder = &function.recorder()?;
        let meter = &function.refresh_meter()?;
        let provider = &function.provider()?;
        // The provider's credentials are fetched by the first refresh, beside whose time at the provider that is little.
        tokio::join!(authenticator.keys().prefetch(), recorder.users.connect());

        serve(function.edge(Route::Status)?, |call| async move {
            let id = authenticator.user(call.headers()).await?;
            let user = if call.refresh()? {
                meter.spend(&id).await?;
                refresh(recorder, provider, &id, call.deadline()).await?
            } else {
                recorder.load(&id).await?
            };
            Reply::status(&user)
        })
        .await
    })
}
