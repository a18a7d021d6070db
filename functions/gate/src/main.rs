//! `GET /v0/kyc/gate`: whether the caller may do what needs a verified identity. For other services and gateways.

use lambda_http::Error;
use shared::http::{Problem, Reply, Route, serve};
use shared::kyc::Status;
use shared::repository::UserStore;
use shared::runtime::{Function, run};

fn main() -> Result<(), Error> {
    run(async {
        let function = Function::start()?;
        let authenticator = &function.authenticator()?;
        let users = &function.users()?;
        tokio::join!(authenticator.keys().prefetch(), users.connect());

        serve(function.edge(Route::Gate)?, |call| async move {
            let id = authenticator.user(call.headers()).await?;
            let user = users.get(&id).await?;
            match user.map(|user| user.review.status()) {
                Some(Status::Approved) => Ok(Reply::no_content()),
                _ => Err(Problem::VerificationRequired.into()),
            }
        })
        .await
    })
}
