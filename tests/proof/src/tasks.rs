//! Use cases that run at the same time, one call of a store or the provider after the other, in an order that a proof decides.
//!
//! Each call waits at its gate. Between two gates a use case shares nothing with others, so that the order of the calls is all
//! that an interleaving consists of.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// The gates before the calls. Open until they are closed: calls pass without being asked.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    closed: bool,
    /// The task that is polled.
    task: usize,
    waiting: Vec<Call>,
    opened: Option<u64>,
    next: u64,
    /// The number of calls that each task has made.
    calls: Vec<u32>,
    /// Calls that passed their gate and did not return yet.
    under_way: usize,
}

/// A call that waits at its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    ticket: u64,
    /// The task that makes the call.
    pub(crate) task: usize,
    /// The number of the call within its task.
    pub(crate) number: u32,
    /// The name of the called function.
    pub(crate) name: &'static str,
}

impl Gates {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes all later calls wait, or pass without being asked.
    pub(crate) fn set_closed(&self, closed: bool) {
        self.state().closed = closed;
    }

    /// Waits until the call may be made. The call lasts as long as the result lives.
    pub(crate) async fn pass(&self, name: &'static str) -> Passed {
        let mut ticket = None;
        poll_fn(|_| {
            let mut state = self.state();
            if ticket.is_none() && state.closed {
                let task = state.task;
                if state.calls.len() <= task {
                    state.calls.resize(task + 1, 0);
                }
                state.calls[task] += 1;
                let call = Call {
                    ticket: state.next,
                    task,
                    number: state.calls[task],
                    name,
                };
                state.next += 1;
                state.waiting.push(call);
                ticket = Some(call.ticket);
            } else if ticket.is_none() || state.opened == ticket {
                state.opened = None;
                state.under_way += 1;
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        Passed(self.clone())
    }
}

/// A call that passed its gate.
pub(crate) struct Passed(Gates);

impl Drop for Passed {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
    }
}

/// A use case under way.
type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Use cases under way.
#[derive(Default)]
pub(crate) struct Tasks {
    gates: Gates,
    running: Vec<(usize, Task)>,
    next: usize,
}

impl Tasks {
    pub(crate) fn new(gates: Gates) -> Self {
        Self {
            gates,
            running: Vec::new(),
            next: 0,
        }
    }

    pub(crate) fn gates(&self) -> &Gates {
        &self.gates
    }

    /// Starts a use case and lets it run to its first call. Returns the number of the task.
    pub(crate) async fn start(&mut self, work: impl Future<Output = ()> + 'static) -> usize {
        let task = self.next;
        self.next += 1;
        self.running.push((task, Box::pin(work)));
        self.run(task).await;
        task
    }

    /// Returns the calls that wait, in the order in which they came.
    pub(crate) fn waiting(&self) -> Vec<Call> {
        self.gates.state().waiting.clone()
    }

    /// Returns the number of use cases under way.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    /// Makes a call, and lets its task run to the next one or to its end.
    pub(crate) async fn go(&mut self, call: Call) {
        {
            let mut state = self.gates.state();
            state.waiting.retain(|waiting| *waiting != call);
            state.opened = Some(call.ticket);
        }
        self.run(call.task).await;
    }

    /// Lets all use cases run to their end, each call in its turn.
    pub(crate) async fn finish(&mut self) {
        while let Some(call) = self.waiting().first() {
            self.go(*call).await;
        }
        assert!(self.running.is_empty(), "a use case waits for nothing");
    }

    async fn run(&mut self, task: usize) {
        let Some(at) = self.running.iter().position(|(id, _)| *id == task) else {
            return;
        };
        let work = &mut self.running[at].1;
        let gates = &self.gates;
        let ended = poll_fn(|context| {
            gates.state().task = task;
            let ended = work.as_mut().poll(context).is_ready();
            let state = gates.state();
            let waits = state.waiting.iter().any(|call| call.task == task);
            // Otherwise it sleeps, or a real store has not answered yet.
            if ended || (waits && state.under_way == 0) {
                Poll::Ready(ended)
            } else {
                Poll::Pending
            }
        })
        .await;
        if ended {
            drop(self.running.remove(at));
        }
    }
}
