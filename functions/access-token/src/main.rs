//! `POST /v0/kyc/access-token`: a token with which the caller's browser opens the provider's SDK.

use lambda_http::Error;
use shared::http::views::AccessTokenView;
use shared::http::{Failure, Route, serve};
use shared::platform::run;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let authenticator = &startup.authenticator()?;
        let limiter = &startup.session_limiter()?;
        let level = &startup.level()?;
        let service = &startup.service()?;
        tokio::join!(
            authenticator.keys().prefetch(),
            service.provider.credentials().prefetch(),
            service.users.connect()
        );

        serve(
            startup.endpoint(Route::AccessToken)?,
            |request| async move {
                let id = authenticator.user(request.headers()).await?;
                limiter.take(&id).await.map_err(Failure::of_token)?;
                let token = service
                    .open_session(&id, level, request.deadline())
                    .await
                    .map_err(Failure::of_token)?;
                Ok(AccessTokenView::new(&token, &id).into())
            },
        )
        .await
    })
}
