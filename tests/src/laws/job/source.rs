//! How jobs come to be, and what moves them on.

use conc_core::{Capabilities, Job};
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};

/// How the work of a job is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<T> {
    /// With a result.
    Value(T),
    /// With a panic.
    Panic(&'static str),
}

/// A way in which jobs come to be.
pub trait JobSource {
    /// With `PARALLEL | CANCELS_QUEUED`, [`pending`](Self::pending) works.
    fn capabilities(&self) -> Capabilities;

    /// A job that ends soon, in a thread of its source.
    fn ending(&self, outcome: Outcome<u64>) -> Job<u64>;

    /// A job that stays pending, and what moves it on.
    fn pending<T: Send + 'static>(&self) -> (Box<dyn Lever<T>>, Job<T>) {
        unreachable!("jobs of this source run at once")
    }

    /// A job that runs, and what moves it on.
    fn running<T: Send + 'static>(&self) -> (Box<dyn Lever<T>>, Job<T>) {
        let (mut lever, job) = self.pending();
        assert!(lever.begin(), "nobody cancelled it");
        (lever, job)
    }
}

/// What moves a job on. Dropped: whoever was to run the job goes away.
pub trait Lever<T>: Send {
    /// The job begins to run; `false` if it was cancelled.
    fn begin(&mut self) -> bool;

    /// The job ends soon, if it was not cancelled.
    fn end(self: Box<Self>, outcome: Outcome<T>);
}

/// The lever of work that follows a script.
#[must_use = "the job ends without a result when this is dropped"]
pub struct ScriptedLever<T> {
    /// Lets the work run.
    start: Option<Box<dyn FnOnce() + Send>>,
    begun: Receiver<()>,
    runs: bool,
    outcome: Sender<Outcome<T>>,
}

/// Work that does what its lever says. The lever calls `start` to let it run.
///
/// # Panics
///
/// The work panics if that is its outcome, or if the lever is dropped.
pub fn scripted<T: Send + 'static, J>(
    submit: impl FnOnce(Box<dyn FnOnce() -> T + Send>) -> (Box<dyn FnOnce() + Send>, J),
) -> (ScriptedLever<T>, J) {
    let (begin, begun) = channel();
    let (outcome, outcomes) = channel();
    let work = move || {
        let _ = begin.send(());
        match outcomes.recv() {
            Ok(Outcome::Value(value)) => value,
            Ok(Outcome::Panic(message)) => panic!("{message}"),
            Err(_) => panic!("nobody says how it ends"),
        }
    };
    let (start, job) = submit(Box::new(work));
    (ScriptedLever { start: Some(start), begun, runs: false, outcome }, job)
}

impl<T: Send> Lever<T> for ScriptedLever<T> {
    fn begin(&mut self) -> bool {
        if let Some(start) = self.start.take() {
            start();
            // Work that is cancelled is dropped, and its end of the channel with it.
            self.runs = self.begun.recv().is_ok();
        }
        self.runs
    }

    fn end(mut self: Box<Self>, outcome: Outcome<T>) {
        self.begin();
        let _ = self.outcome.send(outcome);
    }
}

impl<T> fmt::Debug for ScriptedLever<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedLever").field("runs", &self.runs).finish_non_exhaustive()
    }
}
