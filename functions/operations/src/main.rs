//! The calls of operators, at a REST API of their own that IAM guards (docs/operations.md).

use lambda_http::Error;
use shared::http::views::{
    ErasedAgainView, ErasureView, ExportView, HistoryView, ImportView, NameView, OperatorView,
    OverdueView, ReplayView, WaitingView,
};
use shared::http::{Call, ReplayRange, Route, UserCall, serve};
use shared::platform::run;
use shared::startup::Startup;

fn main() -> Result<(), Error> {
    run(async {
        let startup = Startup::begin()?;
        let service = &startup.service()?;
        // The first check fetches the provider's credentials: beside its time at the provider that is little.
        service.users.connect().await;

        serve(startup.endpoint(Route::Operations)?, |request| async move {
            let schedule = &service.policy.schedule;
            let (id, call) = match request.call(&service.policy.onboarding)? {
                Call::Overdue => {
                    return Ok(OverdueView::from(&service.overdue().await?[..]).into());
                }
                Call::Waiting(queue) => {
                    return Ok(WaitingView::from(&service.waiting(queue).await?).into());
                }
                Call::Import(users, by) => {
                    return Ok(ImportView::from(&service.import(&users, &by).await?).into());
                }
                Call::Replay(range, by) => {
                    let replay = match range {
                        ReplayRange::User { id, from } => {
                            service.replay_user(&id, from, &by).await?
                        }
                        ReplayRange::Since { since, after } => {
                            service.replay_since(since, after.as_ref(), &by).await?
                        }
                    };
                    return Ok(ReplayView::from(&replay).into());
                }
                Call::EraseAgain { after, by } => {
                    let again = service.erase_again(after.as_ref(), &by).await?;
                    return Ok(ErasedAgainView::from(&again).into());
                }
                Call::About(id, call) => (id, call),
            };
            let user = match &call {
                UserCall::History { after } => {
                    let page = service.history(&id, *after).await?;
                    return Ok(HistoryView::from(&page).into());
                }
                UserCall::Export => {
                    let (user, history) = service.export(&id).await?;
                    return Ok(ExportView::new(&user, schedule, &history).into());
                }
                UserCall::Name => {
                    let user = service.known_user(&id).await?;
                    return Ok(NameView::from(&user).into());
                }
                UserCall::Erase(by) => {
                    let erasure = service.erase(&id, by, request.deadline()).await?;
                    return Ok(ErasureView::new(&erasure, schedule).into());
                }
                UserCall::User => service.known_user(&id).await?,
                UserCall::Check(by) => service.check_now(&id, by, request.deadline()).await?,
                UserCall::SetStep(change, by) => service.set_step(&id, change, by).await?,
                UserCall::Block(by) => service.block(&id, by).await?,
                UserCall::Unblock(by) => service.unblock(&id, by).await?,
            };
            Ok(OperatorView::new(&user, schedule).into())
        })
        .await
    })
}
