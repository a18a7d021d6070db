//! `GET /v0/kyc/status`: the status of the caller's verification.

use lambda_http::Error;
use shared::http::views::StatusView;
use shared::http::{Route, serve};
use shared::platform::run;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let authenticator = &startup.authenticator()?;
        let limiter = &startup.refresh_limiter()?;
        let service = &startup.service()?;
        // The first refresh fetches the provider's credentials: beside its time at the provider that is little.
        tokio::join!(authenticator.keys().prefetch(), service.users.connect());

        serve(startup.endpoint(Route::Status)?, |request| async move {
            let id = authenticator.user(request.headers()).await?;
            let user = if request.refresh()? {
                limiter.take(&id).await?;
                service.refresh(&id, request.deadline()).await?.into()
            } else {
                service.standing(&id).await?
            };
            Ok(StatusView::new(&user, (service.clock)()).into())
        })
        .await
    })
}
