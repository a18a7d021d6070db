//! `POST /v0/webhooks/kyc/sumsub/events`: receives the provider's events about verifications.

use lambda_http::Error;
use shared::http::views::DeliveryView;
use shared::http::{Route, serve};
use shared::platform::run;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let webhook = &startup.webhook()?;
        webhook.prefetch().await;

        serve(startup.endpoint(Route::Webhook)?, |request| async move {
            let outcome = webhook
                .receive(request.headers(), request.body(), request.deadline())
                .await?;
            Ok(DeliveryView::from(outcome).into())
        })
        .await
    })
}
