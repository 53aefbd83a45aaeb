//! Queues whose callers may await.

use super::QueueCore;
use std::future::Future;

/// A queue whose callers may await room and items, in any runtime.
///
/// Nothing happens before a future is polled for the first time.
///
/// # Cancel safety
///
/// A future that is dropped before it is ready has done nothing: the item of a put is dropped with
/// it and was never in the queue, a get has taken nothing. If it had been woken, another who waits
/// is woken in its place. To keep an item, give the queue a handle to it, or use
/// [`try_put`](QueueCore::try_put), which gives it back.
///
/// # Fairness
///
/// Who of several waiting is served first is up to the queue.
///
/// # Examples
///
/// ```
/// use conc_core::queue::{AsyncQueue, GetError, QueueCore};
/// # use conc_tests::laws::{ChannelQueue as Queue, scene::block_on};
///
/// async fn relay<Q: AsyncQueue>(from: &Q, to: &Q) -> Result<(), Q::PutError> {
///     while let Ok(item) = from.get_async().await {
///         to.put_async(item).await?;
///     }
///     Ok(())
/// }
///
/// let (from, to) = (Queue::bounded(2), Queue::bounded(2));
/// from.try_put(1).unwrap();
/// from.close();
/// block_on(relay(&from, &to)).unwrap();
/// assert_eq!((to.try_get(), to.try_get()), (Ok(1), Err(GetError::Empty)));
/// ```
///
/// # Python
///
/// `asyncio.Queue`, which belongs to one event loop; this one may be shared with threads.
#[doc(alias = "asyncio.Queue")]
pub trait AsyncQueue: QueueCore {
    /// Puts an item as soon as there is room.
    ///
    /// # Errors
    ///
    /// Closed, at once or while it waited, or what else this queue knows; the item comes back.
    fn put_async(
        &self,
        item: Self::Item,
    ) -> impl Future<Output = Result<(), Self::PutError>> + Send;

    /// Gets an item as soon as there is one.
    ///
    /// # Errors
    ///
    /// Closed, if nothing is left, or what else this queue knows.
    fn get_async(&self) -> impl Future<Output = Result<Self::Item, Self::GetError>> + Send;
}
