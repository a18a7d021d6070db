//! The schedule that runs the reconciliation.

use std::time::Duration;

use shared::kyc::{Timestamp, UserId};
use shared::repository::UserStore;
use shared::service::KycService;

use crate::clock;
use crate::provider::UnkindProvider;
use crate::simulation::deadline;
use crate::store::Proven;
use crate::trace::Trace;

/// The interval of the schedule.
const INTERVAL: Duration = Duration::from_mins(5);

/// A schedule of some users. Runs that would find nobody due are left out.
pub(crate) struct Schedule {
    users: Vec<UserId>,
    last_run: Timestamp,
    trace: Trace,
}

impl Schedule {
    pub(crate) fn new(users: Vec<UserId>, trace: Trace) -> Self {
        Self {
            users,
            last_run: clock::now(),
            trace,
        }
    }

    /// Lets time pass until `end`, and reconciles every five minutes.
    pub(crate) async fn run<S: UserStore>(
        &mut self,
        service: &KycService<Proven<S>, UnkindProvider>,
        end: Timestamp,
    ) {
        loop {
            let mut next: Option<Timestamp> = None;
            for id in &self.users {
                let user = service.users.peek(id).await;
                let due = user.and_then(|user| service.policy.schedule.due(&user));
                next = next.into_iter().chain(due.map(|due| due.at)).min();
            }
            let earliest = self.last_run.plus(Duration::from_millis(1));
            let run = next.map(|next| {
                let run = next.max(earliest).max(clock::now());
                run.rounded_up_to(INTERVAL)
            });
            let Some(run) = run.filter(|run| *run <= end) else {
                break;
            };
            clock::move_to(run);
            self.last_run = run;
            self.trace.line(|| "the schedule runs".to_owned());
            // A list that cannot be read costs a run.
            let _ = service.reconcile(Duration::ZERO, deadline()).await;
        }
        clock::move_to(end);
    }
}
