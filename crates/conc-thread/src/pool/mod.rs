//! A pool of threads.
//!
//! | file | holds |
//! |---|---|
//! | `builder` | [`Builder`]: the choices of a pool |
//! | `map` | [`Map`], [`MapUnordered`]: lazy maps |
//! | `batch` | many items in one go, divided when somebody is without work |
//! | `pace` | how many items in one go |
//! | `progress` | [`Progress`]: how far a map has come |
//! | `registry` | what handles and workers share; the way of a job into the queues |
//! | `injector` | the queue of work from outside |
//! | `worker` | a thread: where it looks for work, how it runs it |
//! | `slot` | what others may see of a worker |
//! | `idle` | who sleeps, who searches, who has to be woken (modelled) |
//! | `crew` | how many threads there are, and who stands in for sleepers |
//! | `stats` | [`Stats`]: figures |
//!
//! ```text
//!   submit (outside) ──► injector ──┐            ┌─► deque 0 ◄─► worker 0 ─┐
//!                                   ├─ batches ──┤      ▲ steal            ├─► job: result,
//!   submit (in a job) ─► own deque ─┘            └─► deque 1 ◄─► worker 1 ─┘   callbacks, wakers
//! ```

mod batch;
mod builder;
mod crew;
mod idle;
mod injector;
mod map;
#[cfg(all(test, conc_loom))]
mod models;
mod pace;
mod progress;
mod registry;
mod slot;
mod stats;
mod worker;

pub use builder::{BuildError, Builder};
pub use map::{Map, MapUnordered};
pub use progress::Progress;
pub use stats::{Stats, WorkerStats};

use conc_core::job::PortableCall;
use conc_core::trace::{Recorder, Timeline};
use conc_core::{Capabilities, Deadline, Executor, Job, JoinError, SubmitError, Wire};
use crew::Headcount;
use registry::{Hurry, Registry};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A pool of threads that runs jobs.
///
/// Workers take jobs from outside in the order in which they came, up to 32 at a time; jobs that a
/// job submits go to the worker it runs on, and to others that have nothing to do. A job that panics takes nobody with
/// it: its [`Job`] has the message and the place.
///
/// Jobs may wait for jobs of the same pool: a worker that waits for a queued job runs it in place
/// while half of its stack is free; one that has to sleep is replaced by a spare thread while work
/// waits. The depth is bounded by the stacks of all threads ([`Builder::max_spares`]); beyond it
/// [`Job::join`] is [`JoinError::WouldDeadlock`].
///
/// The first pool of a program puts a panic hook before the program's own, which remembers the
/// place of a panic and then calls it; see [`caught`](conc_core::job::caught).
///
/// Dropping the pool never blocks: queued jobs end [`JoinError::Cancelled`], running ones go on,
/// the threads end after them. [`shutdown`](Self::shutdown) is the patient end.
///
/// # When to use something else
///
/// `rayon` for loops over data: its `join` costs nanoseconds, since it gives no handle, no
/// cancellation and no isolation of panics. Processes for work that may crash, leak or hang.
///
/// # Memory ordering
///
/// All that happened before `submit` is visible to the job; all that the job did is visible to who
/// joins it.
///
/// # If a worker dies
///
/// Threads die together, with their process. With `panic = "abort"` a panic is such a death.
///
/// # Examples
///
/// ```
/// use conc_thread::ThreadPool;
///
/// let pool = ThreadPool::builder().workers(2).build()?;
///
/// let greeting = String::from("hello");
/// let job = pool.submit(move || greeting.len()).unwrap();
/// assert_eq!(job.join(), Ok(5));
///
/// let squares: Result<Vec<u64>, _> = pool.map(|n| n * n, 1..=4_u64).collect();
/// assert_eq!(squares, Ok(vec![1, 4, 9, 16]));
/// # Ok::<(), conc_thread::BuildError>(())
/// ```
///
/// # Python
///
/// `concurrent.futures.ThreadPoolExecutor` and `multiprocessing.pool.ThreadPool`. Here waiting for
/// a job inside a job cannot deadlock, `map` is lazy, a panicking callback kills nobody, and the
/// program ends when `main` does, whatever is queued.
#[doc(alias = "ThreadPoolExecutor")]
pub struct ThreadPool {
    registry: Arc<Registry>,
}

impl ThreadPool {
    /// A pool with a worker for each CPU that this process may use.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// The choices of a pool.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Queues `work`. Never waits.
    ///
    /// The trait's form, which takes a function pointer and its argument, is
    /// [`Executor::submit(&pool, f, x)`](Executor::submit) on this type.
    ///
    /// # Errors
    ///
    /// [`SubmitError::Closed`] with the work itself, if the pool has been shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_core::as_completed;
    /// use conc_thread::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().workers(2).build()?;
    /// let jobs = [3_u64, 1, 2].map(|n| pool.submit(move || n * 10).unwrap());
    /// let sum: u64 = as_completed(jobs).map(|(_place, result)| result.unwrap()).sum();
    /// assert_eq!(sum, 60);
    /// # Ok::<(), conc_thread::BuildError>(())
    /// ```
    #[doc(alias = "apply_async")]
    #[inline]
    pub fn submit<T, F>(&self, work: F) -> Result<Job<T>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.registry.submit(work, Hurry::MayWait)
    }

    /// Runs `work` on the pool and waits for it.
    ///
    /// # Errors
    ///
    /// Why there is no result; [`JoinError::Cancelled`] if the pool has been shut down.
    #[doc(alias = "apply")]
    pub fn run<T, F>(&self, work: F) -> Result<T, JoinError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit(work).map_or(Err(JoinError::Cancelled), Job::join)
    }

    /// Applies `function` to each item; gives the results in the order of the items.
    ///
    /// Lazy on both sides: nothing is taken from `items` before the first result is asked for, and
    /// then only about 50 ms of work and at most 32,768 items ahead for each worker. Batches begin with one item and grow with what items are found
    /// to cost. An item that panics is an `Err` in its place; the others go on. Items that a
    /// shut-down pool no longer runs are [`JoinError::Cancelled`]. See [`Map`] for choices.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_thread::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().workers(2).build()?;
    /// // An endless source is no problem.
    /// let first: Vec<_> = pool.map(|n: u64| n + 1, 0..).take(3).map(Result::unwrap).collect();
    /// assert_eq!(first, [1, 2, 3]);
    /// # Ok::<(), conc_thread::BuildError>(())
    /// ```
    #[doc(alias = "imap")]
    pub fn map<A, R, F, I>(&self, function: F, items: I) -> Map<F, I::IntoIter, R>
    where
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
        A: Send + 'static,
        R: Send + 'static,
    {
        Map::new(Arc::clone(&self.registry), function, items.into_iter())
    }

    /// [`map`](Self::map), but gives results as they come, each with the place of its item.
    #[doc(alias = "imap_unordered")]
    pub fn map_unordered<A, R, F, I>(
        &self,
        function: F,
        items: I,
    ) -> MapUnordered<F, I::IntoIter, R>
    where
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
        A: Send + 'static,
        R: Send + 'static,
    {
        MapUnordered::new(Arc::clone(&self.registry), function, items.into_iter())
    }

    /// [`map`](Self::map) for a function of two arguments. For more of them, let the function take
    /// a tuple.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_thread::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().workers(2).build()?;
    /// let powers = pool.starmap(u64::pow, [(2, 5), (3, 2)]);
    /// assert_eq!(powers.collect::<Result<Vec<_>, _>>(), Ok(vec![32, 9]));
    /// # Ok::<(), conc_thread::BuildError>(())
    /// ```
    pub fn starmap<A, B, R, F, I>(
        &self,
        function: F,
        items: I,
    ) -> Map<impl Fn((A, B)) -> R + Send + Sync + 'static + use<A, B, R, F, I>, I::IntoIter, R>
    where
        F: Fn(A, B) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = (A, B)>,
        A: Send + 'static,
        B: Send + 'static,
        R: Send + 'static,
    {
        self.map(move |(a, b)| function(a, b), items)
    }

    /// Accepts no more work. What is queued still runs; then the threads end. Does not wait.
    pub fn close(&self) {
        self.registry.close();
    }

    /// Whether the pool accepts no more work.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.registry.is_closed()
    }

    /// Cancels what is queued, and says how many jobs that were.
    pub fn cancel_queued(&self) -> usize {
        self.registry.cancel_queued()
    }

    /// Accepts no more work, and waits until all accepted work has ended.
    ///
    /// Called from one of the pool's own jobs it does not wait: that could never end. The threads
    /// have run their last job when this returns; what their thread-locals own may go a moment
    /// later.
    pub fn shutdown(&self) {
        self.close();
        let all_ended = self.wait_for_end(None);
        debug_assert!(all_ended || self.registry.owns_current_thread());
    }

    /// [`shutdown`](Self::shutdown) that waits at most so long; whether all work has ended.
    #[must_use]
    pub fn shutdown_timeout(&self, timeout: Duration) -> bool {
        self.close();
        self.wait_for_end(Deadline::after(timeout))
    }

    /// [`shutdown`](Self::shutdown) that waits at most until then; whether all work has ended.
    #[must_use]
    pub fn shutdown_deadline(&self, deadline: Instant) -> bool {
        self.close();
        self.wait_for_end(Some(Deadline::at(deadline)))
    }

    /// Accepts no more work, cancels what is queued, and waits until what runs has ended.
    #[doc(alias = "terminate")]
    pub fn shutdown_now(&self) {
        self.close();
        self.cancel_queued();
        self.shutdown();
    }

    /// What the pool has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let registry = &self.registry;
        let Headcount { threads, blocked, peak: peak_threads } = registry.crew.headcount();
        let slots = &registry.slots;
        Stats {
            workers: slots.iter().map(|slot| slot.figures.snapshot(registry.born)).collect(),
            threads,
            peak_threads,
            blocked,
            sleeping: registry.idle.sleepers(),
            queued: registry.queued(),
            peak_stack: slots.iter().map(|slot| slot.figures.peak_stack()).max().unwrap_or(0),
        }
    }

    /// When each job ran on which worker, if the pool was built with [`Builder::trace`]; otherwise
    /// empty. Name jobs with [`conc_core::trace::label`].
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        let mut timeline = Timeline::new();
        for slot in self.registry.slots.iter() {
            if let Some(lane) = slot.recorder.lock().as_ref().map(Recorder::lane) {
                timeline.push_lane(lane);
            }
        }
        timeline
    }

    fn wait_for_end(&self, deadline: Option<Deadline>) -> bool {
        if self.registry.owns_current_thread() {
            return false;
        }
        conc_core::executor::blocking(|| self.registry.crew.wait_until_all_left(deadline))
    }
}

impl Executor for ThreadPool {
    fn capabilities(&self) -> Capabilities {
        Capabilities::PARALLEL
            | Capabilities::CANCELS_QUEUED
            | Capabilities::BLOCKING
            | Capabilities::NESTS
    }

    fn parallelism(&self) -> usize {
        self.registry.settings.workers
    }

    fn submit<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Job<R>, SubmitError<A>> {
        let call = PortableCall { function, argument };
        self.registry.submit(call, Hurry::MayWait).map_err(|error| error.map(|call| call.argument))
    }

    fn map<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>> {
        Self::map(self, function, items)
    }

    fn map_unordered<A: Wire, R: Wire, I: IntoIterator<Item = A>>(
        &self,
        function: fn(A) -> R,
        items: I,
    ) -> impl Iterator<Item = (usize, Result<R, JoinError>)> {
        Self::map_unordered(self, function, items)
    }

    fn starmap<A: Wire, B: Wire, R: Wire, I: IntoIterator<Item = (A, B)>>(
        &self,
        function: fn(A, B) -> R,
        items: I,
    ) -> impl Iterator<Item = Result<R, JoinError>> {
        Self::starmap(self, function, items)
    }

    fn shutdown(&self) {
        Self::shutdown(self);
    }

    fn shutdown_now(&self) {
        Self::shutdown_now(self);
    }
}

/// Never blocks: cancels what is queued; the threads end after what they run.
impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.close();
        self.cancel_queued();
    }
}

/// Whatever panics in the pool's threads stays there.
impl UnwindSafe for ThreadPool {}
impl RefUnwindSafe for ThreadPool {}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("name", &self.registry.settings.name)
            .field("workers", &self.registry.settings.workers)
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
