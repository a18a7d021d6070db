//! `GET /v0/kyc/gate`: 204 for approved callers only. For services and gateways that ask before they act.

use lambda_http::Error;
use shared::http::{Problem, Response, Route, serve};
use shared::platform::run;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let authenticator = &startup.authenticator()?;
        let gate = &startup.gate()?;
        tokio::join!(authenticator.keys().prefetch(), gate.users.connect());

        serve(startup.endpoint(Route::Gate)?, |request| async move {
            let id = authenticator.user(request.headers()).await?;
            if gate.admits(&id).await? {
                Ok(Response::no_content())
            } else {
                Err(Problem::VerificationRequired.into())
            }
        })
        .await
    })
}
