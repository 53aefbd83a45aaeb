//! What every queue can do without waiting.

use super::{GetFailure, PutFailure};

/// What every queue can do without waiting: put if there is room, get if something is there, close.
///
/// Handles of one queue are used by several threads or processes at once, so everything takes
/// `&self`.
///
/// # What all queues promise
///
/// - An item that was put is got once: none is lost, none comes twice. A queue with redelivery says
///   so and counts.
/// - Items of one producer come out in the order in which they were put, unless the queue is
///   ordered otherwise (last in first out, by priority) and says so.
/// - The capacity is exact: so many items are accepted, and not one more.
/// - After [`close`](Self::close) no item goes in. What is inside can be got; then getting fails as
///   closed, for ever. Whoever is blocked wakes.
///
/// # Memory ordering
///
/// All that was done before an item was put is visible to whoever got it.
///
/// # If the holder dies
///
/// A thread that ends leaves its queues as they are. A queue between processes says what it does
/// when one of them is killed.
///
/// # Examples
///
/// Dyn-compatible, as [`BlockingQueue`](super::BlockingQueue) and
/// [`JoinableQueue`](super::JoinableQueue) are:
///
/// ```
/// use conc_core::queue::{GetError, PutError, QueueCore};
/// # use conc_tests::laws::ChannelQueue as Queue;
///
/// type Any = dyn QueueCore<Item = u64, PutError = PutError<u64>, GetError = GetError>;
/// let queue: Box<Any> = Box::new(Queue::bounded(1));
/// assert_eq!(queue.try_put(1), Ok(()));
/// assert_eq!(queue.try_put(2), Err(PutError::Full(2)));
/// queue.close();
/// assert_eq!(queue.try_get(), Ok(1));
/// assert_eq!(queue.try_get(), Err(GetError::Closed));
/// ```
///
/// # Python
///
/// What `queue.Queue` and `multiprocessing.Queue` share. There `put_nowait` of a process queue
/// returns before the item is in, its `empty` and `full` are unreliable, and one that is closed
/// cannot be drained by its owner.
#[doc(alias = "SimpleQueue")]
pub trait QueueCore {
    /// What goes in and comes out.
    type Item;

    /// Why an item was not put.
    type PutError: PutFailure<Item = Self::Item>;

    /// Why no item was got.
    type GetError: GetFailure;

    /// Puts an item if there is room for it.
    ///
    /// # Errors
    ///
    /// Closed, full, or what else this queue knows; the item comes back. A queue that is both is
    /// closed.
    #[doc(alias = "put_nowait")]
    fn try_put(&self, item: Self::Item) -> Result<(), Self::PutError>;

    /// Gets an item if there is one.
    ///
    /// # Errors
    ///
    /// Empty; closed, if nothing can come any more; or what else this queue knows.
    #[doc(alias = "get_nowait")]
    fn try_get(&self) -> Result<Self::Item, Self::GetError>;

    /// Items inside, at some moment of the call; never more than the capacity.
    #[doc(alias = "qsize")]
    fn len(&self) -> usize;

    /// Whether nothing is inside, at some moment of the call.
    #[doc(alias = "empty")]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room, at some moment of the call.
    #[doc(alias = "full")]
    fn is_full(&self) -> bool {
        self.capacity().is_some_and(|capacity| self.len() >= capacity)
    }

    /// So many items fit in; `None` if the queue has no limit.
    #[doc(alias = "maxsize")]
    fn capacity(&self) -> Option<usize>;

    /// Accepts no more items and wakes whoever is blocked. Never waits; closing again does nothing.
    ///
    /// Who puts at the same moment either succeeds, and the item will be got, or gets it back.
    ///
    /// # Python
    ///
    /// `Queue.shutdown()`, since 3.13. The `close` of a `multiprocessing.Queue` concerns the
    /// calling process alone.
    #[doc(alias = "shutdown")]
    fn close(&self);

    /// Whether the queue was closed. There may be items inside.
    #[doc(alias = "is_shutdown")]
    fn is_closed(&self) -> bool;
}
