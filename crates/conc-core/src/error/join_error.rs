//! Why a piece of work has no result.

use super::{CrashReport, Signal};
use std::panic::resume_unwind;
use thiserror::Error;

/// Why a piece of work has no result: the fact, not the mood.
///
/// One type for all worlds. A thread pool reports [`Panicked`](Self::Panicked) and
/// [`Cancelled`](Self::Cancelled); worlds that isolate their work add the ways in which a process
/// can end.
///
/// # Python
///
/// `Future.exception()`, `BrokenProcessPool`, `CancelledError`, or a `get()` that never returns.
#[doc(alias = "BrokenProcessPool")]
#[doc(alias = "CancelledError")]
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The work panicked.
    #[error("panicked{}: {message}", at(location.as_deref()))]
    Panicked {
        /// The panic's message, or a note that its payload was not text.
        message: Box<str>,
        /// `file:line:column` of the panic. Missing if the program has replaced the panic hook
        /// after this family's was set.
        location: Option<Box<str>>,
    },
    /// The job was cancelled while it was queued, or its executor was dropped before the job's
    /// turn came.
    #[error("cancelled before it ran")]
    Cancelled,
    /// Whoever was to finish the job went away without doing so.
    #[error("abandoned: its promise was dropped")]
    Abandoned,
    /// Waiting here could never end: the waiting thread itself would have to do the work, and
    /// cannot.
    #[error("waiting for it here would deadlock")]
    WouldDeadlock,
    /// The process that ran it was ended by a signal.
    #[error("killed by {signal}{}", if *core { " (core dumped)" } else { "" })]
    Killed {
        /// The signal.
        signal: Signal,
        /// Whether the system wrote a core file.
        core: bool,
        /// What could be saved of the crash.
        report: Option<Box<CrashReport>>,
    },
    /// The process that ran it exited before it delivered a result.
    #[error("its process exited with code {code} and no result")]
    Exited {
        /// The exit code.
        code: i32,
        /// What could be saved of the end.
        report: Option<Box<CrashReport>>,
    },
    /// It ran longer than it was allowed to, and was ended.
    #[error("timed out and was ended")]
    TimedOut,
    /// It used more memory than it was allowed to, and was ended.
    #[error("ended for its memory: {seen} bytes seen, {limit} allowed")]
    MemoryLimit {
        /// The limit in bytes.
        limit: u64,
        /// The bytes that were seen when it was ended.
        seen: u64,
    },
    /// The system ended it because memory ran out.
    #[error("ended by the system: out of memory")]
    OutOfMemory,
    /// Its process was made, and could not make itself ready for the work.
    #[error("its process could not be prepared: {message}")]
    NotStarted {
        /// What it could not do, and what the system said.
        message: Box<str>,
    },
    /// This process is a copy (by `fork`) of the one that holds the handle.
    #[error("the handle belongs to the process that this one was forked from")]
    Forked,
    /// The fork server ended while the job ran.
    #[error("the fork server died")]
    ServerDied,
    /// Each attempt to run it ended with its process.
    #[error("failed {} times, the last time: {}", attempts.len(), last(attempts))]
    Exhausted {
        /// How each attempt ended, the first first.
        attempts: Box<[JoinError]>,
    },
    /// The argument did not survive the journey.
    #[error("its argument cannot be decoded: {message}")]
    NotDecoded {
        /// What the decoder said.
        message: Box<str>,
    },
    /// The result cannot make the journey.
    #[error("its result cannot be encoded: {message}")]
    NotEncoded {
        /// What the encoder said.
        message: Box<str>,
    },
}

impl JoinError {
    /// Whether the work panicked.
    #[must_use]
    pub const fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked { .. })
    }

    /// Whether the job was cancelled.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// What could be saved when the process died.
    #[must_use]
    pub fn crash_report(&self) -> Option<&CrashReport> {
        match self {
            Self::Killed { report, .. } | Self::Exited { report, .. } => report.as_deref(),
            Self::Exhausted { attempts } => attempts.last()?.crash_report(),
            _ => None,
        }
    }

    /// Goes on panicking here with this error's text; the panic hook is not called again.
    ///
    /// # Panics
    ///
    /// Always.
    pub fn resume_panic(self) -> ! {
        resume_unwind(Box::new(self.to_string()))
    }
}

fn at(location: Option<&str>) -> String {
    location.map_or_else(String::new, |location| format!(" at {location}"))
}

fn last(attempts: &[JoinError]) -> String {
    attempts.last().map_or_else(String::new, ToString::to_string)
}

#[cfg(not(conc_loom))]
const _: () = assert!(size_of::<JoinError>() <= 40, "results carry one of these");
