//! The Lambda service: runs functions as processes that are driven through the Runtime API.

mod instance;
mod runtime_api;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::ExitStatus,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::body::Bytes;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use uuid::Uuid;

use self::{
    instance::Instance,
    runtime_api::{Invocation, RuntimeApi},
};
use crate::{lock, logs::Logs};

/// How many instances a function may have; further invocations wait.
pub const MAX_INSTANCES: u32 = 16;

/// The most that an event or an answer may have: 6 MiB.
pub const MAX_PAYLOAD: usize = 6 * 1024 * 1024;

/// A function as it is deployed.
#[derive(Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The program that its instances run.
    pub executable: PathBuf,
    /// Its memory in MiB. It is told, not enforced.
    pub memory_size: u32,
    /// The time that an invocation may take, a cold start included.
    pub timeout: Duration,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
}

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such function.
    #[error("there is no function {0}")]
    Unknown(String),
    /// The function's program could not be started.
    #[error("the process could not be started: {0}")]
    Start(std::io::Error),
    /// The process ended instead of answering.
    #[error("the process ended during an invocation ({0})")]
    Crashed(ExitStatus),
    /// The process asked for the next event instead of answering.
    #[error("the process did not answer an invocation")]
    Unanswered,
    /// The function has reported an error.
    #[error("an invocation failed: {0}")]
    Reported(String),
    /// The answer is larger than Lambda allows.
    #[error("the answer is larger than {MAX_PAYLOAD} bytes")]
    TooLarge,
    /// The function took too long.
    #[error("an invocation was given up after {0:?}")]
    TimedOut(Duration),
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopped,
}

/// The service. Its processes are killed when it is closed or dropped.
pub struct Lambda {
    pools: BTreeMap<String, Arc<Pool>>,
    closed: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// A function with its instances.
struct Pool {
    function: Function,
    runtime_api: Arc<RuntimeApi>,
    logs: Arc<Logs>,
    /// One permit for every instance that may be at work.
    permits: Semaphore,
    /// Those that wait for work; nothing once the service is closed.
    idle: Mutex<Option<Vec<Instance>>>,
    /// To each of those that are at work: that it be killed. Closed when the work is done.
    at_work: Mutex<Vec<oneshot::Sender<()>>>,
    closed: watch::Receiver<bool>,
}

impl Lambda {
    /// Starts the service. The functions' processes start with their first invocations.
    ///
    /// # Errors
    /// There is no port for the Runtime API.
    pub async fn start(functions: Vec<Function>, logs: &Arc<Logs>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let runtime_api = Arc::new(RuntimeApi::new(listener.local_addr()?));
        let server = tokio::spawn(Arc::clone(&runtime_api).serve(listener, Arc::clone(logs)));
        let (closed, closing) = watch::channel(false);
        let pool = |function: Function| {
            let pool = Pool {
                function,
                runtime_api: Arc::clone(&runtime_api),
                logs: Arc::clone(logs),
                permits: Semaphore::new(MAX_INSTANCES as usize),
                idle: Mutex::new(Some(Vec::new())),
                at_work: Mutex::default(),
                closed: closing.clone(),
            };
            (pool.function.name.clone(), Arc::new(pool))
        };
        Ok(Self {
            pools: functions.into_iter().map(pool).collect(),
            closed,
            server,
        })
    }

    /// Invokes a function.
    ///
    /// # Errors
    /// The function did not answer; the log says so, too.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, Failure> {
        let pool = self
            .pools
            .get(function)
            .ok_or_else(|| Failure::Unknown(function.to_owned()))?;
        let pool = Arc::clone(pool);
        // In its own task: an invocation runs to its end even if nobody waits for the answer any more.
        let invocation = tokio::spawn(async move {
            let answer = pool.invoke(payload).await;
            if let Err(failure) = &answer {
                pool.logs.push(&pool.function.name, failure.to_string());
            }
            answer
        });
        invocation.await.unwrap_or(Err(Failure::Stopped))
    }

    /// Kills one instance of a function at random: one that is at work if there is one. Says whether there was one to kill.
    #[must_use]
    pub fn kill_instance(&self, function: &str) -> bool {
        self.pools.get(function).is_some_and(|pool| pool.kill_one())
    }

    /// Kills all processes; invocations that are under way fail.
    pub fn close(&self) {
        self.closed.send_replace(true);
        self.server.abort();
        for pool in self.pools.values() {
            lock(&pool.idle).take();
        }
    }

    /// Kills all processes and waits until none is at work.
    pub async fn stop(&self) {
        self.close();
        for pool in self.pools.values() {
            // Fails only if the semaphore were closed, which it never is.
            drop(pool.permits.acquire_many(MAX_INSTANCES).await);
        }
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.close();
    }
}

impl Pool {
    async fn invoke(&self, payload: Bytes) -> Result<Bytes, Failure> {
        let _permit = self.permits.acquire().await.map_err(|_| Failure::Stopped)?;
        let started = Instant::now();
        let mut instance = self.instance()?;
        let (reply, answer) = oneshot::channel();
        instance.send(self.invocation(payload, reply)).await;
        let (kill, killed) = oneshot::channel();
        {
            let mut at_work = lock(&self.at_work);
            at_work.retain(|kill| !kill.is_closed());
            at_work.push(kill);
        }
        let mut closed = self.closed.clone();
        let outcome = tokio::select! {
            // An instance may answer and end at once: the answer counts.
            biased;
            answer = answer => answer.unwrap_or(Err(Failure::Unanswered)),
            status = instance.ended(killed) => Err(status.map_or_else(Failure::Start, Failure::Crashed)),
            () = sleep_until(started + self.function.timeout) => Err(Failure::TimedOut(self.function.timeout)),
            _ = closed.wait_for(|closed| *closed) => Err(Failure::Stopped),
        };
        match outcome {
            Ok(_) | Err(Failure::Reported(_) | Failure::TooLarge) => {
                // None once the service is closed: then the instance is dropped, and so killed.
                if let Some(idle) = &mut *lock(&self.idle) {
                    idle.push(instance);
                }
            }
            Err(_) => instance.kill().await,
        }
        outcome
    }

    fn kill_one(&self) -> bool {
        let mut at_work = lock(&self.at_work);
        fastrand::shuffle(&mut at_work);
        while let Some(kill) = at_work.pop() {
            if kill.send(()).is_ok() {
                return true;
            }
        }
        let mut idle = lock(&self.idle);
        let idle = idle.as_mut().filter(|idle| !idle.is_empty());
        // Dropping it kills it.
        idle.map(|idle| idle.swap_remove(fastrand::usize(..idle.len())))
            .is_some()
    }

    /// An instance that waits for work, or else a new one.
    fn instance(&self) -> Result<Instance, Failure> {
        loop {
            let waiting = lock(&self.idle).as_mut().ok_or(Failure::Stopped)?.pop();
            let Some(mut instance) = waiting else {
                return Instance::start(&self.function, &self.runtime_api, &self.logs)
                    .map_err(Failure::Start);
            };
            match instance.try_ended() {
                None => return Ok(instance),
                Some(status) => {
                    self.logs.push(
                        &self.function.name,
                        format!("the process ended between invocations ({status})"),
                    );
                }
            }
        }
    }

    fn invocation(
        &self,
        payload: Bytes,
        reply: oneshot::Sender<Result<Bytes, Failure>>,
    ) -> Invocation {
        let deadline = SystemTime::now() + self.function.timeout;
        let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        let region = self
            .function
            .environment
            .get("AWS_REGION")
            .map_or("local", String::as_str);
        let account = crate::aws::ACCOUNT_ID;
        Invocation {
            request_id: Uuid::new_v4().to_string(),
            function_arn: format!(
                "arn:aws:lambda:{region}:{account}:function:{}",
                self.function.name
            ),
            deadline_ms: deadline.as_millis(),
            payload,
            reply,
        }
    }
}
