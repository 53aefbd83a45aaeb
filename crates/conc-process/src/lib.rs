//! Python's `multiprocessing` for Rust: processes that run a function of this program.
//!
//! | to | use |
//! |---|---|
//! | call a function that may crash, leak or hang | [`isolate`] |
//! | run a function in a process, talk about it, wait for it, end it | [`Process`], [`Builder`] |
//! | hand over an open file, a pipe, a socket, in whatever value | [`PortableFd`](conc_core::PortableFd) |
//! | be sure that nothing is left behind | [`scope`] |
//! | run many jobs, isolated, at nearly the price of threads | [`Pool`] |
//! | run portable work, a process for each job | [`ProcessExecutor`] |
//! | know where one is | [`current`], [`parent`], [`children`], [`cpu_count`] |
//! | have it warm | [`preload`] |
//!
//! Nothing has to be called in `main`, and nothing in tests.
//!
//! # How it works
//!
//! At the first spawn the program starts itself once more. A hook that runs before `main` turns
//! that copy into a *fork server*: single-threaded from birth, small, and therefore able to make
//! processes fast and safely, whatever threads and gigabytes the program itself has. A function
//! travels as its distance from the start of the executable, its argument and its result encoded
//! by serde.
//!
//! # Promises
//!
//! - A process that crashes, exits or is killed at whatever moment is an error with the reason:
//!   signal, exit code, faulting address, frames, last lines of stderr.
//! - When the program ends, even by SIGKILL, its processes end, unless they were detached.
//! - There are no zombies, and a number is never mistaken for another process.
//! - Ctrl-C in a terminal reaches the program alone, which decides: its processes lead their own
//!   process groups.
//! - A process gets no descriptors but what was asked for. Those that travel inside an argument or
//!   a result arrive with it or are closed, whoever dies on the way.
//!
//! # Where it does not work
//!
//! Linux only, with `/proc`, from 5.3 on (`pidfd_open`). A program that a foreign host loaded as a
//! library gets [`SpawnError::NoBootstrap`]; a function that lives in a shared library,
//! [`SpawnError::NotPortable`]. A program that was started with more rights than its caller
//! (setuid) never becomes a server: [`SpawnError::ServerStart`].
//!
//! # When to use something else
//!
//! For other programs use [`std::process::Command`]; for speed alone, threads.
//!
//! # Examples
//!
//! ```
//! use conc_process::isolate;
//!
//! fn decode(picture: Vec<u8>) -> usize {
//!     picture.len() // A C library that sometimes crashes.
//! }
//!
//! match isolate(decode, vec![1, 2, 3]) {
//!     Ok(size) => assert_eq!(size, 3),
//!     Err(error) => println!("that one is broken: {error}"), // killed by SIGSEGV
//! }
//! ```

#[cfg(not(target_os = "linux"))]
compile_error!("conc-process needs Linux: pidfds, /proc/self/exe and PR_SET_PDEATHSIG");

// A model has no processes: under loom there are only the words of a ring.
#[cfg(not(conc_loom))]
mod bootstrap;
#[cfg(not(conc_loom))]
mod child;
#[cfg(not(conc_loom))]
mod client;
#[cfg(not(conc_loom))]
mod error;
#[cfg(not(conc_loom))]
mod executor;
#[cfg(not(conc_loom))]
mod pool;
#[cfg(not(conc_loom))]
mod process;
#[cfg(not(conc_loom))]
mod protocol;
#[cfg(not(conc_loom))]
mod server;
#[cfg(not(conc_loom))]
mod supervisor;
#[cfg(not(conc_loom))]
mod sys;

#[cfg(all(conc_loom, test))]
mod pool {
    mod ring {
        mod claim;
        mod models;
        mod sleeper;
        mod span;
    }
}

#[cfg(not(conc_loom))]
pub use bootstrap::init;
#[cfg(not(conc_loom))]
pub use client::preload;
#[cfg(not(conc_loom))]
pub use error::SpawnError;
#[cfg(not(conc_loom))]
pub use executor::ProcessExecutor;
#[cfg(not(conc_loom))]
pub use pool::{
    Pool, PoolBuildError, PoolBuilder, PoolMap, PoolMapUnordered, PoolStats, PoolTerms,
    PoolWorkerStats, Progress,
};
#[cfg(not(conc_loom))]
pub use process::{
    Builder, ChildProcess, CurrentProcess, ExitStatus, IsolateError, ParentProcess, Process, Scope,
    StartMethod, Stdio, children, cpu_count, current, isolate, parent, scope, take_passed,
};
