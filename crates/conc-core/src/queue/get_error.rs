//! Why no item was got, where there are two reasons.

use super::GetFailure;
use thiserror::Error;

/// Why no item was got from a queue that can only be empty or closed.
///
/// # Examples
///
/// ```
/// use conc_core::queue::GetError;
///
/// assert_eq!(GetError::Empty.to_string(), "the queue is empty");
/// ```
///
/// # Python
///
/// `queue.Empty` and, since 3.13, `queue.ShutDown`.
#[doc(alias = "ShutDown")]
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum GetError {
    /// Nothing was there, at once or in time.
    #[error("the queue is empty")]
    Empty,
    /// The queue is closed, and nothing is left in it.
    #[error("the queue is closed and empty")]
    Closed,
}

impl GetFailure for GetError {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}
