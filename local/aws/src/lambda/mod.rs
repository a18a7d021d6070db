//! Lambda: runs functions as processes and drives them through the Runtime API.

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

/// The most instances that a function may have. Further invocations wait.
pub const MAX_INSTANCES: u32 = 16;

/// The largest event or response: 6 MiB.
pub(crate) const MAX_PAYLOAD: usize = 6 * 1024 * 1024;

/// A deployed function.
#[derive(Clone)]
pub struct Function {
    /// The name that invocations use.
    pub name: String,
    /// The program that each instance runs.
    pub executable: PathBuf,
    /// The memory in MiB. Functions are told, but nothing enforces the limit.
    pub memory_size: u32,
    /// The longest time that an invocation may take, including a cold start.
    pub timeout: Duration,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
}

/// A failed invocation.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// No function has this name.
    #[error("there is no function {0}")]
    Unknown(String),
    /// The function's program could not be started.
    #[error("the process could not be started: {0}")]
    Start(std::io::Error),
    /// The process ended before it responded.
    #[error("the process ended during an invocation ({0})")]
    Crashed(ExitStatus),
    /// The process asked for the next event before it responded.
    #[error("the process did not answer an invocation")]
    Unanswered,
    /// The function reported an error.
    #[error("an invocation failed: {0}")]
    Reported(String),
    /// The response is larger than Lambda allows.
    #[error("the answer is larger than {MAX_PAYLOAD} bytes")]
    TooLarge,
    /// The function took too long.
    #[error("an invocation was given up after {0:?}")]
    TimedOut(Duration),
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopped,
}

/// The service. Closing or dropping it kills its processes.
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
    /// One permit for each instance that may be busy.
    permits: Semaphore,
    /// The instances that wait for an event. `None` once the service is closed.
    idle: Mutex<Option<Vec<Instance>>>,
    /// Kills a busy instance. Each channel closes when its invocation ends.
    busy: Mutex<Vec<oneshot::Sender<()>>>,
    closed: watch::Receiver<bool>,
}

impl Lambda {
    /// Starts the service. A function's processes start when it is invoked.
    ///
    /// # Errors
    /// Fails if no port is free for the Runtime API.
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
                busy: Mutex::default(),
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

    /// Invokes a function and returns its response.
    ///
    /// # Errors
    /// Fails if the function does not respond. The error also appears in the log.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvocationError> {
        let pool = self
            .pools
            .get(function)
            .ok_or_else(|| InvocationError::Unknown(function.to_owned()))?;
        let pool = Arc::clone(pool);
        // A task of its own, so that the invocation runs to its end even if the caller goes away.
        let invocation = tokio::spawn(async move {
            let result = pool.invoke(payload).await;
            if let Err(error) = &result {
                pool.logs.push(&pool.function.name, error.to_string());
            }
            result
        });
        invocation.await.unwrap_or(Err(InvocationError::Stopped))
    }

    /// Kills a random instance of a function, preferably a busy one. Returns `false` if the function has no instance.
    #[must_use]
    pub fn kill_instance(&self, function: &str) -> bool {
        self.pools.get(function).is_some_and(|pool| pool.kill_one())
    }

    /// Returns the process ids of the instances of a function that wait for an event.
    #[must_use]
    pub fn idle_processes(&self, function: &str) -> Vec<u32> {
        let pool = self.pools.get(function);
        let ids = pool.and_then(|pool| {
            let idle = lock(&pool.idle);
            let ids = idle.as_ref()?.iter().filter_map(Instance::process_id);
            Some(ids.collect())
        });
        ids.unwrap_or_default()
    }

    /// Kills all processes. Running invocations fail.
    pub fn close(&self) {
        self.closed.send_replace(true);
        self.server.abort();
        for pool in self.pools.values() {
            lock(&pool.idle).take();
        }
    }

    /// Kills all processes and waits until all invocations have ended.
    pub async fn stop(&self) {
        self.close();
        for pool in self.pools.values() {
            // Fails only if the semaphore is closed, which never happens.
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
    async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvocationError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| InvocationError::Stopped)?;
        let started = Instant::now();
        let mut instance = self.instance()?;
        let (reply, response) = oneshot::channel();
        instance.send(self.invocation(payload, reply)).await;
        let (kill, killed) = oneshot::channel();
        {
            let mut busy = lock(&self.busy);
            busy.retain(|kill| !kill.is_closed());
            busy.push(kill);
        }
        let mut closed = self.closed.clone();
        let outcome = tokio::select! {
            // An instance may respond and end at once. The response counts.
            biased;
            response = response => response.unwrap_or(Err(InvocationError::Unanswered)),
            status = instance.ended(killed) => Err(status.map_or_else(InvocationError::Start, InvocationError::Crashed)),
            () = sleep_until(started + self.function.timeout) => Err(InvocationError::TimedOut(self.function.timeout)),
            _ = closed.wait_for(|closed| *closed) => Err(InvocationError::Stopped),
        };
        match outcome {
            Ok(_) | Err(InvocationError::Reported(_) | InvocationError::TooLarge) => {
                // Once the service is closed, the instance is dropped and thereby killed.
                if let Some(idle) = &mut *lock(&self.idle) {
                    idle.push(instance);
                }
            }
            Err(_) => instance.kill().await,
        }
        outcome
    }

    fn kill_one(&self) -> bool {
        let mut busy = lock(&self.busy);
        fastrand::shuffle(&mut busy);
        while let Some(kill) = busy.pop() {
            if kill.send(()).is_ok() {
                return true;
            }
        }
        let mut idle = lock(&self.idle);
        let idle = idle.as_mut().filter(|idle| !idle.is_empty());
        // Dropping the instance kills it.
        idle.map(|idle| idle.swap_remove(fastrand::usize(..idle.len())))
            .is_some()
    }

    /// Returns an idle instance, or else starts one.
    fn instance(&self) -> Result<Instance, InvocationError> {
        loop {
            let waiting = lock(&self.idle)
                .as_mut()
                .ok_or(InvocationError::Stopped)?
                .pop();
            let Some(mut instance) = waiting else {
                return Instance::start(&self.function, &self.runtime_api, &self.logs)
                    .map_err(InvocationError::Start);
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
        reply: oneshot::Sender<Result<Bytes, InvocationError>>,
    ) -> Invocation {
        let deadline = SystemTime::now() + self.function.timeout;
        let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        let region = self
            .function
            .environment
            .get("AWS_REGION")
            .map_or("local", String::as_str);
        let account = crate::account::ACCOUNT_ID;
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
