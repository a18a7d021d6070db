//! `POST /v0/kyc/access-token`: a token with which the caller's browser opens the provider's SDK.

use lambda_http::Error;
use shared::http::{Failure, Reply, Route, serve};
use shared::runtime::{Function, run};
use shared::service::start_session;

fn main() -> Result<(), Error> {
    run(async {
        let function = Function::start()?;
        let authenticator = &function.authenticator()?;
        let recorder = &function.recorder()?;
        let meter = &function.session_meter()?;
        let provider = &function.session_provider()?;
        tokio::join!(
            authenticator.keys().prefetch(),
            provider.credentials().prefetch(),
            recorder.users.connect()
        );

        serve(function.edge(Route::AccessToken)?, |call| async move {
            let id = authenticator.user(call.headers()).await?;
            meter.spend(&id).await.map_err(Failure::of_token)?;
            let token = start_session(recorder, provider, &id, call.deadline())
                .await
                .map_err(Failure::of_token)?;
            Reply::access_token(&token, &id)
        })
        .await
    })
}
