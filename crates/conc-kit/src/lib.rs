#![doc = include_str!("../README.md")]
//!
//! # Crate features
//!
//! | feature | default | enables |
//! |---|:-:|---|
//! | `process` | yes | [`process`]: processes that run functions (Linux) |
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

/// Processes that run a function of this program.
#[cfg(all(feature = "process", target_os = "linux"))]
pub mod process {
    pub use conc_process::{
        Builder, ChildProcess, CurrentProcess, ExitStatus, IsolateError, ParentProcess, Process,
        ProcessExecutor, Scope, SpawnError, StartMethod, Stdio, children, cpu_count, current, init,
        isolate, parent, preload, scope, take_passed,
    };
}

#[cfg(all(feature = "process", target_os = "linux"))]
pub use conc_process::isolate;
