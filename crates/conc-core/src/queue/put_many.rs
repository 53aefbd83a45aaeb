//! Why a batch was not put to its end.

use std::fmt;
use thiserror::Error;

/// Why a batch was not put to its end; what is not in the queue comes back.
///
/// # Examples
///
/// ```
/// use conc_core::queue::{BlockingQueue, PutFailure, QueueCore};
/// # use conc_tests::laws::ChannelQueue as Queue;
///
/// let queue = Queue::bounded(10);
/// queue.close();
/// let failed = queue.put_many([1, 2, 3]).unwrap_err();
/// assert_eq!(failed.accepted, 0);
/// let back: Vec<_> = std::iter::once(failed.error.into_item()).chain(failed.rest).collect();
/// assert_eq!(back, [1, 2, 3]);
/// ```
#[derive(Error)]
#[error("{error}, after {accepted} items of the batch")]
pub struct PutManyError<E, I> {
    /// So many items of the batch are in the queue, or have been got already.
    pub accepted: usize,
    /// Why the next one was not put; it is in here.
    pub error: E,
    /// Those after it.
    pub rest: I,
}

/// Does not ask the iterator for `Debug`: those over closures have none.
impl<E: fmt::Debug, I> fmt::Debug for PutManyError<E, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutManyError")
            .field("accepted", &self.accepted)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
