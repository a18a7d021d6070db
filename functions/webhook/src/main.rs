//! `POST /v0/webhooks/kyc/sumsub/events`: takes in what the provider says about verifications.

use lambda_http::Error;
use shared::http::{Failure, Problem, Reply, Route, serve};
use shared::provider::Webhook;
use shared::provider::sumsub::SumsubWebhook;
use shared::runtime::{Function, metrics, run};
use shared::service::Receiver;

fn main() -> Result<(), Error> {
    run(async {
        let function = Function::start()?;
        let secrets = &function.webhook_secrets()?;
        let provider = &function.provider()?;
        let receiver = &Receiver {
            recorder: function.recorder()?,
            accepts_sandbox: function.accepts_sandbox()?,
        };
        // The provider's credentials are fetched by the first approval, beside whose time at the provider that is little.
        tokio::join!(secrets.prefetch(), receiver.recorder.users.connect());

        serve(function.edge(Route::Webhook)?, |call| async move {
            let taken = async {
                let verify =
                    |secrets: &_| SumsubWebhook.verify(secrets, call.headers(), call.body());
                let delivery = secrets.check(verify, |error| error.seems_old()).await?;
                let delivery =
                    delivery.map_err(|error| Failure::new(Problem::InvalidSignature, error))?;
                let outcome = receiver
                    .receive(&SumsubWebhook, provider, delivery, call.deadline())
                    .await?;
                Ok::<_, Failure>(outcome)
            }
            .await;
            let outcome = match &taken {
                Ok(outcome) => outcome.as_str(),
                Err(failure) if failure.is_ours() => "failed",
                Err(_) => "refused",
            };
            metrics::count("Deliveries", ("outcome", outcome));
            Reply::receipt(taken?)
        })
        .await
    })
}
