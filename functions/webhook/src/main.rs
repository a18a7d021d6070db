//! `POST /v0/webhooks/kyc/sumsub/events`: takes in what the provider says about verifications.

use lambda_http::Error;
use shared::http::{Failure, Problem, Reply, Route, serve};
use shared::provider::Webhook;
use shared::provider::sumsub::SumsubWebhook;
use shared::runtime::Function;
use shared::service::Receiver;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let secrets = &function.webhook_secrets()?;
    let provider = &function.provider()?;
    let receiver = &Receiver {
        recorder: function.recorder()?,
        accepts_sandbox: function.accepts_sandbox()?,
    };
    tokio::join!(secrets.prefetch(), provider.credentials().prefetch());

    serve(Route::Webhook, function.error_types()?, |call| async move {
        let secrets = secrets.get().await?;
        let webhook = SumsubWebhook::new(&secrets);
        let delivery = webhook
            .verify(call.headers(), call.body())
            .map_err(|error| Failure::new(Problem::InvalidSignature, error))?;
        let outcome = receiver
            .receive(&webhook, provider, delivery, call.deadline())
            .await?;
        Reply::receipt(outcome)
    })
    .await
}
