//! One call in a process of its own.

use super::{Builder, Stdio};
use crate::SpawnError;
use conc_core::{JoinError, Wire};
use thiserror::Error;

/// Why an isolated call has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IsolateError {
    /// Its process could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// It was started, and has no result.
    #[error(transparent)]
    Join(#[from] JoinError),
}

impl IsolateError {
    /// Why there is no result, if the call was started.
    #[must_use]
    pub const fn join_error(&self) -> Option<&JoinError> {
        match self {
            Self::Join(error) => Some(error),
            Self::Spawn(_) => None,
        }
    }
}

/// Calls `function` with `argument` in a process of its own, and waits for its result.
///
/// Whatever the call does to itself, this program goes on: a crash in it is an error here. What it
/// writes to stderr is kept for the crash report, and not shown.
///
/// In a test it makes a crash a failure of that test alone: the others run on.
///
/// # Errors
///
/// Why there is no result.
///
/// # Examples
///
/// ```
/// use conc_process::isolate;
///
/// fn parse(bytes: Vec<u8>) -> usize {
///     if bytes.is_empty() {
///         // A bug in a C library that cannot be repaired.
///         unsafe { std::ptr::null_mut::<u8>().write_volatile(0) };
///     }
///     bytes.len()
/// }
///
/// assert_eq!(isolate(parse, vec![1, 2, 3])?, 3);
/// let error = isolate(parse, vec![]).unwrap_err();
/// assert!(error.to_string().starts_with("killed by SIGSEGV"));
/// # Ok::<(), conc_process::IsolateError>(())
/// ```
pub fn isolate<A: Wire, R: Wire>(function: fn(A) -> R, argument: A) -> Result<R, IsolateError> {
    let builder = Builder::new().name("isolated").stderr(Stdio::captured());
    Ok(builder.spawn(function, argument)?.join()?)
}
