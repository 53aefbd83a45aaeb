#![doc = include_str!("../README.md")]
//!
//! # Crate features
//!
//! | feature | default | enables |
//! |---|:-:|---|
//! | `process` | yes | [`process`]: processes that run functions, queues between them (Linux) |
//! | `thread` | yes | [`thread`]: the pool of threads |
//! | `indicatif` | no | progress bars for maps |
#![forbid(unsafe_code)]

pub use conc_core::{
    AsCompleted, CachePadded, Capabilities, Control, CrashReport, Deadline, Executor,
    InlineExecutor, Job, JobSet, JoinError, KillError, PortableFd, Promise, Signal, SubmitError,
    Waitable, Waited, Wire, as_completed, wait_all, wait_all_async, wait_all_deadline,
    wait_all_timeout, wait_first, wait_first_async, wait_first_deadline, wait_first_error,
    wait_first_error_async, wait_first_error_deadline, wait_first_error_timeout,
    wait_first_timeout,
};

pub use conc_core::executor::blocking;
pub use conc_core::trace;

/// What the queues of all worlds have in common: traits, and the errors of queues that know no
/// others. The queues themselves are in their worlds.
pub mod queue {
    pub use conc_core::queue::{
        AsyncQueue, BlockingQueue, GetError, GetFailure, JoinableQueue, PutError, PutFailure,
        PutManyError, QueueCore, TaskDoneError,
    };
}

/// Threads. Today: the pool.
#[cfg(feature = "thread")]
pub mod thread {
    pub use conc_thread::{
        BuildError, Builder, Map, MapUnordered, Progress, Stats, ThreadPool, WorkerStats,
    };
}

/// Processes that run a function of this program, and queues between them.
#[cfg(all(feature = "process", target_os = "linux"))]
pub mod process {
    pub use conc_process::{
        Builder, ChildProcess, CurrentProcess, ExitStatus, IsolateError, ParentProcess, Pool,
        PoolBuildError, PoolBuilder, PoolMap, PoolMapUnordered, PoolStats, PoolTerms,
        PoolWorkerStats, Process, ProcessExecutor, Progress, Scope, SpawnError, StartMethod, Stdio,
        children, cpu_count, current, init, isolate, parent, preload, scope, take_passed,
    };
    pub use conc_shm::queue::{PlainQueue, Queue};

    /// Queues between processes: choices, leases, loans, errors, and an inspector.
    pub mod queue {
        pub use conc_shm::queue::{
            Builder, Encoded, Form, GetError, Inspector, JoinQueueError, Lease, LeaseInfo, Leasing,
            Loan, Plain, PlainQueue, PutError, Queue, Snapshot, TaskDoneError, WriterInfo,
        };
        pub use conc_shm::{
            AttachError, CreateError, Member, MemberInfo, MemberState, OutOfMemory, SegmentId,
            Shared,
        };
    }
}

#[cfg(all(feature = "process", target_os = "linux"))]
pub use conc_process::isolate;
