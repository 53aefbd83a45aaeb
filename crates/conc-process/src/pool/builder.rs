//! The choices of a pool.

use super::cargo::Terms;
use super::foreman;
use super::routine::Founding;
use super::settings::{Brief, Settings};
use super::shared::Shared;
use super::state::{Life, Phase};
use super::{Pool, cpu_count};
use crate::SpawnError;
use crate::protocol::encode;
use conc_core::{JoinError, Wire};
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// A worker beyond the least number ends after so long without work.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// So long a worker has from SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// More processes than any machine is for.
const MOST_WORKERS: usize = 4096;
/// A hundred years. Longer times mean never, and no clock has to count so far.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A time that can be added to the present.
fn countable(time: Duration) -> Duration {
    time.min(NEVER)
}

/// A time that a job can have: one that has none is not late before it has begun.
pub(super) fn job_time(timeout: Duration) -> Duration {
    countable(timeout).max(Duration::from_nanos(1))
}

/// The choices of a [`Pool`]. `S` is what the [initializer](Self::initializer) makes.
///
/// # Examples
///
/// ```
/// use conc_process::Pool;
/// use std::time::Duration;
///
/// // Each worker compiles the pattern once; jobs borrow it.
/// let pool = Pool::builder()
///     .workers(2)
///     .initializer(|letters: String| letters.chars().collect::<Vec<_>>(), "aeiou".to_owned())
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// let vowels = |known: &mut Vec<char>, word: String| {
///     word.chars().filter(|letter| known.contains(letter)).count()
/// };
/// assert_eq!(pool.submit_with(vowels, "concurrency".to_owned()).unwrap().join(), Ok(3));
/// # Ok::<(), conc_process::PoolBuildError>(())
/// ```
///
/// # Python
///
/// The arguments of `Pool` and `ProcessPoolExecutor`.
#[must_use = "a builder builds nothing before `build`"]
pub struct PoolBuilder<S = ()> {
    settings: Settings,
    founding: Result<(), SpawnError>,
    state: PhantomData<fn() -> S>,
}

/// Why a pool was not built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PoolBuildError {
    /// A pool needs at least one worker, and at most as many at first as at the most.
    #[error("a pool has from 1 to 4096 workers, and not {min} to {max}")]
    WorkerCount {
        /// The least number that was asked for.
        min: usize,
        /// The largest number that was asked for.
        max: usize,
    },
    /// What the pool needs could not be had.
    #[error("the pool cannot be set up: {0}")]
    NotStarted(#[from] io::Error),
    /// The initializer cannot travel.
    #[error("the initializer cannot travel: {0}")]
    Initializer(#[source] SpawnError),
    /// No worker became ready: its process could not be started, or its initializer failed.
    #[error("no worker became ready: {0}")]
    Worker(#[source] JoinError),
}

impl PoolBuilder<()> {
    pub(super) fn new() -> Self {
        let workers = cpu_count();
        Self {
            settings: Settings {
                name: "pool".to_owned(),
                min: workers,
                max: workers,
                idle_timeout: IDLE_TIMEOUT,
                grace: GRACE,
                initializer: None,
                max_tasks: None,
                max_memory: None,
                memory_limit: None,
                terms: Terms::default(),
                trace: false,
                shows_stderr: false,
            },
            founding: Ok(()),
            state: PhantomData,
        }
    }
}

impl<S: 'static> PoolBuilder<S> {
    /// How many jobs run at the same moment. Default: [`cpu_count`].
    #[doc(alias = "processes")]
    #[doc(alias = "max_workers")]
    pub fn workers(self, workers: usize) -> Self {
        self.workers_between(workers, workers)
    }

    /// At least `min` workers, and more up to `max` while jobs wait. Those beyond `min` end when
    /// they have been [idle](Self::idle_timeout).
    pub fn workers_between(mut self, min: usize, max: usize) -> Self {
        (self.settings.min, self.settings.max) = (min, max);
        self
    }

    /// A worker beyond the least number ends after so long without work. Default: 5 s.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = countable(timeout);
        self
    }

    /// The names of the workers: `_0`, `_1` and so on follow. Default: `pool`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// Each worker calls `initializer` before its first job, and keeps what it makes for
    /// [`submit_with`](Pool::submit_with): jobs borrow it. It never travels, and can be anything.
    ///
    /// If it panics or ends its process, [`build`](Self::build) fails. Later, in a worker that
    /// takes the place of another, attempts are bounded: then the pool accepts no more work, and
    /// jobs that wait fail with the reason.
    ///
    /// The argument is encoded anew for each worker; it may hold descriptors.
    #[doc(alias = "initargs")]
    pub fn initializer<A: Wire + Sync, T: 'static>(
        self,
        initializer: fn(A) -> T,
        argument: A,
    ) -> PoolBuilder<T> {
        let founding = crate::bootstrap::ensure()
            .and_then(|()| Founding::new(initializer).ok_or(SpawnError::NotPortable));
        let mut settings = self.settings;
        let brief: Brief = Box::new(move || encode(&argument));
        let (known, founding) = match founding {
            Ok(known) => (Some(known), self.founding),
            Err(error) => (None, Err(error)),
        };
        settings.initializer = known.map(|known| (known, brief));
        PoolBuilder { settings, founding, state: PhantomData }
    }

    /// A worker is replaced after so many jobs; items of a map count one each, and a batch is not
    /// divided for it.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[doc(alias = "maxtasksperchild")]
    #[doc(alias = "max_tasks_per_child")]
    pub fn max_tasks_per_worker(mut self, tasks: u64) -> Self {
        assert!(tasks > 0, "a worker has at least one job");
        self.settings.max_tasks = Some(tasks);
        self
    }

    /// A worker is replaced that has more bytes of memory for itself after a job: for libraries
    /// that leak. What is shared or of files does not count.
    pub fn max_memory_per_worker(mut self, bytes: u64) -> Self {
        self.settings.max_memory = Some(bytes);
        self
    }

    /// A job is ended, with its worker, when that has more bytes of memory for itself: the job is
    /// [`JoinError::MemoryLimit`]. Looked at every few milliseconds while jobs run, so that a fast
    /// job may have more for a moment. What the job has started does not count, and
    /// [ends with it](Pool#what-ends-with-a-worker).
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.settings.memory_limit = Some(bytes);
        self
    }

    /// A job, or an item of a map, is ended, with its worker, when it runs longer: it is
    /// [`JoinError::TimedOut`]. Time in the queue does not count. All that it has started
    /// [ends with it](Pool#what-ends-with-a-worker). Default: none.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.terms.timeout = Some(job_time(timeout));
        self
    }

    /// A job, or an item of a map, whose worker died is run again, so often. One that dies each
    /// time is [`JoinError::Exhausted`], with how each attempt ended. Panics are results, and not
    /// tried again. Default: 0.
    pub fn retries(mut self, retries: u32) -> Self {
        self.settings.terms.retries = retries;
        self
    }

    /// So long a worker has to end by itself after SIGTERM, when the pool is dropped or
    /// [terminated](Pool::terminate), before it is killed. Default: 2 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = countable(grace);
        self
    }

    /// Records when each job ran on which worker, for [`Pool::timeline`]. Default: off.
    pub fn trace(mut self) -> Self {
        self.settings.trace = true;
        self
    }

    /// Lets the workers write to this process's stderr. Otherwise it is kept for the reports of
    /// crashes, the last lines of each worker, and not shown.
    pub fn show_stderr(mut self) -> Self {
        self.settings.shows_stderr = true;
        self
    }

    /// Starts the workers, and waits until each has run its initializer.
    ///
    /// # Errors
    ///
    /// If a choice makes no sense, a worker cannot be started, or its initializer fails. Workers
    /// that did start end again.
    pub fn build(self) -> Result<Pool<S>, PoolBuildError> {
        let Self { settings, founding, .. } = self;
        let (min, max) = (settings.min, settings.max);
        if min == 0 || max < min || max > MOST_WORKERS {
            return Err(PoolBuildError::WorkerCount { min, max });
        }
        founding.map_err(PoolBuildError::Initializer)?;
        crate::bootstrap::ensure().map_err(io::Error::other)?;
        let shared = Shared::new(settings).map_err(io::Error::from)?;
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("conc-pool".to_owned()).spawn(move || {
            super::OWN_THREAD_OF.set(Arc::as_ptr(&theirs).addr());
            foreman::run(theirs);
        })?;
        // Dropped on any error below: the workers that did start end.
        let pool = Pool { shared, state: PhantomData };
        pool.wait_until_ready(min).map_err(PoolBuildError::Worker)?;
        Ok(pool)
    }
}

impl<S> Pool<S> {
    fn wait_until_ready(&self, workers: usize) -> Result<(), JoinError> {
        let mut state = self.shared.state.lock();
        loop {
            if state.gave_up.is_some() || state.phase == Phase::Over {
                return Err(state.gave_up.clone().unwrap_or(JoinError::Abandoned));
            }
            // A first worker that fails by itself is no accident.
            if let Some(error) = state.last_failure.take_if(|error| !is_killed(error)) {
                return Err(error);
            }
            let ready = state.workers.iter().filter(|worker| worker.stage == Life::Ready);
            if ready.count() >= workers {
                return Ok(());
            }
            self.shared.news.wait(&mut state);
        }
    }
}

fn is_killed(error: &JoinError) -> bool {
    matches!(error, JoinError::Killed { .. } | JoinError::OutOfMemory | JoinError::ServerDied)
}

impl<S> std::fmt::Debug for PoolBuilder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("name", &self.settings.name)
            .field("min", &self.settings.min)
            .field("max", &self.settings.max)
            .field("initializer", &self.settings.initializer.is_some())
            .finish_non_exhaustive()
    }
}
