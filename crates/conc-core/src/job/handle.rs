//! The handle of a submitted piece of work.

use super::promise::Promise;
use super::{Cell, Work};
use crate::completion::sealed::{Watchable, Watcher};
use crate::executor::{Help, Host, blocking};
use crate::wait::Patience;
use crate::{Deadline, JoinError};
use std::cell;
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use thiserror::Error;

/// A submitted piece of work: wait for it, take its result, cancel it while it is queued.
///
/// One type for all worlds, whether the work runs inline, on a pool of threads or in a process. It
/// is a [`Future`] as well: `.await` works in any async runtime and blocks nothing.
///
/// Dropping a `Job` never blocks and stops nothing: the work goes on, its result is discarded.
///
/// # Memory ordering
///
/// All that the work did, and all that callbacks did, is visible after [`join`](Self::join), a
/// wait that returned `true`, or the end of an `.await`.
///
/// # Fairness
///
/// All who wait for one job are woken together.
///
/// # If the holder dies
///
/// If whoever runs the work goes away, the job ends with a [`JoinError`] that says how.
///
/// # Cancel safety
///
/// Dropping the future drops the job: the work goes on, its result is discarded. To give up
/// waiting and keep the job, await `&mut job`.
///
/// # Examples
///
/// ```
/// use conc_core::{Executor, InlineExecutor, Job};
///
/// let executor = InlineExecutor::new();
/// let job: Job<u64> = executor.submit(|n| n * n, 12)?;
/// assert_eq!(job.join(), Ok(144));
/// # Ok::<(), conc_core::SubmitError<u64>>(())
/// ```
///
/// # Python
///
/// `concurrent.futures.Future` and `multiprocessing.pool.AsyncResult`. Only the executor can set
/// the result ([`Promise`]).
#[doc(alias = "Future")]
#[doc(alias = "AsyncResult")]
#[must_use = "the work goes on if this is dropped, but its result and its error are lost"]
pub struct Job<T> {
    /// Empty after `poll` has given the result away.
    cell: Option<Arc<dyn Cell<T>>>,
}

/// Why a job was not killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KillError {
    /// This executor cannot end running work: threads cannot be killed.
    #[error("this executor cannot end running work")]
    Unsupported,
    /// The job has finished.
    #[error("the job has finished")]
    Finished,
}

impl<T> Job<T> {
    pub(super) fn from_cell(cell: Arc<dyn Cell<T>>) -> Self
    where
        T: Send,
    {
        Self { cell: Some(cell) }
    }

    /// A job that has already ended.
    pub fn finished(result: Result<T, JoinError>) -> Self
    where
        T: Send + 'static,
    {
        let (promise, job) = Promise::new();
        // Nobody else holds the job who could have cancelled it.
        let _ = promise.finish(result);
        job
    }

    /// Whether the job has ended, in whatever way.
    #[doc(alias = "done")]
    #[doc(alias = "ready")]
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.cell.as_ref().is_none_or(|cell| cell.core().snapshot().is_settled())
    }

    /// Whether the work is running at this moment.
    #[doc(alias = "running")]
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.cell.as_ref().is_some_and(|cell| cell.is_running())
    }

    /// Whether the job was cancelled before it ran.
    #[doc(alias = "cancelled")]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cell.as_ref().is_some_and(|cell| cell.core().snapshot().is_cancelled())
    }

    /// Takes the work out of the queue, if it has not begun; it will never run, and the job ends
    /// [`JoinError::Cancelled`]. `true` if the job is cancelled, by this call or before.
    ///
    /// What the work owned is dropped at once, here.
    ///
    /// # Python
    ///
    /// `Future.cancel`; but a job that was cancelled counts as finished at once.
    pub fn cancel(&self) -> bool {
        self.cell.as_ref().is_some_and(|cell| cell.cancel() || self.is_cancelled())
    }

    /// Ends the running work by force, where the executor can.
    ///
    /// # Errors
    ///
    /// [`KillError::Unsupported`] for work on threads: nobody can end a thread from outside.
    /// [`KillError::Finished`] if there is nothing to end any more.
    pub fn kill(&self) -> Result<(), KillError> {
        match &self.cell {
            Some(cell) if !self.is_finished() => cell.kill(),
            _ => Err(KillError::Finished),
        }
    }

    /// Waits for the end and takes the result.
    ///
    /// On a worker of the pool that holds the job, waiting runs the job itself if it is still
    /// queued, so that jobs may wait for jobs to any depth.
    ///
    /// # Errors
    ///
    /// Why there is no result. [`JoinError::WouldDeadlock`] if this thread would have to run the
    /// job itself but has no stack left for it, and its pool has no other thread.
    ///
    /// # Panics
    ///
    /// If the result has been taken by polling the job as a future.
    #[doc(alias = "result")]
    #[doc(alias = "get")]
    pub fn join(self) -> Result<T, JoinError> {
        match self.wait_until(None, Never::IsAnError) {
            Waited::Ended => self.take(),
            Waited::NotYet => Err(JoinError::WouldDeadlock),
        }
    }

    /// The result, if the job has ended; otherwise the job comes back.
    ///
    /// # Errors
    ///
    /// The job itself, still running.
    ///
    /// # Panics
    ///
    /// If the result has been taken by polling the job as a future.
    pub fn try_join(self) -> Result<Result<T, JoinError>, Self> {
        if self.is_finished() { Ok(self.take()) } else { Err(self) }
    }

    /// Waits for the end.
    pub fn wait(&self) {
        self.wait_until(None, Never::Sleeps);
    }

    /// Waits for the end, at most so long; whether it came.
    #[must_use]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(Deadline::after(timeout), Never::Sleeps) == Waited::Ended
    }

    /// Waits for the end, at most until then; whether it came.
    #[must_use]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Some(Deadline::at(deadline)), Never::Sleeps) == Waited::Ended
    }

    /// Runs `callback` with the result when the job ends, or now if it has ended.
    ///
    /// Callbacks run exactly once each, in the order in which they were added, in the thread that
    /// ends the job, and *before* anybody who waits for the job goes on: whoever joins sees what
    /// they did. A callback must not wait for its own job. One that panics is reported by the
    /// panic hook and otherwise ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_core::Promise;
    /// use std::sync::mpsc;
    ///
    /// let (log, logged) = mpsc::channel();
    /// let (promise, mut job) = Promise::new();
    /// job.on_finish(move |result: &Result<i32, _>| log.send(result.clone()).unwrap());
    /// promise.finish(Ok(1)).unwrap();
    /// assert_eq!(job.join(), Ok(1));
    /// assert_eq!(logged.try_recv(), Ok(Ok(1)));
    /// ```
    /// # Panics
    ///
    /// If the result has been taken by polling the job as a future.
    #[doc(alias = "add_done_callback")]
    pub fn on_finish(&mut self, callback: impl FnOnce(&Result<T, JoinError>) + Send + 'static) {
        let core = self.cell.as_ref().expect("a result that was taken has no callbacks").core();
        // SAFETY: `&mut self` holds the job exclusively.
        unsafe { core.on_finish(Box::new(callback)) };
    }

    fn take(mut self) -> Result<T, JoinError> {
        let cell = self.cell.take().expect("the result was taken by polling the job");
        // SAFETY: the callers have seen the word settled; `self` is ours alone.
        unsafe { cell.core().take() }
    }

    fn wait_until(&self, deadline: Option<Deadline>, never: Never) -> Waited {
        match &self.cell {
            Some(cell) if !cell.core().snapshot().is_settled() => {
                wait_slow(&**cell, deadline, never)
            }
            _ => Waited::Ended,
        }
    }
}

/// What a wait does that only this thread could end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Never {
    IsAnError,
    Sleeps,
}

/// How a wait ended.
#[derive(PartialEq, Eq)]
enum Waited {
    Ended,
    NotYet,
}

#[cold]
fn wait_slow<T>(cell: &dyn Cell<T>, deadline: Option<Deadline>, never: Never) -> Waited {
    let is_settled = || cell.core().snapshot().is_settled();
    if deadline.is_none() {
        let help = help(cell.work());
        if is_settled() {
            return Waited::Ended;
        }
        if help == Help::WouldDeadlock && never == Never::IsAnError {
            return Waited::NotYet;
        }
    }
    let mut patience = Patience::new();
    while IS_PATIENT.get() && patience.pause() {
        if is_settled() {
            return Waited::Ended;
        }
        if deadline.is_some_and(Deadline::is_past) {
            return Waited::NotYet;
        }
    }
    let asleep = Instant::now();
    let ended = blocking(|| cell.core().word.sleep_until_settled(deadline));
    IS_PATIENT.set(asleep.elapsed() < LONG);
    if ended { Waited::Ended } else { Waited::NotYet }
}

/// Who slept for so long would have looked in vain however often it had looked.
const LONG: Duration = Duration::from_micros(200);

thread_local! {
    /// Whether this thread looks again for a moment before it sleeps: its last sleep was short. Jobs
    /// tend to take as long as those before; to look in vain would take time from long ones.
    static IS_PATIENT: cell::Cell<bool> = const { cell::Cell::new(true) };
}

/// Runs queued work right here if this thread belongs to the work's executor.
fn help(work: Option<&dyn Work>) -> Help {
    let Some(work) = work.filter(|work| work.is_pending()) else { return Help::Sleep };
    <dyn Host>::with_current(
        |host| {
            if work.home() == host.id() { host.help(work) } else { Help::Sleep }
        },
    )
    .unwrap_or(Help::Sleep)
}

impl<T> Future for Job<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let cell = self.cell.as_ref().expect("the result was taken by polling the job");
        match cell.core().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let cell = self.cell.take();
                Poll::Ready(Self { cell }.take())
            }
        }
    }
}

/// The result is only reached by who holds the job, after it has settled: nobody sees a broken one.
impl<T> UnwindSafe for Job<T> {}
impl<T> RefUnwindSafe for Job<T> {}

impl<T> Watchable for Job<T> {
    fn is_settled(&self) -> bool {
        self.is_finished()
    }

    fn has_failed(&self) -> bool {
        self.cell.as_ref().is_some_and(|cell| {
            // SAFETY: settled, and `&self` keeps the holder from taking the result.
            cell.core().snapshot().is_settled() && unsafe { cell.core().failed() }
        })
    }

    fn watch(&self, watcher: Arc<dyn Watcher>, index: usize) -> bool {
        self.cell.as_ref().is_some_and(|cell| cell.core().watch(watcher, index))
    }

    fn unwatch(&self, watcher: &Arc<dyn Watcher>) {
        if let Some(cell) = &self.cell {
            cell.core().unwatch(watcher);
        }
    }

    fn help(&self) {
        if let Some(cell) = &self.cell {
            help(cell.work());
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.cell {
            None => "taken",
            Some(cell) => match cell.core().snapshot() {
                now if now.is_cancelled() => "cancelled",
                now if now.is_settled() => "finished",
                now if now.is_running() => "running",
                _ => "pending",
            },
        };
        f.debug_struct("Job").field("stage", &stage).finish()
    }
}
