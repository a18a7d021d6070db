//! A process of a function.

use std::{
    process::{ExitStatus, Stdio},
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{mpsc, oneshot},
};
use uuid::Uuid;

use super::{
    Function,
    runtime_api::{Invocation, RuntimeApi},
};
use crate::logs::Logs;

/// A process that handles one invocation at a time. It is killed when it is dropped.
pub(super) struct Instance {
    id: String,
    child: Child,
    invocations: mpsc::Sender<Invocation>,
    runtime_api: Arc<RuntimeApi>,
}

impl Instance {
    pub(super) fn start(
        function: &Function,
        runtime_api: &Arc<RuntimeApi>,
        logs: &Arc<Logs>,
    ) -> std::io::Result<Self> {
        let id = Uuid::new_v4().to_string();
        let name = &function.name;
        let mut command = Command::new(&function.executable);
        command.env_clear();
        // A program that is a script needs PATH to find other programs.
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(&function.environment);
        command.env("AWS_EXECUTION_ENV", "AWS_Lambda_rust");
        command.env(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            function.memory_size.to_string(),
        );
        command.env("AWS_LAMBDA_FUNCTION_NAME", name);
        command.env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        command.env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        command.env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"));
        command.env("AWS_LAMBDA_LOG_STREAM_NAME", &id);
        command.env("AWS_LAMBDA_RUNTIME_API", runtime_api.url(&id));
        command.env("TZ", ":UTC");
        command.env("_HANDLER", "bootstrap");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A process group of its own: Ctrl-C at the terminal must reach only this program, which then stops the instances.
        command.process_group(0).kill_on_drop(true);

        // Before the process starts: on a busy machine it may ask for its first event before the next line runs here.
        let invocations = runtime_api.register(&id);
        let mut child = command
            .spawn()
            .inspect_err(|_| runtime_api.unregister(&id))?;
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(read_lines(stdout, name.clone(), Arc::clone(logs)));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(read_lines(stderr, name.clone(), Arc::clone(logs)));
        }
        Ok(Self {
            id,
            child,
            invocations,
            runtime_api: Arc::clone(runtime_api),
        })
    }

    /// Passes an invocation to the process. If that fails, the reply channel closes, which tells the caller.
    pub(super) async fn send(&self, invocation: Invocation) {
        drop(self.invocations.send(invocation).await);
    }

    /// Waits until the process ends. Kills it as soon as `kill` receives a message.
    pub(super) async fn ended(
        &mut self,
        kill: oneshot::Receiver<()>,
    ) -> std::io::Result<ExitStatus> {
        tokio::select! {
            status = self.child.wait() => status,
            Ok(()) = kill => {
                self.child.start_kill()?;
                self.child.wait().await
            }
        }
    }

    /// Returns the process id, unless the process has ended.
    pub(super) fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Returns the exit status if the process has ended.
    pub(super) fn try_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Kills the process and waits for its end.
    pub(super) async fn kill(mut self) {
        // Fails only for a process that has ended.
        self.child.kill().await.ok();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.runtime_api.unregister(&self.id);
    }
}

async fn read_lines(output: impl AsyncRead + Unpin, function: String, logs: Arc<Logs>) {
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    // An error means the same as the end of the file: the process closed its side.
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        logs.push(&function, String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}
