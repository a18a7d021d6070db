//! `GET /v0/kyc/details`: the details that the caller may see of their verification.

use lambda_http::Error;
use shared::http::views::DetailsView;
use shared::http::{Route, serve};
use shared::platform::run;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let authenticator = &startup.authenticator()?;
        let limiter = &startup.refresh_limiter()?;
        let service = &startup.service()?;
        tokio::join!(
            authenticator.keys().prefetch(),
            service.provider.credentials().prefetch(),
            service.users.connect()
        );

        serve(startup.endpoint(Route::Details)?, |request| async move {
            let id = authenticator.user(request.headers()).await?;
            let refresh = request.refresh()?;
            limiter.take(&id).await?;
            let details = service.details(&id, refresh, request.deadline()).await?;
            Ok(DetailsView::from(&details).into())
        })
        .await
    })
}
