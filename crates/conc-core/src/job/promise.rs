//! The executor's end of a job.

use super::Cell;
use super::caught::quietly;
use super::core::Core;
use super::handle::{Job, KillError};
use super::state::End;
use crate::JoinError;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// What an executor can do to a job from outside.
///
/// `()` implements it for executors that can do nothing.
pub trait Control: Send + Sync {
    /// Takes the pending job out of the executor's hands, for ever; asked before it is cancelled,
    /// in the canceller's thread. `false`: it is too late, the job runs or has ended.
    ///
    /// For executors whose workers begin a job without asking its promise: those in other
    /// processes.
    fn withdraw(&self) -> bool {
        true
    }

    /// Whether a job whose promise was not told of its start runs all the same.
    fn is_running(&self) -> bool {
        false
    }

    /// The job was cancelled while pending: forget it. Called in the canceller's thread.
    fn cancelled(&self) {}

    /// Ends the running job by force.
    ///
    /// # Errors
    ///
    /// [`KillError::Unsupported`] where the executor cannot.
    fn kill(&self) -> Result<(), KillError> {
        Err(KillError::Unsupported)
    }
}

impl Control for () {}

/// The shared part of a job whose executor is elsewhere, with what controls it: for executors that
/// keep both in one allocation. A [`Promise`] is the same with an owner, who cannot forget it.
#[doc(hidden)]
pub struct Pledge<T, C> {
    core: Core<T>,
    control: C,
}

impl<T: Send + 'static, C: Control + 'static> Pledge<T, C> {
    /// A pending job. Whoever has the pledge settles it, whatever happens.
    pub fn new(control: C) -> (Arc<Self>, Job<T>) {
        let pledge = Arc::new(Self { core: Core::pending(), control });
        let cell: Arc<dyn Cell<T>> = Arc::<Self>::clone(&pledge);
        (pledge, Job::from_cell(cell))
    }

    /// What the executor can do to the job.
    pub fn control(&self) -> &C {
        &self.control
    }

    /// As [`Promise::finish`].
    ///
    /// # Errors
    ///
    /// The result comes back if the job has been cancelled.
    pub fn finish(&self, result: Result<T, JoinError>) -> Result<(), Result<T, JoinError>> {
        if !self.core.word.claim() {
            return Err(result);
        }
        // SAFETY: we moved the word out of pending above and settle once.
        unsafe { self.core.settle(result, End::Finished) };
        Ok(())
    }

    /// As [`Promise::cancel`].
    pub fn cancel(&self) -> bool {
        if !self.core.word.cancel() {
            return false;
        }
        // SAFETY: we moved the word out of pending above and settle once.
        unsafe { self.core.settle(Err(JoinError::Cancelled), End::Cancelled) };
        true
    }
}

impl<T, C> fmt::Debug for Pledge<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pledge").finish_non_exhaustive()
    }
}

impl<T: Send, C: Control> Cell<T> for Pledge<T, C> {
    fn core(&self) -> &Core<T> {
        &self.core
    }

    fn cancel(&self) -> bool {
        if !self.core.snapshot().is_pending() || !self.control.withdraw() {
            return false;
        }
        if !self.core.word.cancel() {
            return false;
        }
        quietly(|| self.control.cancelled());
        // SAFETY: we moved the word out of pending above and settle once.
        unsafe { self.core.settle(Err(JoinError::Cancelled), End::Cancelled) };
        true
    }

    fn kill(&self) -> Result<(), KillError> {
        self.control.kill()
    }

    fn is_running(&self) -> bool {
        let now = self.core.snapshot();
        now.is_running() || now.is_pending() && self.control.is_running()
    }
}

/// The executor's end of a job: it starts the job and gives it a result.
///
/// Only the executor holds it, so that user code cannot set a result twice or behind the
/// executor's back. Dropped without a result, the job ends [`JoinError::Abandoned`].
///
/// # Examples
///
/// ```
/// use conc_core::{JoinError, Promise};
///
/// let (mut promise, job) = Promise::new();
/// assert!(promise.start());
/// assert!(!job.cancel(), "too late: it runs");
/// assert!(promise.finish(Ok(42)).is_ok());
/// assert_eq!(job.join(), Ok(42));
///
/// let (promise, job) = Promise::<u8>::new();
/// drop(promise);
/// assert_eq!(job.join(), Err(JoinError::Abandoned));
/// ```
///
/// # Python
///
/// `Future.set_running_or_notify_cancel`, `set_result` and `set_exception`, which any holder of
/// the future may call there, and hang the pool.
#[doc(alias = "set_result")]
#[doc(alias = "set_running_or_notify_cancel")]
#[must_use = "a dropped promise abandons its job"]
pub struct Promise<T: Send + 'static> {
    cell: Arc<dyn Cell<T>>,
    stage: Stage,
}

/// How far a promise has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Pending,
    /// We moved the word out of pending, and owe a result.
    Started,
    Settled,
}

impl<T: Send + 'static> Promise<T> {
    /// A pending job and its promise.
    pub fn new() -> (Self, Job<T>) {
        Self::with_control(())
    }

    /// A pending job that its executor controls.
    pub fn with_control(control: impl Control + 'static) -> (Self, Job<T>) {
        let cell: Arc<dyn Cell<T>> = Arc::new(Pledge { core: Core::pending(), control });
        (Self { cell: Arc::clone(&cell), stage: Stage::Pending }, Job::from_cell(cell))
    }

    /// The job begins to run: it can no longer be cancelled. `false` if it has been cancelled.
    pub fn start(&mut self) -> bool {
        if self.stage == Stage::Pending && self.cell.core().word.claim() {
            self.stage = Stage::Started;
        }
        self.stage == Stage::Started
    }

    /// Whether the job has been cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cell.core().snapshot().is_cancelled()
    }

    /// Ends the job; runs its callbacks here before anybody who joins goes on.
    ///
    /// # Errors
    ///
    /// The result comes back if the job has been cancelled.
    pub fn finish(mut self, result: Result<T, JoinError>) -> Result<(), Result<T, JoinError>> {
        if !self.start() {
            return Err(result);
        }
        self.settle(result);
        Ok(())
    }

    /// Ends the pending job [`JoinError::Cancelled`], as its holder could; `false` if it was too
    /// late.
    pub fn cancel(mut self) -> bool {
        if self.stage != Stage::Pending || !self.cell.core().word.cancel() {
            return false;
        }
        self.stage = Stage::Settled;
        // SAFETY: we moved the word out of pending above and settle once.
        unsafe { self.cell.core().settle(Err(JoinError::Cancelled), End::Cancelled) };
        true
    }

    /// Lets go of a job that was [withdrawn](Control::withdraw): its canceller ends it.
    pub fn withdrawn(mut self) {
        self.stage = Stage::Settled;
    }

    /// The stage is `Started`.
    fn settle(&mut self, result: Result<T, JoinError>) {
        self.stage = Stage::Settled;
        // SAFETY: we moved the word out of pending (the stage was `Started`), and settle once (it
        // no longer is).
        unsafe { self.cell.core().settle(result, End::Finished) };
    }
}

impl<T: Send + 'static> UnwindSafe for Promise<T> {}
impl<T: Send + 'static> RefUnwindSafe for Promise<T> {}

impl<T: Send + 'static> Drop for Promise<T> {
    fn drop(&mut self) {
        if self.start() {
            self.settle(Err(JoinError::Abandoned));
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise").field("stage", &self.stage).finish_non_exhaustive()
    }
}
