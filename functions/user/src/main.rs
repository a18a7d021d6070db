//! `GET /v0/user/me`: the caller's user object, and where their onboarding stands.

use lambda_http::Error;
use shared::http::{Reply, Route, serve};
use shared::runtime::{Function, run};

fn main() -> Result<(), Error> {
    run(async {
        let function = Function::start()?;
        let authenticator = &function.authenticator()?;
        let recorder = &function.recorder()?;
        tokio::join!(authenticator.keys().prefetch(), recorder.users.connect());

        serve(function.edge(Route::User)?, |call| async move {
            let id = authenticator.user(call.headers()).await?;
            let user = recorder.load(&id).await?;
            let onboarding = call.expands_onboarding().then_some(&recorder.onboarding);
            Reply::user(&user, onboarding)
        })
        .await
    })
}
