//! Why a process could not be started.

use crate::ExitStatus;
use conc_core::SubmitError;
use std::io;
use thiserror::Error;

/// Why a process could not be started.
///
/// # Python
///
/// `OSError`, `AssertionError`, `RuntimeError`, `PicklingError`, or a hang.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// This program, started again, would run its `main`: the crate is part of a library that a
    /// foreign program loaded, or the feature `auto-init` is off and [`init`](crate::init) was not
    /// called.
    #[error("this program cannot be started as a fork server: the hook did not run at its start")]
    NoBootstrap,
    /// The function's code is not part of the main executable, so that another process could not
    /// find it.
    #[error("the function lies outside of the main executable and cannot travel")]
    NotPortable,
    /// The argument could not be encoded, or holds more than 253 descriptors.
    #[error("the argument cannot be encoded: {message}")]
    NotEncoded {
        /// What the encoder said.
        message: Box<str>,
    },
    /// This process was made with [`childless`](crate::Builder::childless).
    #[error("this process may not have children")]
    NotAllowed,
    /// The fork server ended or refused before it was ready.
    #[error("the fork server did not start: {reason}{}", ended(*status))]
    ServerStart {
        /// What it said, or what was waited for.
        reason: Box<str>,
        /// How it ended, if it did.
        status: Option<ExitStatus>,
    },
    /// The fork server died while it made the process. What was begun dies with it; the next spawn
    /// starts a new server.
    #[error("the fork server died")]
    ServerDied,
    /// The fork server could not make the process.
    #[error("the fork server cannot {what}: {source}")]
    Refused {
        /// What it could not do.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A system call of this process failed.
    #[error("cannot {what}: {source}")]
    System {
        /// What it could not do.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn ended(status: Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(" ({status})"))
}

impl SpawnError {
    /// The same fact about work for an executor.
    pub(crate) fn with<W>(self, work: W) -> SubmitError<W> {
        match self {
            Self::NotPortable => SubmitError::NotPortable(work),
            Self::NotEncoded { message } => SubmitError::NotEncoded { work, message },
            Self::System { source, .. } | Self::Refused { source, .. } => {
                SubmitError::NotStarted { work, source }
            }
            other => SubmitError::NotStarted { work, source: io::Error::other(other) },
        }
    }
}

/// Names what failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T, SpawnError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: &'static str) -> Result<T, SpawnError> {
        self.map_err(|error| SpawnError::System { what, source: error.into() })
    }
}
