//! `GET /v0/kyc/gate`: 204 for approved callers whom no operator blocked, and for nobody else. For services and gateways that ask before
//! they act, and as Lambda authorizer.

use http::HeaderMap;
use lambda_http::{Error, http};
use shared::http::{Admitted, Failure, Problem, Response, Route, serve_and_authorize};
use shared::platform::run;
use shared::service::Admission;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let authenticator = &startup.authenticator()?;
        let gate = &startup.gate()?;
        tokio::join!(authenticator.keys().prefetch(), gate.users.connect());

        let admit = async |headers: &HeaderMap| -> Result<Admitted, Failure> {
            let user = authenticator.user(headers).await?;
            match gate.admission(&user).await? {
                Admission::Approved(verified_at) => Ok(Admitted { user, verified_at }),
                Admission::Unapproved => Err(Problem::VerificationRequired.into()),
                Admission::Blocked => Err(Problem::Blocked.into()),
            }
        };
        let admit = &admit;
        serve_and_authorize(
            startup.endpoint(Route::Gate)?,
            |request| async move {
                admit(request.headers()).await?;
                Ok(Response::no_content())
            },
            |headers| async move { admit(&headers).await },
        )
        .await
    })
}
