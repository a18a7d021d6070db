//! Work that outlives the request it came from, and its end.

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::lock;

/// The tasks under way. Once stopped it starts none.
pub(super) struct Background {
    tasks: Mutex<Option<JoinSet<()>>>,
    stopped: watch::Sender<bool>,
}

impl Background {
    pub(super) fn new() -> Self {
        Self {
            tasks: Mutex::new(Some(JoinSet::new())),
            stopped: watch::Sender::new(false),
        }
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = lock(&self.tasks).as_mut() {
            // A finished task stays in the set until it is taken out.
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }

    /// Ends every task and every pause.
    pub(super) fn stop(&self) {
        // Dropping the set aborts what is in it.
        drop(lock(&self.tasks).take());
        self.stopped.send_replace(true);
    }

    /// Waits, but not past the end: a hanging request must not hold up the shutdown.
    pub(super) async fn pause(&self, duration: Duration) {
        let mut stopped = self.stopped.subscribe();
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            // Ready at the end, and also when the sender is gone, which is the end too.
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }
}
