//! Queues whose callers may wait.

use super::put_many::PutManyError;
use super::{GetFailure, QueueCore};
use crate::Deadline;
use std::time::{Duration, Instant};

/// A queue whose callers may wait: until there is room, until there is an item, or until a moment.
///
/// A put whose time runs out is *full*, a get whose time runs out is *empty*: the same errors as
/// those of the calls that never wait. No wait ends before its time.
///
/// An implementation brings [`put_until`](Self::put_until) and [`get_until`](Self::get_until); the
/// whole family goes through these two doors.
///
/// # Fairness
///
/// Who of several waiting is served first is up to the queue. None is passed over for ever while
/// others are served, unless the queue says so.
///
/// # Examples
///
/// ```
/// use conc_core::queue::{BlockingQueue, QueueCore};
/// # use conc_tests::laws::ChannelQueue as Queue;
/// use std::thread;
///
/// fn sum(queue: &impl BlockingQueue<Item = u64>) -> u64 {
///     let mut sum = 0;
///     while let Ok(item) = queue.get() {
///         sum += item;
///     }
///     sum
/// }
///
/// let queue = Queue::bounded(2);
/// thread::scope(|scope| {
///     let summing = scope.spawn(|| sum(&queue));
///     queue.put_many(1..=100).unwrap();
///     queue.close();
///     assert_eq!(summing.join().unwrap(), 5050);
/// });
/// ```
///
/// # Python
///
/// `queue.Queue`, whose `put` and `get` take `block` and `timeout` instead of being several.
#[doc(alias = "Queue")]
pub trait BlockingQueue: QueueCore {
    /// Puts an item; waits for room until the deadline, `None` for ever. One look is taken even if
    /// the deadline is past.
    ///
    /// For implementations; callers have [`put`](Self::put), [`put_timeout`](Self::put_timeout) and
    /// [`put_deadline`](Self::put_deadline).
    ///
    /// # Errors
    ///
    /// Full, when the time is up; closed, at once or while it waited; or what else this queue
    /// knows. The item comes back.
    fn put_until(&self, item: Self::Item, deadline: Option<Deadline>)
    -> Result<(), Self::PutError>;

    /// Gets an item; waits for one until the deadline, `None` for ever. One look is taken even if
    /// the deadline is past.
    ///
    /// For implementations; callers have [`get`](Self::get), [`get_timeout`](Self::get_timeout) and
    /// [`get_deadline`](Self::get_deadline).
    ///
    /// # Errors
    ///
    /// Empty, when the time is up; closed, if nothing is left; or what else this queue knows.
    fn get_until(&self, deadline: Option<Deadline>) -> Result<Self::Item, Self::GetError>;

    /// Puts an item; waits for room.
    ///
    /// # Errors
    ///
    /// Closed, at once or while it waited, or what else this queue knows; the item comes back.
    fn put(&self, item: Self::Item) -> Result<(), Self::PutError> {
        self.put_until(item, None)
    }

    /// Puts an item; waits for room at most so long.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), and full when the time is up.
    fn put_timeout(&self, item: Self::Item, timeout: Duration) -> Result<(), Self::PutError> {
        self.put_until(item, Deadline::after(timeout))
    }

    /// Puts an item; waits for room at most until then.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), and full when the time is up.
    fn put_deadline(&self, item: Self::Item, deadline: Instant) -> Result<(), Self::PutError> {
        self.put_until(item, Some(Deadline::at(deadline)))
    }

    /// Gets an item; waits for one.
    ///
    /// # Errors
    ///
    /// Closed, if nothing is left, or what else this queue knows.
    fn get(&self) -> Result<Self::Item, Self::GetError> {
        self.get_until(None)
    }

    /// Gets an item; waits for one at most so long.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and empty when the time is up.
    fn get_timeout(&self, timeout: Duration) -> Result<Self::Item, Self::GetError> {
        self.get_until(Deadline::after(timeout))
    }

    /// Gets an item; waits for one at most until then.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and empty when the time is up.
    fn get_deadline(&self, deadline: Instant) -> Result<Self::Item, Self::GetError> {
        self.get_until(Some(Deadline::at(deadline)))
    }

    /// Puts items one after the other, in order; waits for room whenever there is none. Items of
    /// others may come in between.
    ///
    /// # Errors
    ///
    /// At the first item that is not put: how many were, the error with that item, and the rest.
    ///
    /// # Panics
    ///
    /// If the iterator does. What was put by then stays put.
    fn put_many<I: IntoIterator<Item = Self::Item>>(
        &self,
        items: I,
    ) -> Result<(), PutManyError<Self::PutError, I::IntoIter>>
    where
        Self: Sized,
    {
        let mut rest = items.into_iter();
        let mut accepted = 0;
        while let Some(item) = rest.next() {
            if let Err(error) = self.put(item) {
                return Err(PutManyError { accepted, error, rest });
            }
            accepted += 1;
        }
        Ok(())
    }

    /// Gets all items that are there, but at most `max`, and adds them to `into` in order; how many
    /// there were. Waits for the first one only. Asked for none, it returns at once.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). A failure that is neither empty nor closed may also come after some
    /// items: those are in `into`.
    fn get_many(&self, max: usize, into: &mut Vec<Self::Item>) -> Result<usize, Self::GetError> {
        if max == 0 {
            return Ok(0);
        }
        into.push(self.get()?);
        for got in 1..max {
            match self.try_get() {
                Ok(item) => into.push(item),
                // Who asks next learns whether it is closed.
                Err(error) if error.is_empty() || error.is_closed() => return Ok(got),
                Err(error) => return Err(error),
            }
        }
        Ok(max)
    }
}
