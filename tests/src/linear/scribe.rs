//! Writes histories down while they happen.

use super::{Call, Operation, Outcome};
use conc_core::QueueCore;
use conc_core::queue::{GetFailure, PutFailure};
use std::sync::atomic::{AtomicU64, Ordering};

/// Stamps calls. All threads of a history share one.
#[derive(Debug, Default)]
pub struct Clock {
    ticks: AtomicU64,
}

/// Writes down what one thread calls.
#[derive(Debug)]
pub struct Scribe<'a> {
    clock: &'a Clock,
    thread: usize,
    calls: Vec<Call>,
}

impl Clock {
    /// The next stamp.
    pub fn tick(&self) -> u64 {
        // ORDERING: SeqCst. A call's effects stay between its two stamps.
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// Writes down what this thread calls.
    #[must_use]
    pub fn scribe(&self, thread: usize) -> Scribe<'_> {
        Scribe { clock: self, thread, calls: Vec::new() }
    }
}

impl Scribe<'_> {
    /// Writes down a call. If it panics, it is one that never returned.
    pub fn record(&mut self, operation: Operation, call: impl FnOnce() -> Outcome) -> Outcome {
        let place = self.calls.len();
        self.calls.push(Call {
            thread: self.thread,
            operation,
            outcome: None,
            invoked: self.clock.tick(),
            returned: Call::NEVER,
        });
        let outcome = call();
        let written = &mut self.calls[place];
        (written.outcome, written.returned) = (Some(outcome), self.clock.tick());
        outcome
    }

    /// Writes down a `try_put`.
    pub fn try_put<Q: QueueCore<Item = u64>>(&mut self, queue: &Q, item: u64) -> Outcome {
        self.record(Operation::Put(item), || outcome_of_put(queue.try_put(item)))
    }

    /// Writes down a `try_get`.
    pub fn try_get<Q: QueueCore<Item = u64>>(&mut self, queue: &Q) -> Outcome {
        self.record(Operation::Get, || outcome_of_get(queue.try_get()))
    }

    /// Writes down a `close`.
    pub fn close<Q: QueueCore>(&mut self, queue: &Q) {
        self.record(Operation::Close, || {
            queue.close();
            Outcome::Done
        });
    }

    /// What was written.
    #[must_use]
    pub fn into_calls(self) -> Vec<Call> {
        self.calls
    }
}

/// What came of a put.
///
/// # Panics
///
/// If it failed in a way that no specification knows.
pub fn outcome_of_put(result: Result<(), impl PutFailure>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(error) if error.is_full() => Outcome::Full,
        Err(error) if error.is_closed() => Outcome::Closed,
        Err(error) => panic!("neither full nor closed: {error}"),
    }
}

/// What came of a get.
///
/// # Panics
///
/// If it failed in a way that no specification knows.
pub fn outcome_of_get(result: Result<u64, impl GetFailure>) -> Outcome {
    match result {
        Ok(item) => Outcome::Got(item),
        Err(error) if error.is_empty() => Outcome::Empty,
        Err(error) if error.is_closed() => Outcome::Closed,
        Err(error) => panic!("neither empty nor closed: {error}"),
    }
}
