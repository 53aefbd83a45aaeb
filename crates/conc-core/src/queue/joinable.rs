//! Queues that know when all of their items are done with.

use super::BlockingQueue;
use crate::Deadline;
use std::error::Error;
use std::time::{Duration, Instant};
use thiserror::Error;

/// A queue that counts what was put and is not done with yet, so that somebody can wait for the end
/// of all work.
///
/// An item counts from the moment in which it is put. Getting it changes nothing; who got it says
/// [`task_done`](Self::task_done) afterwards. What was refused never counts. Closing the queue
/// changes nothing either: what is inside is still to be done.
///
/// # Memory ordering
///
/// All that was done before a `task_done` is visible after a `join` that returned because of it.
///
/// # Fairness
///
/// All who join are woken together.
///
/// # If the holder dies
///
/// A thread that ends between `get` and `task_done` leaves its item undone, and `join` waits. A
/// queue between processes can tell, and says so in [`JoinFailure`](Self::JoinFailure).
///
/// # Examples
///
/// ```
/// use conc_core::queue::{JoinableQueue, QueueCore};
/// # use conc_core::queue::BlockingQueue;
/// # use conc_tests::laws::ChannelQueue as Queue;
/// use std::thread;
///
/// let queue = Queue::unbounded();
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         while let Ok(item) = queue.get() {
///             assert!(item < 3);
///             queue.task_done().unwrap();
///         }
///     });
///     queue.put_many([0, 1, 2]).unwrap();
///     let Ok(()) = queue.join();
///     assert_eq!((queue.len(), queue.unfinished()), (0, 0));
///     queue.close();
/// });
/// ```
///
/// # Python
///
/// `queue.Queue` and `multiprocessing.JoinableQueue`, whose `join` cannot be bounded.
pub trait JoinableQueue: BlockingQueue {
    /// Why an item could not be marked as done; [`TaskDoneError`] where there is one reason.
    type TaskDoneError: Error;

    /// Why waiting for the end makes no sense any more; [`Infallible`](std::convert::Infallible)
    /// inside a process.
    type JoinFailure: Error;

    /// One item that was got is done with.
    ///
    /// # Errors
    ///
    /// If nothing is left that could be done with, or what else this queue knows.
    fn task_done(&self) -> Result<(), Self::TaskDoneError>;

    /// Items that were put and are not done with, at some moment of the call.
    #[doc(alias = "unfinished_tasks")]
    fn unfinished(&self) -> usize;

    /// Waits until all items are done with, until the deadline at most, `None` for ever; whether
    /// they are. One look is taken even if the deadline is past.
    ///
    /// For implementations; callers have [`join`](Self::join),
    /// [`join_timeout`](Self::join_timeout) and [`join_deadline`](Self::join_deadline).
    ///
    /// # Errors
    ///
    /// If the wait would have no end.
    fn join_until(&self, deadline: Option<Deadline>) -> Result<bool, Self::JoinFailure>;

    /// Waits until all items are done with. Returns at once if there are none.
    ///
    /// # Errors
    ///
    /// If the wait would have no end.
    fn join(&self) -> Result<(), Self::JoinFailure> {
        self.join_until(None).map(drop)
    }

    /// Waits until all items are done with, at most so long; whether they are.
    ///
    /// # Errors
    ///
    /// If the wait would have no end.
    fn join_timeout(&self, timeout: Duration) -> Result<bool, Self::JoinFailure> {
        self.join_until(Deadline::after(timeout))
    }

    /// Waits until all items are done with, at most until then; whether they are.
    ///
    /// # Errors
    ///
    /// If the wait would have no end.
    fn join_deadline(&self, deadline: Instant) -> Result<bool, Self::JoinFailure> {
        self.join_until(Some(Deadline::at(deadline)))
    }
}

/// More items were done with than had been put.
///
/// # Examples
///
/// ```
/// use conc_core::queue::TaskDoneError;
///
/// assert!(TaskDoneError.to_string().contains("more items"));
/// ```
///
/// # Python
///
/// `ValueError('task_done() called too many times')`.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("more items are done with than were put")]
pub struct TaskDoneError;
