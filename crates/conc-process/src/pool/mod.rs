//! Processes that live longer than their jobs.
//!
//! # The way of a job
//!
//! ```text
//!   caller                      ring, shared by the two                        worker
//!   ──────                      ───────────────────────                        ──────
//!   submit(f, x) ── encode ──►  entry: PENDING ───────────── take ───────────► decode x
//!      │       (queue, if all rings are full)   ▲ RUNNING                         │ f(x)
//!      ▼                                        │ steal: while another            ▼
//!   Job<R> ◄── decode ── foreman ◄── DONE ◄─────┼─────────── finish ────────── encode
//!                          ▲                    │ worker is idle
//!                          │                    ▼
//!   supervisor ── death ───┘          what was PENDING goes to others, what was DONE is read,
//!                                     what was RUNNING, one entry, has failed
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `builder`, `settings` | the choices of a pool |
//! | `submit`, `map`, `terms` | from functions and arguments to jobs |
//! | `draft`, `outlet`, `cursor` | encoding into the place where the other side reads |
//! | `store`, `bytes` | where arguments lie |
//! | `pace` | how many items go out in one batch |
//! | `routine` | the forms of functions, and the code that knows their types |
//! | `cargo`, `reply`, `ticket` | what the parent keeps of a job; whom it is for; where it is |
//! | `ring` | what parent and worker share |
//! | `post` | what does not lie in a ring |
//! | `lane` | the parent's side of a ring |
//! | `worker`, `desk`, `failure` | the worker's side, and what it says |
//! | `outcome` | the parent reads what the worker wrote |
//! | `shared`, `state` | queue and workers, and how work gets to them |
//! | `foreman`, `hire`, `tend`, `bury` | the thread that collects, replaces, watches |
//! | `force` | the end of a worker with all that it has started |
//! | `executor`, `stats` | the trait of executors; figures |

mod builder;
mod bury;
mod bytes;
mod cargo;
mod cursor;
mod desk;
mod draft;
mod executor;
mod failure;
mod force;
mod foreman;
mod hire;
mod lane;
mod map;
mod outcome;
mod outlet;
mod pace;
mod post;
mod reply;
mod ring;
mod routine;
mod settings;
mod shared;
mod state;
mod stats;
mod store;
mod submit;
mod tend;
mod terms;
mod ticket;
mod worker;

#[cfg(all(test, not(conc_loom)))]
mod tests;

pub use builder::{PoolBuildError, PoolBuilder};
pub use map::{PoolMap, PoolMapUnordered, Progress};
pub use stats::{PoolStats, PoolWorkerStats};
pub use terms::PoolTerms;

use crate::cpu_count;
use conc_core::executor::blocking;
use conc_core::trace::{Recorder, Timeline};
use conc_core::{Deadline, Job, JoinError, SubmitError, Wire};
use shared::Shared;
use state::Phase;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticket::Place;

thread_local! {
    /// Where the pool is whose own thread this is; 0: it is no pool's.
    static OWN_THREAD_OF: Cell<usize> = const { Cell::new(0) };
}

/// A pool of processes: portable work runs isolated, at nearly the price of a pool of threads.
///
/// A job that crashes, exits, hangs or eats memory costs itself and its worker, which is replaced;
/// all others go on. What waited behind it runs elsewhere, what had ended before it is kept. Jobs
/// that are too long or too large can be ended: [`timeout`](PoolBuilder::timeout),
/// [`memory_limit`](PoolBuilder::memory_limit), [`Job::kill`].
///
/// Work is a function pointer and an argument that can travel; see
/// [`Executor`](conc_core::Executor). Arguments and results may hold descriptors
/// ([`PortableFd`](conc_core::PortableFd)) and handles of queues. `S` is what each worker's
/// [initializer](PoolBuilder::initializer) makes, for jobs to borrow.
///
/// One thread of this process, `conc-pool`, collects results, and runs the callbacks of jobs
/// ([`on_finish`](Job::on_finish)): one that blocks stops the others, and one that waits for another
/// job of this pool waits for ever. An idle pool sleeps.
///
/// **Dropping the pool never blocks**: what is queued ends [`JoinError::Cancelled`], what runs gets
/// SIGTERM and, after a [grace](PoolBuilder::grace) time, SIGKILL.
/// [`shutdown`](Self::shutdown) is the patient end.
///
/// # When to use something else
///
/// A pool of threads for work that can be trusted: it needs no encoding.
/// [`isolate`](crate::isolate) or [`Process`](crate::Process) for single calls.
///
/// # Memory ordering
///
/// Processes share no memory unless they say so. What a job wrote to files or shared memory can be
/// read by whoever joins it.
///
/// # If a worker dies
///
/// At whatever instruction: the entry that it ran ends with the reason, or is
/// [retried](PoolBuilder::retries); of a batch of a map, that is one item. Nothing else is lost or
/// run twice. If this process dies, even by SIGKILL, its workers end, with what they started in
/// their process groups, and with those who have left them. A worker that is *stopped* (SIGSTOP)
/// keeps the one job that it has begun until it goes on, or the job's time-out ends it; what it has
/// not begun goes to others.
///
/// # What ends with a worker
///
/// What its jobs have started is in its process group, and ends with it. If it is ended by force
/// ([`Job::kill`], time-out, memory limit, [`terminate`](Self::terminate)), so do those who have
/// left the group, orphans and daemons too, as far as the kernel keeps lists of children
/// (`CONFIG_PROC_CHILDREN`). Otherwise these end with the program.
///
/// A worker adopts the orphans below it. Nobody waits for them but jobs that ask for *any* child:
/// a worker in which hundreds of zombies have come together is replaced.
///
/// # In a copy of this process
///
/// In a process that [`fork`](crate::Builder::fork) made, a pool from before the fork accepts
/// nothing and ends nothing: it belongs to the original.
///
/// # Examples
///
/// ```
/// use conc_core::JoinError;
/// use conc_process::Pool;
///
/// let pool = Pool::builder().workers(2).build()?;
/// let fragile = |n: u64| if n == 3 { std::process::abort() } else { n * n };
/// let results: Vec<_> = pool.map(fragile, 1..=5).collect();
/// assert_eq!(results[1], Ok(4));
/// assert!(matches!(results[2], Err(JoinError::Killed { .. })));
/// assert_eq!(results[4], Ok(25));
/// # Ok::<(), conc_process::PoolBuildError>(())
/// ```
///
/// A job can be awaited in any runtime:
///
/// ```
/// # use conc_process::Pool;
/// async fn square(pool: &Pool, n: u64) -> u64 {
///     pool.submit(|n: u64| n * n, n).unwrap().await.unwrap()
/// }
/// ```
///
/// # Python
///
/// `multiprocessing.Pool` and `ProcessPoolExecutor`. There a worker that dies hangs the pool or
/// breaks it; `map` reads all of its input first; workers may not have children. The page
/// `docs/POOL.md` of the repository goes through all differences, each with its test.
#[doc(alias = "ProcessPoolExecutor")]
pub struct Pool<S = ()> {
    shared: Arc<Shared>,
    state: PhantomData<fn() -> S>,
}

impl Pool {
    /// A pool with a worker for each processor that this process may use.
    ///
    /// # Errors
    ///
    /// If a worker cannot be started.
    pub fn new() -> Result<Self, PoolBuildError> {
        Self::builder().build()
    }

    /// The choices of a pool.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }
}

impl<S: 'static> Pool<S> {
    /// Hands a call over. Never waits.
    ///
    /// # Errors
    ///
    /// Why it was not accepted; the argument comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_core::as_completed;
    /// use conc_process::Pool;
    ///
    /// let pool = Pool::builder().workers(2).build()?;
    /// let jobs = [3_u64, 1, 2].map(|n| pool.submit(|n| n * 10, n).unwrap());
    /// let sum: u64 = as_completed(jobs).map(|(_, result)| result.unwrap()).sum();
    /// assert_eq!(sum, 60);
    /// # Ok::<(), conc_process::PoolBuildError>(())
    /// ```
    #[doc(alias = "apply_async")]
    pub fn submit<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>> {
        self.terms().submit(function, argument)
    }

    /// [`submit`](Self::submit) for a function that borrows what the worker's
    /// [initializer](PoolBuilder::initializer) made.
    ///
    /// A panic leaves that as it is at the moment: later jobs of the worker find it so.
    ///
    /// # Errors
    ///
    /// Why it was not accepted; the argument comes back.
    pub fn submit_with<A: Wire, R: Wire>(
        &self,
        function: fn(&mut S, A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>> {
        self.terms().submit_with(function, argument)
    }

    /// Hands a call over and waits for it.
    ///
    /// # Errors
    ///
    /// Why there is no result; [`JoinError::Cancelled`] if the pool has been shut down,
    /// [`JoinError::WouldDeadlock`] in a callback of one of its own jobs: nothing is handed over.
    #[doc(alias = "run")]
    pub fn apply<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<R, JoinError> {
        if self.is_own_thread() {
            return Err(JoinError::WouldDeadlock);
        }
        match self.submit(function, argument) {
            Ok(job) => job.join(),
            Err(SubmitError::Closed(_)) => Err(JoinError::Cancelled),
            Err(SubmitError::NotEncoded { message, .. }) => Err(JoinError::NotEncoded { message }),
            Err(error) => Err(JoinError::NotStarted { message: error.to_string().into() }),
        }
    }

    /// Choices for single jobs and maps: time-outs, retries.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_core::JoinError;
    /// use conc_process::Pool;
    /// use std::time::Duration;
    ///
    /// let pool = Pool::builder().workers(1).build()?;
    /// let hangs = |()| std::thread::park();
    /// let job = pool.terms().timeout(Duration::from_millis(50)).submit(hangs, ()).unwrap();
    /// assert_eq!(job.join(), Err(JoinError::TimedOut));
    /// assert_eq!(pool.apply(|n: u8| n + 1, 1), Ok(2), "its worker was replaced");
    /// # Ok::<(), conc_process::PoolBuildError>(())
    /// ```
    pub fn terms(&self) -> PoolTerms<'_, S> {
        PoolTerms::new(self)
    }

    /// Applies `function` to each item; gives the results in the order of the items.
    ///
    /// Lazy on both sides: nothing is taken from `items` before the first result is asked for, and
    /// only so many items are taken ahead as keep the workers busy. Items go out in batches, which
    /// grow with what items are found to cost. An item that fails is an `Err` in its place; the
    /// others go on: also if it ends its worker, that costs this one item. See [`PoolMap`] for
    /// choices.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_process::Pool;
    ///
    /// let pool = Pool::builder().workers(2).build()?;
    /// // An endless source is no problem.
    /// let first: Vec<_> = pool.map(|n: u64| n + 1, 0..).take(3).map(Result::unwrap).collect();
    /// assert_eq!(first, [1, 2, 3]);
    /// # Ok::<(), conc_process::PoolBuildError>(())
    /// ```
    #[doc(alias = "imap")]
    pub fn map<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> PoolMap<R, I::IntoIter> {
        let terms = self.shared.settings.terms;
        PoolMap::new(&self.shared, routine::Work::batch(&function), items.into_iter(), terms)
    }

    /// [`map`](Self::map), but gives results as they come, each with the place of its item.
    #[doc(alias = "imap_unordered")]
    pub fn map_unordered<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> PoolMapUnordered<R, I::IntoIter> {
        let terms = self.shared.settings.terms;
        let work = routine::Work::batch(&function);
        PoolMapUnordered::new(&self.shared, work, items.into_iter(), terms)
    }

    /// [`map`](Self::map) for a function of two arguments. For more of them, let the function take
    /// a tuple.
    pub fn starmap<A: Wire, B: Wire, R: Wire, I: IntoIterator<Item = (A, B)>>(
        &self,
        function: fn(A, B) -> R,
        items: I,
    ) -> PoolMap<R, I::IntoIter> {
        let terms = self.shared.settings.terms;
        let work = routine::Work::batch(&routine::OfTwo(function));
        PoolMap::new(&self.shared, work, items.into_iter(), terms)
    }

    /// [`map`](Self::map) for a function that borrows what the worker's
    /// [initializer](PoolBuilder::initializer) made.
    pub fn map_with<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(&mut S, A) -> R,
        items: I,
    ) -> PoolMap<R, I::IntoIter> {
        let terms = self.shared.settings.terms;
        let work = routine::Work::batch(&routine::WithState(function));
        PoolMap::new(&self.shared, work, items.into_iter(), terms)
    }
}

impl<S> Pool<S> {
    /// The most jobs that run at the same moment.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.shared.settings.max
    }

    /// Accepts no more work. What is queued still runs; then the workers end. Does not wait.
    pub fn close(&self) {
        if !self.shared.family.is_own() {
            return;
        }
        let mut state = self.shared.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closed;
        }
        drop(state);
        self.shared.call_foreman();
    }

    /// Whether the pool accepts no more work.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.shared.family.is_own() || self.shared.state.lock().phase != Phase::Open
    }

    /// Cancels what no worker has begun, and says how many jobs and batches that were.
    pub fn cancel_queued(&self) -> usize {
        if self.shared.family.is_own() { self.shared.cancel_queued() } else { 0 }
    }

    /// Accepts no more work, and waits until all accepted work and all workers have ended. In a
    /// callback of one of the pool's jobs it does not wait, nor does any other call that would:
    /// the pool's own thread cannot wait for itself.
    ///
    /// # Python
    ///
    /// `close` and `join`.
    #[doc(alias = "join")]
    pub fn shutdown(&self) {
        self.close();
        self.wait_for_end(None);
    }

    /// [`shutdown`](Self::shutdown) that waits at most so long; whether all has ended.
    #[must_use]
    pub fn shutdown_timeout(&self, timeout: Duration) -> bool {
        self.close();
        self.wait_for_end(Deadline::after(timeout))
    }

    /// [`shutdown`](Self::shutdown) that waits at most until then; whether all has ended.
    #[must_use]
    pub fn shutdown_deadline(&self, deadline: Instant) -> bool {
        self.close();
        self.wait_for_end(Some(Deadline::at(deadline)))
    }

    /// Accepts no more work, cancels what is queued, and waits until what runs has ended.
    pub fn shutdown_now(&self) {
        self.close();
        self.cancel_queued();
        self.shutdown();
    }

    /// Accepts no more work, cancels what is queued, ends what runs by SIGTERM and, after a
    /// [grace](PoolBuilder::grace) time, by SIGKILL, and waits until all workers have ended.
    ///
    /// All that they have started ends with them. Workers that handle or ignore SIGTERM keep it
    /// until they are killed; if they end by themselves, it ends [as usual](Pool#what-ends-with-a-worker).
    pub fn terminate(&self) {
        self.begin_to_terminate();
        self.wait_for_end(None);
    }

    fn begin_to_terminate(&self) {
        if !self.shared.family.is_own() {
            return;
        }
        let mut state = self.shared.state.lock();
        if state.phase != Phase::Over {
            state.phase = Phase::Terminating;
        }
        drop(state);
        self.cancel_queued();
        self.shared.call_foreman();
    }

    /// Whether this is the thread that everybody else waits for.
    fn is_own_thread(&self) -> bool {
        OWN_THREAD_OF.get() == Arc::as_ptr(&self.shared).addr()
    }

    fn wait_for_end(&self, deadline: Option<Deadline>) -> bool {
        if !self.shared.family.is_own() {
            return false;
        }
        let mut state = self.shared.state.lock();
        if self.is_own_thread() {
            return state.is_over;
        }
        blocking(|| {
            while !state.is_over {
                match deadline {
                    None => self.shared.news.wait(&mut state),
                    Some(deadline) => {
                        if self.shared.news.wait_until(&mut state, deadline.instant()).timed_out() {
                            return state.is_over;
                        }
                    }
                }
            }
            true
        })
    }

    /// What the pool has done so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        if !self.shared.family.is_own() {
            return PoolStats { workers: Vec::new(), queued: 0, outstanding: 0 };
        }
        let state = self.shared.state.lock();
        let waiting = state.workers.iter().map(|worker| worker.lane.load().saturating_sub(1));
        // Those that were cancelled lie there until it is their turn.
        let queued =
            state.queue.iter().filter(|item| item.cargo.ticket().place() != Place::Withdrawn);
        PoolStats {
            workers: state.seats.iter().map(|seat| seat.figures.clone()).collect(),
            queued: queued.count() + waiting.sum::<usize>(),
            outstanding: state.outstanding,
        }
    }

    /// When each job ran on which worker, with deaths and restarts, if the pool was built with
    /// [`trace`](PoolBuilder::trace); otherwise empty. A batch of a map is one span.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        if !self.shared.family.is_own() {
            return Timeline::new();
        }
        let state = self.shared.state.lock();
        let recorders = state.seats.iter().filter_map(|seat| seat.recorder.as_ref());
        recorders.map(Recorder::lane).collect()
    }
}

/// Never blocks: cancels what is queued, and ends what runs.
impl<S> Drop for Pool<S> {
    fn drop(&mut self) {
        self.begin_to_terminate();
    }
}

/// Whatever panics in the pool's processes stays there.
impl<S> UnwindSafe for Pool<S> {}
impl<S> RefUnwindSafe for Pool<S> {}

impl<S> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.shared.settings.name)
            .field("workers", &self.shared.settings.max)
            .finish_non_exhaustive()
    }
}
