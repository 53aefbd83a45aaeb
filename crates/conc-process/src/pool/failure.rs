//! An error of the work itself, on its way from the worker.

use conc_core::JoinError;
use serde::{Deserialize, Serialize};

/// An error of the work itself, on its way from the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Failure {
    Panicked { message: Box<str>, location: Option<Box<str>> },
    NotDecoded(Box<str>),
    NotEncoded(Box<str>),
}

impl Failure {
    pub(super) fn of(error: &JoinError) -> Self {
        match error {
            JoinError::Panicked { message, location } => {
                Self::Panicked { message: message.clone(), location: location.clone() }
            }
            JoinError::NotDecoded { message } => Self::NotDecoded(message.clone()),
            JoinError::NotEncoded { message } => Self::NotEncoded(message.clone()),
            other => Self::NotEncoded(other.to_string().into()),
        }
    }
}

impl From<Failure> for JoinError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Panicked { message, location } => Self::Panicked { message, location },
            Failure::NotDecoded(message) => Self::NotDecoded { message },
            Failure::NotEncoded(message) => Self::NotEncoded { message },
        }
    }
}
