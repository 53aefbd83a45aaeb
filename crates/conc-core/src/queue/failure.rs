//! What the errors of all queues can be asked.

use std::error::Error;

/// Why an item was not put, for code that does not know the queue; the item comes back.
///
/// A queue may have further ways to fail: then both questions are answered with no, and the text
/// says what it was.
///
/// # Examples
///
/// ```
/// use conc_core::queue::{PutError, PutFailure};
///
/// fn worth_another_try(failure: &impl PutFailure) -> bool {
///     failure.is_full()
/// }
/// assert!(worth_another_try(&PutError::Full("item")));
/// assert!(!worth_another_try(&PutError::Closed("item")));
/// assert_eq!(PutError::Closed("item").into_item(), "item");
/// ```
pub trait PutFailure: Error {
    /// What was to be put.
    type Item;

    /// Whether there was no room, at once or in time.
    fn is_full(&self) -> bool;

    /// Whether the queue is closed.
    fn is_closed(&self) -> bool;

    /// What was to be put.
    fn into_item(self) -> Self::Item
    where
        Self: Sized;
}

/// Why no item was got, for code that does not know the queue.
///
/// A queue may have further ways to fail: then both questions are answered with no, and the text
/// says what it was.
///
/// # Examples
///
/// ```
/// use conc_core::queue::{GetError, GetFailure};
///
/// fn worth_another_try(failure: &impl GetFailure) -> bool {
///     failure.is_empty()
/// }
/// assert!(worth_another_try(&GetError::Empty));
/// assert!(!worth_another_try(&GetError::Closed));
/// ```
pub trait GetFailure: Error {
    /// Whether nothing was there, at once or in time.
    fn is_empty(&self) -> bool;

    /// Whether the queue is closed and nothing is left in it.
    fn is_closed(&self) -> bool;
}
