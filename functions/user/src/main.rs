//! `GET /v0/user/me`: the caller's user object, and their onboarding; the latter alone at `/v0/user/me/onboarding/steps`.

use lambda_http::Error;
use shared::http::views::{OnboardingView, UserView};
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
            let onboarding = &service.policy.onboarding;
            if request.is_for(Route::OnboardingSteps) {
                return Ok(OnboardingView::new(onboarding, &user.step).into());
            }
            let onboarding = request.expands_onboarding().then_some(onboarding);
            Ok(UserView::new(&user, onboarding).into())
        })
        .await
    })
}
