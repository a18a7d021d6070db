//! One process of a function, driven through the runtime API, with the time of everything that it does there.
//!
//! The times are taken where the bytes come in and go out, in the thread of the connection, and the same event is sent again
//! from there: no thread waits for another between two calls.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Request, answer, serve};

/// How long nothing may come of a process. Under valgrind, a start takes seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a process is looked at of which nothing is heard.
const LOOK: Duration = Duration::from_millis(100);

/// What is started, and with what.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) command: Vec<OsString>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) event: Arc<[u8]>,
    /// The control group that it runs in, if it is one of its own: the file that takes its number.
    pub(super) group: Option<PathBuf>,
}

impl Launch {
    /// The same under another program, such as a profiler.
    pub(super) fn under(&self, program: &[String]) -> Self {
        let program = program.iter().map(OsString::from);
        Self {
            command: program.chain(self.command.iter().cloned()).collect(),
            ..self.clone()
        }
    }
}

/// A process. It is killed when it is dropped.
pub(super) struct Instance {
    child: Child,
    log: PathBuf,
    address: SocketAddr,
    shared: Arc<Shared>,
    started: Instant,
}

/// What the connections of the process and its owner know of it.
struct Shared {
    event: Arc<[u8]>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// When it first asked for an event.
    first_next: Option<Instant>,
    /// How many events it is to get yet.
    due: usize,
    /// How many it got.
    sent: u64,
    sent_at: Option<Instant>,
    /// Waits for an event.
    is_idle: bool,
    /// How long each call took.
    calls: Vec<Duration>,
    answered_at: Option<Instant>,
    answer: Vec<u8>,
    is_over: bool,
}

impl Instance {
    /// Starts a process, which gets the event so many times at once. What it prints goes to a file in this directory.
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
                thread::spawn(move || serve(stream, |request| shared.answer(&request)));
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

    /// From the start to the first request for an event, from the start to the end of the first answer, and that answer.
    pub(super) fn first(&mut self) -> (Duration, Duration, Vec<u8>) {
        self.collect();
        let state = self.shared.state.lock().unwrap();
        (
            state.first_next.unwrap() - self.started,
            state.answered_at.unwrap() - self.started,
            state.answer.clone(),
        )
    }

    /// Sends the event so many times, one after the other, and says how long each call took, from the first byte of the event
    /// to the last of the answer.
    pub(super) fn calls(&mut self, count: usize) -> Vec<Duration> {
        self.send(count);
        self.collect()
    }

    /// Has the event sent so many times.
    pub(super) fn send(&mut self, count: usize) {
        let mut state = self.shared.state.lock().unwrap();
        state.calls.clear();
        state.due += count;
        state.is_idle = false;
        self.shared.changed.notify_all();
    }

    /// Waits for the answers, and until the process waits for the next event.
    pub(super) fn collect(&mut self) -> Vec<Duration> {
        self.wait(|state| (state.due == 0 && state.is_idle).then(|| state.calls.clone()))
    }

    /// The processor time that its threads used, by thread. One that ends takes its time with it, so two of these are to be
    /// compared thread by thread.
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

    /// The most memory that was resident, and its proportional share of what is resident now, in MB.
    pub(super) fn memory(&self) -> (f64, f64) {
        let kilobytes = |file: &str, name: &str| {
            let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.unwrap().parse::<f64>().unwrap()
        };
        // The kernel's kB are of 1024 bytes; MB are of 1000 kB everywhere here.
        let megabytes = |kilobytes: f64| kilobytes * 1024.0 / 1e6;
        (
            megabytes(kilobytes("status", "VmHWM:")),
            megabytes(kilobytes("smaps_rollup", "Pss:")),
        )
    }

    /// Ends the process as a request to end does, so that a profiler writes what it has found, and waits for that.
    pub(super) fn terminate(mut self) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &process]).status();
        assert!(status.unwrap().success());
        self.child.wait().unwrap();
    }

    fn wait<T>(&mut self, ready: impl Fn(&State) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut state = self.shared.state.lock().unwrap();
        loop {
            if let Some(value) = ready(&state) {
                return value;
            }
            (state, _) = self.shared.changed.wait_timeout(state, LOOK).unwrap();
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || begun.elapsed() > PATIENCE {
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
        // Wakes the thread that waits for connections.
        TcpStream::connect(self.address).ok();
        fs::remove_file(&self.log).ok();
    }
}

impl Shared {
    /// None: the connection is to be closed.
    fn answer(&self, request: &Request) -> Option<Vec<u8>> {
        let now = Instant::now();
        if request.method == "GET" {
            return self.next(now);
        }
        let mut state = self.state.lock().unwrap();
        state.answer.clone_from(&request.body);
        state.answered_at = Some(now);
        let sent_at = state.sent_at.take();
        // What is reported as an error is no call.
        if request.path.ends_with("/response") {
            state.calls.extend(sent_at.map(|sent_at| now - sent_at));
        }
        Some(answer(202, "application/json", "", b"{}"))
    }

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
        let event = answer(200, "application/json", &headers, &self.event);
        state.sent_at = Some(Instant::now());
        Some(event)
    }
}
