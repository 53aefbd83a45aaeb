//! Why an item was not put, where there are two reasons.

use super::PutFailure;
use std::fmt;
use thiserror::Error;

/// Why an item was not put into a queue that can only be full or closed; the item comes back.
///
/// # Examples
///
/// ```
/// use conc_core::queue::PutError;
///
/// let error = PutError::Full(7);
/// assert_eq!(error.to_string(), "the queue is full");
/// assert_eq!(error.into_inner(), 7);
/// ```
///
/// # Python
///
/// `queue.Full` and, since 3.13, `queue.ShutDown`; there the item does not come back.
#[doc(alias = "ShutDown")]
#[derive(Error, Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// There was no room, at once or in time.
    #[error("the queue is full")]
    Full(T),
    /// The queue is closed.
    #[error("the queue is closed")]
    Closed(T),
}

impl<T> PutError<T> {
    /// What was to be put.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }
}

impl<T> PutFailure for PutError<T> {
    type Item = T;

    fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    fn into_item(self) -> T {
        self.into_inner()
    }
}

/// Does not ask `T` for `Debug`: closures have none.
impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}
