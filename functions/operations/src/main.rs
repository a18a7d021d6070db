//! The calls of operators, at a REST API of their own that IAM guards (docs/operations.md).

use lambda_http::Error;
use shared::http::views::{ExportView, HistoryView, NameView, OperatorView};
use shared::http::{Call, Route, serve};
use shared::platform::run;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let service = &startup.service()?;
        // The first check fetches the provider's credentials: beside its time at the provider that is little.
        service.users.connect().await;

        serve(startup.endpoint(Route::Operations)?, |request| async move {
            let (id, call) = request.call(&service.policy.onboarding)?;
            let user = match &call {
                Call::History { after } => {
                    let page = service.history(&id, *after).await?;
                    return Ok(HistoryView::from(&page).into());
                }
                Call::Export => {
                    let (user, history) = service.export(&id).await?;
                    let schedule = &service.policy.schedule;
                    return Ok(ExportView::new(&user, schedule, &history).into());
                }
                Call::Name => {
                    let user = service.known_user(&id).await?;
                    return Ok(NameView::from(&user).into());
                }
                Call::User => service.known_user(&id).await?,
                Call::Check(by) => service.check_now(&id, by, request.deadline()).await?,
                Call::SetStep(change, by) => service.set_step(&id, change, by).await?,
                Call::Block(by) => service.block(&id, by).await?,
                Call::Unblock(by) => service.unblock(&id, by).await?,
            };
            Ok(OperatorView::new(&user, &service.policy.schedule).into())
        })
        .await
    })
}
