//! A proxy that does to requests what networks and services do at their worst.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// A delay takes no longer.
const MAX_DELAY_MS: u64 = 200;
/// An answer that never comes: longer than any client of ours waits.
const FOREVER: Duration = Duration::from_mins(1);

/// The number of requests in a thousand that suffer each fault.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// The connection is closed before the request is read.
    pub refused: u16,
    /// The request is forwarded late.
    pub delayed: u16,
    /// The service is said to fail, and does not see the request: 500 or 503.
    pub unavailable: u16,
    /// The request has its effect, and the connection is cut instead of an answer.
    pub answer_lost: u16,
    /// The request has its effect, and the connection is cut in the middle of the answer.
    pub answer_cut: u16,
    /// The request has its effect, and the answer is bytes that mean nothing.
    pub garbage: u16,
    /// The request has its effect, and no answer comes for as long as the client waits.
    pub hung: u16,
}

impl Faults {
    /// Everything is forwarded.
    pub const NONE: Self = Self {
        refused: 0,
        delayed: 0,
        unavailable: 0,
        answer_lost: 0,
        answer_cut: 0,
        garbage: 0,
        hung: 0,
    };

    /// Draws the fault of one request. Returns `None` for a request that is forwarded.
    fn pick(&self, rng: &mut fastrand::Rng) -> Option<Fault> {
        let rates = [
            (self.refused, Fault::Refused),
            (self.delayed, Fault::Delayed),
            (self.unavailable, Fault::Unavailable),
            (self.answer_lost, Fault::AnswerLost),
            (self.answer_cut, Fault::AnswerCut),
            (self.garbage, Fault::Garbage),
            (self.hung, Fault::Hung),
        ];
        let mut drawn = rng.u16(..1000);
        for (rate, fault) in rates {
            if drawn < rate {
                return Some(fault);
            }
            drawn -= rate;
        }
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Refused,
    Delayed,
    Unavailable,
    AnswerLost,
    AnswerCut,
    Garbage,
    Hung,
}

/// A fate of the connections that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// They are closed (FIN).
    Closed,
    /// They are broken off (RST).
    Reset,
    /// Nothing comes through them any more, and nobody says so, as behind a firewall that has forgotten them.
    Swallowed,
}

/// A proxy for HTTP/1.1 in front of one server. It ends, with all its connections, when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// Responses that the proxy makes by itself. Their requests have no effect.
struct Scripted {
    operation: String,
    table: String,
    left: usize,
    answer: Script,
}

/// Makes status and body of the body of a request.
type Script = Box<dyn Fn(&Value) -> (u16, String) + Send>;

struct Shared {
    /// The number of the last loss, and its kind. It concerns the connections that were made before it.
    losses: watch::Sender<(u64, Loss)>,
    scripted: Mutex<Vec<Scripted>>,
    target: OnceLock<SocketAddr>,
    faults: Mutex<Faults>,
    rng: Mutex<fastrand::Rng>,
    requests: AtomicU64,
    injected: AtomicU64,
}

impl FaultProxy {
    /// Starts a proxy that forwards everything once it has a target.
    pub async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: OnceLock::new(),
            faults: Mutex::default(),
            losses: watch::Sender::new((0, Loss::Closed)),
            scripted: Mutex::default(),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            requests: AtomicU64::default(),
            injected: AtomicU64::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self {
            address,
            shared,
            task,
        }
    }

    /// Returns the URL of the proxy.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the server to forward to, once. Before that, connections are closed.
    pub fn set_target(&self, url: &str) {
        let address = url.trim_start_matches("http://").parse().unwrap();
        self.shared.target.set(address).unwrap();
    }

    /// Sets the faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.shared.faults.lock().unwrap() = faults;
    }

    /// Loses all connections that are open. New ones are as good as any.
    pub fn lose(&self, loss: Loss) {
        self.shared.losses.send_modify(|(number, kind)| {
            *number += 1;
            *kind = loss;
        });
    }

    /// Answers the next requests for an operation of DynamoDB on a table, with status and body, as a function of the request's body.
    pub fn answer_next(
        &self,
        operation: &str,
        table: &str,
        times: usize,
        answer: impl Fn(&Value) -> (u16, String) + Send + 'static,
    ) {
        self.shared.scripted.lock().unwrap().push(Scripted {
            operation: operation.to_owned(),
            table: table.to_owned(),
            left: times,
            answer: Box::new(answer),
        });
    }

    /// Returns how many of the answers of [`FaultProxy::answer_next`] nobody has asked for yet.
    pub fn answers_left(&self) -> usize {
        let scripted = self.shared.scripted.lock().unwrap();
        scripted.iter().map(|scripted| scripted.left).sum()
    }

    /// Returns the number of requests so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that suffered a fault.
    pub fn injected(&self) -> u64 {
        self.shared.injected.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.unwrap();
                let shared = Arc::clone(&shared);
                let mut losses = shared.losses.subscribe();
                let made_after = losses.borrow().0;
                // An error is the end of the connection, which is what the client sees as well.
                connections.spawn(async move {
                    let (client, twin) = twins(client).ok()?;
                    let closed = |(loss, kind): &(u64, Loss)| *loss > made_after && *kind != Loss::Swallowed;
                    let lost = tokio::select! {
                        served = shared.serve(client, made_after) => return served.ok(),
                        Ok(loss) = losses.wait_for(closed) => loss.1,
                    };
                    match lost {
                        // The last handle that is closed says how.
                        Loss::Reset => twin.set_zero_linger().ok(),
                        Loss::Closed | Loss::Swallowed => None,
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Returns two handles of a connection.
fn twins(stream: TcpStream) -> std::io::Result<(TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let twin = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, TcpStream::from_std(twin)?))
}

impl Shared {
    async fn serve(&self, client: TcpStream, made_after: u64) -> std::io::Result<()> {
        let Some(target) = self.target.get() else {
            return Ok(());
        };
        client.set_nodelay(true)?;
        let server = TcpStream::connect(target).await?;
        server.set_nodelay(true)?;
        let (mut client, mut server) = (BufReader::new(client), BufReader::new(server));
        // No bytes: the client is done.
        while !client.fill_buf().await?.is_empty() {
            let fault = self.pick();
            if fault == Some(Fault::Refused) {
                return Ok(());
            }
            let request = message(&mut client).await?;
            let (loss, kind) = *self.losses.borrow();
            if loss > made_after && kind == Loss::Swallowed {
                return Self::hang(&mut client).await;
            }
            if let Some(answer) = self.scripted(&request) {
                client.write_all(answer.as_bytes()).await?;
                continue;
            }
            match fault {
                Some(Fault::Unavailable) => {
                    let status =
                        self.draw(&["500 Internal Server Error", "503 Service Unavailable"]);
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 4\r\n\r\noops");
                    client.write_all(answer.as_bytes()).await?;
                    continue;
                }
                Some(Fault::Delayed) => {
                    let delay = self.rng.lock().unwrap().u64(..MAX_DELAY_MS);
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                }
                _ => {}
            }
            server.write_all(&request).await?;
            // Read to its end in any case: then the effect has happened.
            let answer = message(&mut server).await?;
            match fault {
                Some(Fault::AnswerLost) => return Ok(()),
                Some(Fault::AnswerCut) => {
                    let length = self.rng.lock().unwrap().usize(1..answer.len());
                    return client.write_all(&answer[..length]).await;
                }
                Some(Fault::Garbage) => {
                    let garbage = self.garbage();
                    return client.write_all(&garbage).await;
                }
                Some(Fault::Hung) => return Self::hang(&mut client).await,
                _ => client.write_all(&answer).await?,
            }
        }
        Ok(())
    }

    /// Waits until the client hangs up. It sends nothing before it has an answer.
    async fn hang(client: &mut BufReader<TcpStream>) -> std::io::Result<()> {
        tokio::time::timeout(FOREVER, client.fill_buf()).await.ok();
        Ok(())
    }

    /// Returns the answer to a request that is not to be forwarded.
    fn scripted(&self, request: &[u8]) -> Option<String> {
        let request = String::from_utf8_lossy(request);
        let (head, body) = request.split_once("\r\n\r\n")?;
        let mut scripted = self.scripted.lock().unwrap();
        let scripted = scripted.iter_mut().find(|scripted| {
            let target = format!("DynamoDB_20120810.{}\r\n", scripted.operation);
            scripted.left > 0
                && format!("{head}\r\n").contains(&target)
                && body.contains(&scripted.table)
        })?;
        scripted.left -= 1;
        let (status, body) = (scripted.answer)(&serde_json::from_str(body).unwrap());
        let length = body.len();
        Some(format!(
            "HTTP/1.1 {status} \r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    fn pick(&self) -> Option<Fault> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let faults = *self.faults.lock().unwrap();
        let fault = faults.pick(&mut self.rng.lock().unwrap());
        self.injected
            .fetch_add(u64::from(fault.is_some()), Ordering::Relaxed);
        fault
    }

    fn draw(&self, choices: &[&'static str]) -> &'static str {
        self.rng.lock().unwrap().choice(choices).unwrap()
    }

    /// Makes random bytes: half the time no HTTP at all, half the time the body of a 200.
    fn garbage(&self) -> Vec<u8> {
        let mut rng = self.rng.lock().unwrap();
        let bytes: Vec<u8> = (0..rng.usize(1..200)).map(|_| rng.u8(..)).collect();
        let mut answer = Vec::new();
        if rng.bool() {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", bytes.len());
            answer.extend_from_slice(head.as_bytes());
        }
        answer.extend(bytes);
        answer
    }
}

/// Reads the bytes of one request or response, head and body.
async fn message(from: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let (mut length, mut chunked) = (0, false);
    loop {
        let line = line(from, &mut message).await?;
        let Some((name, value)) = line.split_once(':') else {
            if line.is_empty() {
                break;
            }
            continue;
        };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = value.parse().unwrap(),
            ("transfer-encoding", value) => chunked = value.eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    if !chunked {
        body(from, length, &mut message).await?;
        return Ok(message);
    }
    loop {
        let line = line(from, &mut message).await?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16).unwrap();
        // With the line's end that follows the chunk; after the last one it ends the message: nobody here sends trailers.
        body(from, size + 2, &mut message).await?;
        if size == 0 {
            return Ok(message);
        }
    }
}

async fn body(
    from: &mut BufReader<TcpStream>,
    length: usize,
    message: &mut Vec<u8>,
) -> std::io::Result<()> {
    let start = message.len();
    message.resize(start + length, 0);
    from.read_exact(&mut message[start..]).await.map(|_| ())
}

/// Appends one line to the message; gives it without its end.
async fn line(from: &mut BufReader<TcpStream>, message: &mut Vec<u8>) -> std::io::Result<String> {
    let start = message.len();
    from.read_until(b'\n', message).await?;
    if message.last() != Some(&b'\n') {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&message[start..])
        .trim_end()
        .to_owned())
}
