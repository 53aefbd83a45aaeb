//! The choices of a pool.

use super::ThreadPool;
use super::registry::Registry;
use conc_core::JoinError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::channel;
use thiserror::Error;

/// The standard library's default, too.
const STACK_SIZE: usize = 2 << 20;
const MAX_SPARES: usize = 256;
const MIN_STACK_SIZE: usize = 64 << 10;
/// More threads than any system runs.
const MAX_THREADS: usize = 1 << 16;

type Initializer = Arc<dyn Fn(usize) + Send + Sync>;

/// The choices of a [`ThreadPool`].
///
/// # Examples
///
/// ```
/// use conc_thread::ThreadPool;
///
/// let pool = ThreadPool::builder()
///     .workers(2)
///     .name("hasher")
///     .initializer(|index| eprintln!("thread {index} is ready"))
///     .build()?;
/// let name = pool.submit(|| std::thread::current().name().map(str::to_owned)).unwrap();
/// assert!(name.join().unwrap().unwrap().starts_with("hasher_"));
/// # Ok::<(), conc_thread::BuildError>(())
/// ```
///
/// # Python
///
/// The arguments of `ThreadPoolExecutor`: `max_workers`, `thread_name_prefix`, `initializer`.
#[derive(Clone)]
#[must_use = "a builder builds nothing before `build`"]
pub struct Builder {
    settings: Settings,
}

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) workers: usize,
    pub(super) max_spares: usize,
    pub(super) stack_size: usize,
    pub(super) name: String,
    pub(super) trace: bool,
    initializer: Option<Initializer>,
}

impl Settings {
    pub(super) fn initialize(&self, index: usize) {
        if let Some(initializer) = &self.initializer {
            initializer(index);
        }
    }
}

/// Why a pool was not built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A pool needs at least one worker.
    #[error("a pool needs at least one worker")]
    NoWorkers,
    /// No system runs so many threads: 65536 is the most.
    #[error("{workers} workers are more than a pool can have, 65536 are the most")]
    TooManyWorkers {
        /// What was asked for.
        workers: usize,
    },
    /// Threads cannot have a name with a zero byte in it.
    #[error("a name cannot contain a zero byte")]
    BadName,
    /// Jobs need room: at least 64 KiB of stack.
    #[error("a stack of {bytes} bytes is too small, 65536 is the least")]
    StackTooSmall {
        /// What was asked for.
        bytes: usize,
    },
    /// The system refused to start a thread.
    #[error("a worker cannot be started: {0}")]
    NotStarted(#[from] io::Error),
    /// The initializer panicked on a worker.
    #[error("the initializer {0}")]
    Initializer(#[source] JoinError),
}

impl Builder {
    pub(super) fn new() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            settings: Settings {
                workers,
                max_spares: MAX_SPARES,
                stack_size: STACK_SIZE,
                name: "conc".to_owned(),
                trace: false,
                initializer: None,
            },
        }
    }

    /// How many jobs run at the same moment, except for an instant after one that slept woke.
    /// Default: the CPUs that this process may use, by its
    /// affinity and its cgroup's quota.
    #[doc(alias = "max_workers")]
    #[doc(alias = "processes")]
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.workers = workers;
        self
    }

    /// The prefix of the threads' names; `_0`, `_1` and so on follow. Default: `conc`.
    #[doc(alias = "thread_name_prefix")]
    pub fn name(mut self, prefix: impl Into<String>) -> Self {
        self.settings.name = prefix.into();
        self
    }

    /// Runs on each thread before its first job, with the thread's number. Spare threads run it,
    /// too, with higher numbers. If it panics on a worker, [`build`](Self::build) fails; a spare does
    /// not start, and none is tried for the next 0.1 s.
    pub fn initializer(mut self, initializer: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.settings.initializer = Some(Arc::new(initializer));
        self
    }

    /// The stack of each thread, in bytes. Default: 2 MiB. Half of it is for jobs that run inside
    /// jobs while these wait for them.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.settings.stack_size = bytes;
        self
    }

    /// How many threads may stand in for threads that sleep inside jobs. Default: 256. They are
    /// started when work waits, and leave after a second without work. With 0, jobs that wait for
    /// something other than their own pool's queued jobs can block the pool. More than 65536
    /// threads in all are never started.
    pub fn max_spares(mut self, threads: usize) -> Self {
        self.settings.max_spares = threads;
        self
    }

    /// Records when each job ran on which worker, for [`ThreadPool::timeline`]. Default: off. Costs
    /// two looks at the clock a job, and memory for a million jobs a worker at the most.
    pub fn trace(mut self) -> Self {
        self.settings.trace = true;
        self
    }

    /// Starts the workers and waits until each has run its initializer.
    ///
    /// # Errors
    ///
    /// If a choice makes no sense, a thread cannot be started, or an initializer panics. Threads
    /// that did start end again.
    pub fn build(self) -> Result<ThreadPool, BuildError> {
        let mut settings = self.settings;
        if settings.workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        if settings.workers > MAX_THREADS {
            return Err(BuildError::TooManyWorkers { workers: settings.workers });
        }
        if settings.name.contains('\0') {
            return Err(BuildError::BadName);
        }
        settings.max_spares = settings.max_spares.min(MAX_THREADS - settings.workers);
        if settings.stack_size < MIN_STACK_SIZE {
            return Err(BuildError::StackTooSmall { bytes: settings.stack_size });
        }
        let workers = settings.workers;
        // Dropped on any error below: the workers that did start end.
        let pool = ThreadPool { registry: Arc::new(Registry::new(settings)) };
        let (report, reports) = channel();
        for _ in 0..workers {
            let report = report.clone();
            pool.registry.start_worker(move |ready| drop(report.send(ready)))?;
        }
        drop(report);
        for _ in 0..workers {
            let ready = reports.recv().map_err(|_| io::Error::other("a worker did not begin"))?;
            ready.map_err(BuildError::Initializer)?;
        }
        Ok(pool)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.settings.workers)
            .field("max_spares", &self.settings.max_spares)
            .field("stack_size", &self.settings.stack_size)
            .field("name", &self.settings.name)
            .field("trace", &self.settings.trace)
            .field("initializer", &self.settings.initializer.is_some())
            .finish()
    }
}
