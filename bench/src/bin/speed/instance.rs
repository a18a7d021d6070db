//! One process of a function, driven and timed through Lambda's runtime API.
//!
//! The thread of the connection takes the times and sends the next event, so that no thread waits for another between two calls.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Request, response, serve};

/// Longest wait for a process. Under valgrind, a start takes seconds.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Delay between two checks that a process still runs.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// A command with its environment, and the event that it gets.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) command: Vec<OsString>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) event: Arc<[u8]>,
    /// The file `cgroup.procs` of the control group that the process joins.
    pub(super) group: Option<PathBuf>,
}

impl Launch {
    /// Returns the same launch under another program, such as a profiler.
    pub(super) fn under(&self, program: &[String]) -> Self {
        let program = program.iter().map(OsString::from);
        Self {
            command: program.chain(self.command.iter().cloned()).collect(),
            ..self.clone()
        }
    }
}

/// A running process. Dropping it kills the process.
pub(super) struct Instance {
    child: Child,
    log: PathBuf,
    address: SocketAddr,
    shared: Arc<Shared>,
    started: Instant,
}

/// State that the threads of the connections share with the owner.
struct Shared {
    event: Arc<[u8]>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Time of the first request for an event.
    first_next: Option<Instant>,
    /// Number of events that are still to be sent.
    due: usize,
    /// Number of events that were sent.
    sent: u64,
    sent_at: Option<Instant>,
    /// Set while the process waits for an event.
    is_idle: bool,
    /// Time of each call.
    calls: Vec<Duration>,
    answered_at: Option<Instant>,
    answer: Vec<u8>,
    is_over: bool,
}

impl Instance {
    /// Starts a process and sends it the event `calls` times. Its output goes to a file in `directory`.
    pub(super) fn start(launch: &Launch, directory: &Path, calls: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            event: Arc::clone(&launch.event),
            state: Mutex::new(State {
                due: calls,
                ..State::default()
            }),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.state.lock().unwrap().is_over {
                    return;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&serving));
                stream.set_nodelay(true).unwrap();
                thread::spawn(move || serve(stream, |request| shared.respond(&request)));
            }
        });
        let log = directory.join(format!("{}.log", address.port()));
        let output = fs::File::create(&log).unwrap();
        let mut command = Command::new(&launch.command[0]);
        command
            .args(&launch.command[1..])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(&launch.environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        let started = Instant::now();
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{:?}: {error}", launch.command));
        if let Some(group) = &launch.group {
            fs::write(group, child.id().to_string()).unwrap();
        }
        Self {
            child,
            log,
            address,
            shared,
            started,
        }
    }

    /// Waits for the first answer. Returns the times from the start to the first request for an event and to the end of the
    /// first answer, and that answer.
    pub(super) fn first(&mut self) -> (Duration, Duration, Vec<u8>) {
        self.collect();
        let state = self.shared.state.lock().unwrap();
        (
            state.first_next.unwrap() - self.started,
            state.answered_at.unwrap() - self.started,
            state.answer.clone(),
        )
    }

    /// Sends the event `count` times, one after the other. Returns the time of each call, from the first byte of the event to
    /// the last one of the answer.
    pub(super) fn calls(&mut self, count: usize) -> Vec<Duration> {
        self.send(count);
        self.collect()
    }

    /// Has the event sent `count` times, and does not wait.
    pub(super) fn send(&mut self, count: usize) {
        let mut state = self.shared.state.lock().unwrap();
        state.calls.clear();
        state.due += count;
        state.is_idle = false;
        self.shared.changed.notify_all();
    }

    /// Waits until all events are answered and the process asks for the next one. Returns the time of each call.
    pub(super) fn collect(&mut self) -> Vec<Duration> {
        self.wait(|state| (state.due == 0 && state.is_idle).then(|| state.calls.clone()))
    }

    /// Returns the processor time of each thread. The time of a thread that ended is missing, so compare two results thread by
    /// thread.
    pub(super) fn cpu(&self) -> BTreeMap<OsString, Duration> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let time = |thread: std::io::Result<fs::DirEntry>| {
            let thread = thread.ok()?;
            let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let nanos = times.split(' ').next()?.parse().ok()?;
            Some((thread.file_name(), Duration::from_nanos(nanos)))
        };
        threads.filter_map(time).collect()
    }

    /// Returns the peak resident memory and the current proportional share, in MB.
    pub(super) fn memory(&self) -> (f64, f64) {
        let kilobytes = |file: &str, name: &str| {
            let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.unwrap().parse::<f64>().unwrap()
        };
        // The kernel's kB has 1024 bytes; the MB here has 10^6.
        let megabytes = |kilobytes: f64| kilobytes * 1024.0 / 1e6;
        (
            megabytes(kilobytes("status", "VmHWM:")),
            megabytes(kilobytes("smaps_rollup", "Pss:")),
        )
    }

    /// Sends SIGTERM, so that a profiler writes its results, and waits for the end of the process.
    pub(super) fn terminate(mut self) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &process]).status();
        assert!(status.unwrap().success());
        self.child.wait().unwrap();
    }

    /// Waits until `ready` returns a value.
    ///
    /// # Panics
    /// The process ended, or the wait takes too long.
    fn wait<T>(&mut self, ready: impl Fn(&State) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut state = self.shared.state.lock().unwrap();
        loop {
            if let Some(value) = ready(&state) {
                return value;
            }
            (state, _) = self
                .shared
                .changed
                .wait_timeout(state, CHECK_INTERVAL)
                .unwrap();
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || begun.elapsed() > TIMEOUT {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                panic!("nothing comes of the process ({ended:?}):\n{log}");
            }
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if let Ok(mut state) = self.shared.state.lock() {
            state.is_over = true;
            self.shared.changed.notify_all();
        }
        // Wakes the thread that accepts connections.
        TcpStream::connect(self.address).ok();
        fs::remove_file(&self.log).ok();
    }
}

impl Shared {
    /// Returns the response to a request of the process. `None` closes the connection.
    fn respond(&self, request: &Request) -> Option<Vec<u8>> {
        let now = Instant::now();
        if request.method == "GET" {
            return self.next(now);
        }
        let mut state = self.state.lock().unwrap();
        state.answer.clone_from(&request.body);
        state.answered_at = Some(now);
        let sent_at = state.sent_at.take();
        // An error that the process reports is not a call.
        if request.path.ends_with("/response") {
            state.calls.extend(sent_at.map(|sent_at| now - sent_at));
        }
        Some(response(202, "application/json", "", b"{}"))
    }

    /// Waits until an event is due, and returns it.
    fn next(&self, now: Instant) -> Option<Vec<u8>> {
        let mut state = self.state.lock().unwrap();
        state.first_next.get_or_insert(now);
        while state.due == 0 {
            state.is_idle = true;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap();
            if state.is_over {
                return None;
            }
        }
        state.is_idle = false;
        state.due -= 1;
        state.sent += 1;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let headers = format!(
            "lambda-runtime-aws-request-id: 5a0a4d2e-0000-4000-8000-{:012x}\r\n\
             lambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:123456789012:function:measured\r\n\
             lambda-runtime-trace-id: Root=1-65920080-{:024x};Sampled=0\r\n",
            state.sent,
            (since_epoch + Duration::from_secs(15)).as_millis(),
            state.sent,
        );
        let event = response(200, "application/json", &headers, &self.event);
        state.sent_at = Some(Instant::now());
        Some(event)
    }
}
