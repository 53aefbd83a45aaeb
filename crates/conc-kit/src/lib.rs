#![doc = include_str!("../README.md")]
//!
//! # Crate features
//!
//! | feature | default | enables |
//! |---|:-:|---|
//! | `thread` | yes | [`thread`]: the pool of threads |
//! | `indicatif` | no | progress bars for maps |
#![forbid(unsafe_code)]

pub use conc_core::{
    AsCompleted, CachePadded, Capabilities, Control, CrashReport, Deadline, Executor,
    InlineExecutor, Job, JobSet, JoinError, KillError, Promise, Signal, SubmitError, Waitable,
    Waited, Wire, as_completed, wait_all, wait_all_async, wait_all_deadline, wait_all_timeout,
    wait_first, wait_first_async, wait_first_deadline, wait_first_error, wait_first_error_async,
    wait_first_error_deadline, wait_first_error_timeout, wait_first_timeout,
};

pub use conc_core::executor::blocking;
pub use conc_core::trace;

/// Threads. Today: the pool.
#[cfg(feature = "thread")]
pub mod thread {
    pub use conc_thread::{
        BuildError, Builder, Map, MapUnordered, Progress, Stats, ThreadPool, WorkerStats,
    };
}
