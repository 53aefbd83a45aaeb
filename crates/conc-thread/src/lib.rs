//! Threads with Python's vocabulary. Today: the pool.
//!
//! | Python | here |
//! |---|---|
//! | `ThreadPoolExecutor`, `multiprocessing.pool.ThreadPool` | [`ThreadPool`] |
//! | `Future`, `AsyncResult` | [`Job`](conc_core::Job) |
//! | `as_completed`, `wait` | [`as_completed`](conc_core::as_completed), [`wait_first`](conc_core::wait_first), [`wait_all`](conc_core::wait_all) |

mod pool;

pub use pool::{BuildError, Builder, Map, MapUnordered, Progress, Stats, ThreadPool, WorkerStats};
