//! A process for each job.

use crate::client::Family;
use crate::process::forked;
use crate::protocol::{Encoded, Task, encode};
use crate::{Builder, cpu_count};
use conc_core::executor::blocking;
use conc_core::sync::{AtomicPtr, Ordering};
use conc_core::{Capabilities, Executor, Job, JoinError, SubmitError, Wire};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;

/// Jobs that `starmap` keeps ahead for each that can run at the same moment.
const AHEAD_PER_WORKER: usize = 2;

/// Runs each job in a process of its own, which starts at once.
///
/// Nothing is queued: as many processes run as there are jobs. A pool of processes that live
/// longer starts jobs faster.
///
/// It belongs to the process that used it first. In a copy of that process, made by
/// [`fork`](crate::Builder::fork), it accepts no work, and to shut it down does nothing.
///
/// # Examples
///
/// ```
/// use conc_core::{Executor, JoinError};
/// use conc_process::ProcessExecutor;
///
/// let executor = ProcessExecutor::new();
/// let handle = |n: u32| if n == 2 { std::process::abort() } else { n * 10 };
/// let results: Vec<_> = executor.map(handle, 1..=3).collect();
/// assert_eq!(results[0], Ok(10));
/// assert!(matches!(results[1], Err(JoinError::Killed { .. })));
/// assert_eq!(results[2], Ok(30));
/// ```
///
/// # Python
///
/// `ProcessPoolExecutor(max_tasks_per_child=1)` without a limit; there, an abort breaks the whole
/// pool.
#[derive(Debug, Default)]
pub struct ProcessExecutor {
    running: Arc<Running>,
}

#[derive(Debug, Default)]
struct Running {
    /// The process that used it first; null: nobody has.
    owner: AtomicPtr<Family>,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    jobs: usize,
}

impl Running {
    /// Whether this process may use it: the locks of another's may be held for ever here.
    fn is_own(&self) -> bool {
        let own = std::ptr::from_ref(Family::own()).cast_mut();
        let nobody = std::ptr::null_mut();
        // ORDERING: Relaxed. Only compared.
        let claimed =
            self.owner.compare_exchange(nobody, own, Ordering::Relaxed, Ordering::Relaxed);
        claimed.map_or_else(|owner| owner == own, |_| true)
    }
}

impl ProcessExecutor {
    /// An executor that accepts work.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A job that has failed, if the process cannot be started.
    fn start_or_fail<A: Wire, R: Wire>(&self, task: Option<Task>, argument: &A) -> Job<R> {
        let failed = |error| Job::finished(Err(error));
        if !self.running.is_own() {
            return failed(JoinError::Forked);
        }
        if self.running.state.lock().closed {
            return failed(JoinError::Cancelled);
        }
        match encode(argument) {
            Err(message) => failed(JoinError::NotEncoded { message }),
            Ok(argument) => self.start(task, argument).unwrap_or_else(|error| {
                failed(JoinError::NotStarted { message: error.to_string().into() })
            }),
        }
    }

    fn start<R: Wire>(
        &self,
        task: Option<Task>,
        argument: Encoded,
    ) -> Result<Job<R>, crate::SpawnError> {
        crate::bootstrap::ensure()?;
        let task = task.ok_or(crate::SpawnError::NotPortable)?;
        let ticket = Ticket(Arc::clone(&self.running));
        self.running.state.lock().jobs += 1;
        let process = Builder::new().spawn_task(task, argument)?;
        Ok(process.into_job_then(move || drop(ticket)))
    }
}

/// Counts a job as ended when it is dropped.
struct Ticket(Arc<Running>);

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.0.is_own() {
            return;
        }
        let mut state = self.0.state.lock();
        state.jobs -= 1;
        if state.jobs == 0 {
            self.0.ended.notify_all();
        }
    }
}

impl Executor for ProcessExecutor {
    fn capabilities(&self) -> Capabilities {
        Capabilities::PARALLEL
            | Capabilities::ISOLATES
            | Capabilities::KILLS
            | Capabilities::BLOCKING
            | Capabilities::NESTS
    }

    fn parallelism(&self) -> usize {
        cpu_count()
    }

    fn submit<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>> {
        if !self.running.is_own() {
            return Err(SubmitError::NotStarted { work: argument, source: forked() });
        }
        if self.running.state.lock().closed {
            return Err(SubmitError::Closed(argument));
        }
        match encode(&argument) {
            Ok(encoded) => {
                self.start(Task::new(function), encoded).map_err(|error| error.with(argument))
            }
            Err(message) => Err(SubmitError::NotEncoded { work: argument, message }),
        }
    }

    fn starmap<A: Wire, B: Wire, R: Wire, I: IntoIterator<Item = (A, B)>>(
        &self,
        function: fn(A, B) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>> {
        let task = Task::of_two(function);
        let mut items = items.into_iter().fuse();
        let mut ahead: VecDeque<Job<R>> = VecDeque::new();
        std::iter::from_fn(move || {
            while ahead.len() < self.parallelism() * AHEAD_PER_WORKER {
                let Some(item) = items.next() else { break };
                ahead.push_back(self.start_or_fail(task, &item));
            }
            ahead.pop_front().map(Job::join)
        })
    }

    fn shutdown(&self) {
        if !self.running.is_own() {
            return;
        }
        let mut state = self.running.state.lock();
        state.closed = true;
        blocking(|| {
            while state.jobs > 0 {
                self.running.ended.wait(&mut state);
            }
        });
    }

    /// Nothing is queued: as [`shutdown`](Executor::shutdown).
    fn shutdown_now(&self) {
        self.shutdown();
    }
}
