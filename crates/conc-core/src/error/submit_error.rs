//! Why a piece of work was not accepted.

use std::fmt;
use thiserror::Error;

/// Why a piece of work was not accepted; what was moved in comes back.
///
/// # Examples
///
/// ```
/// use conc_core::{Executor, InlineExecutor, SubmitError};
///
/// let executor = InlineExecutor::new();
/// executor.shutdown();
/// let error = executor.submit(|n: u64| n + 1, 41).unwrap_err();
/// assert!(matches!(error, SubmitError::Closed(41)));
/// ```
///
/// # Python
///
/// `RuntimeError('cannot schedule new futures after shutdown')`, and the work is lost.
#[derive(Error)]
#[non_exhaustive]
pub enum SubmitError<W> {
    /// The executor has been shut down.
    #[error("the executor is shut down")]
    Closed(W),
    /// The executor's queue is at its limit.
    #[error("the executor's queue is full")]
    Full(W),
    /// The function's address lies outside of the main executable, so that another process could
    /// not find it.
    #[error("the function lies outside of the main executable and cannot travel")]
    NotPortable(W),
    /// The argument could not be encoded.
    #[error("the argument cannot be encoded: {message}")]
    NotEncoded {
        /// What was to be submitted.
        work: W,
        /// What the encoder said.
        message: Box<str>,
    },
    /// The executor could not start what it needs to run the work.
    #[error("no worker can be started: {source}")]
    NotStarted {
        /// What was to be submitted.
        work: W,
        /// What the system said.
        source: std::io::Error,
    },
}

impl<W> SubmitError<W> {
    /// What was to be submitted.
    #[must_use]
    pub fn into_inner(self) -> W {
        match self {
            Self::Closed(work)
            | Self::Full(work)
            | Self::NotPortable(work)
            | Self::NotEncoded { work, .. }
            | Self::NotStarted { work, .. } => work,
        }
    }

    /// The same error around something else.
    #[must_use]
    pub fn map<V>(self, change: impl FnOnce(W) -> V) -> SubmitError<V> {
        match self {
            Self::Closed(work) => SubmitError::Closed(change(work)),
            Self::Full(work) => SubmitError::Full(change(work)),
            Self::NotPortable(work) => SubmitError::NotPortable(change(work)),
            Self::NotEncoded { work, message } => {
                SubmitError::NotEncoded { work: change(work), message }
            }
            Self::NotStarted { work, source } => {
                SubmitError::NotStarted { work: change(work), source }
            }
        }
    }
}

/// Does not ask `W` for `Debug`: closures have none.
impl<W> fmt::Debug for SubmitError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::Full(_) => f.write_str("Full(..)"),
            Self::NotPortable(_) => f.write_str("NotPortable(..)"),
            Self::NotEncoded { message, .. } => {
                f.debug_struct("NotEncoded").field("message", message).finish_non_exhaustive()
            }
            Self::NotStarted { source, .. } => {
                f.debug_struct("NotStarted").field("source", source).finish_non_exhaustive()
            }
        }
    }
}
