//! `GET /v0/user/me`: the caller's user object, and their onboarding.

use lambda_http::Error;
use shared::http::views::UserView;
use shared::http::{Route, serve};
use shared::platform::run;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let authenticator = &startup.authenticator()?;
        let service = &startup.stored()?;
        tokio::join!(authenticator.keys().prefetch(), service.users.connect());

        serve(startup.endpoint(Route::User)?, |request| async move {
            let id = authenticator.user(request.headers()).await?;
            let user = service.user(&id).await?;
            let onboarding = request.expands_onboarding();
            let onboarding = onboarding.then_some(&service.policy.onboarding);
            Ok(UserView::new(&user, onboarding).into())
        })
        .await
    })
}
