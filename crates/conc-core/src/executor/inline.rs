//! The executor that runs everything at once, in the caller's thread.

use super::{Capabilities, Executor};
use crate::job::Package;
use crate::sync::{AtomicBool, Ordering};
use crate::{Job, JoinError, SubmitError, Wire};

/// Runs each piece of work at once, in the caller's thread.
///
/// The reference: whatever another executor computes must equal what this one does. Also good for
/// debugging, since the stack of the work is the stack of its submitter.
///
/// # Examples
///
/// ```
/// use conc_core::{Executor, InlineExecutor};
///
/// let executor = InlineExecutor::new();
/// let job = executor.submit(|text: String| text.len(), "twelve chars".to_owned()).unwrap();
/// assert!(job.is_finished());
/// assert_eq!(job.join(), Ok(12));
/// ```
///
/// Work runs in its submitter's thread, so there is nothing to wait for at shutdown, and work of
/// another thread that runs at that moment goes on.
///
/// # Python
///
/// None; `multiprocessing.dummy` comes closest, on threads.
#[derive(Debug, Default)]
pub struct InlineExecutor {
    closed: AtomicBool,
}

impl InlineExecutor {
    /// An executor that accepts work.
    #[must_use]
    pub fn new() -> Self {
        Self { closed: AtomicBool::new(false) }
    }

    fn is_closed(&self) -> bool {
        // ORDERING: Relaxed. Closing orders nothing but itself.
        self.closed.load(Ordering::Relaxed)
    }

    fn run<R: Wire>(&self, work: impl FnOnce() -> R + Send + 'static) -> Result<R, JoinError> {
        if self.is_closed() { Err(JoinError::Cancelled) } else { crate::job::caught(work) }
    }
}

impl Executor for InlineExecutor {
    fn capabilities(&self) -> Capabilities {
        Capabilities::NESTS
    }

    fn parallelism(&self) -> usize {
        1
    }

    fn submit<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>> {
        if self.is_closed() {
            return Err(SubmitError::Closed(argument));
        }
        let package = Package::new(0, move || function(argument));
        package.runnable().run();
        Ok(package.into_job())
    }

    fn map<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>> {
        items.into_iter().map(move |item| self.run(move || function(item)))
    }

    fn map_unordered<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> impl Iterator<Item = (usize, Result<R, JoinError>)> {
        self.map(function, items).enumerate()
    }

    fn starmap<A: Wire, B: Wire, R: Wire, I: IntoIterator<Item = (A, B)>>(
        &self,
        function: fn(A, B) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>> {
        items.into_iter().map(move |(a, b)| self.run(move || function(a, b)))
    }

    fn shutdown(&self) {
        // ORDERING: Relaxed. Closing orders nothing but itself.
        self.closed.store(true, Ordering::Relaxed);
    }

    fn shutdown_now(&self) {
        self.shutdown();
    }
}
