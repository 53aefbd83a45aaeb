//! Jobs, errors, traits and waiting: what all worlds of the `conc` family share.
//!
//! The family brings Python's concurrency vocabulary to Rust: threads, processes and coroutines
//! behind one set of words. This crate holds the words:
//!
//! | to | use |
//! |---|---|
//! | hand work over, wait for it, cancel it | [`Job`], [`JoinError`] |
//! | write code that runs on threads as well as in processes | [`Executor`], [`Wire`] |
//! | wait for several jobs | [`as_completed`], [`wait_first`], [`wait_all`] |
//! | let an open file travel with a value | [`PortableFd`] |
//! | write code that any queue will do for, or write a queue | [`queue`]: [`QueueCore`], [`BlockingQueue`], [`AsyncQueue`], [`JoinableQueue`] |
//! | write an executor | [`Promise`], [`Control`], [`job::caught`] |
//! | write a primitive | [`Deadline`], [`wait`], [`sys::futex`], [`sync`], [`CachePadded`] |
//! | draw what happened when | [`trace`] |
//!
//! # When to use something else
//!
//! For data-parallel loops over slices, `rayon` is faster and has the better vocabulary. For a
//! server with thousands of sockets, use an async runtime. This family is for *jobs*: handed over,
//! awaited, cancelled, isolated, limited.
//!
//! # Examples
//!
//! ```
//! use conc_core::{Executor, InlineExecutor, as_completed};
//!
//! let executor = InlineExecutor::new();
//! let jobs = ["one", "three", "eleven"]
//!     .map(|word| executor.submit(|word: String| word.len(), word.to_owned()).unwrap());
//! let lengths: Vec<_> = as_completed(jobs).map(|(_, length)| length.unwrap()).collect();
//! assert_eq!(lengths, [3, 5, 6]);
//! ```

pub mod completion;
#[cfg(unix)]
#[doc(hidden)]
pub mod courier;
mod deadline;
mod error;
pub mod executor;
pub mod job;
pub mod queue;
#[doc(hidden)]
pub mod sync;
pub mod sys;
pub mod trace;
pub mod wait;
mod wire;

pub use completion::{
    AsCompleted, JobSet, Waitable, Waited, as_completed, wait_all, wait_all_async,
    wait_all_deadline, wait_all_timeout, wait_first, wait_first_async, wait_first_deadline,
    wait_first_error, wait_first_error_async, wait_first_error_deadline, wait_first_error_timeout,
    wait_first_timeout,
};
#[cfg(unix)]
pub use courier::PortableFd;
pub use crossbeam_utils::CachePadded;
pub use deadline::Deadline;
pub use error::{CrashReport, JoinError, Signal, SubmitError};
pub use executor::{Capabilities, Executor, InlineExecutor};
pub use job::{Control, Job, KillError, Promise};
pub use queue::{AsyncQueue, BlockingQueue, JoinableQueue, QueueCore};
pub use wire::Wire;
