//! The queue, as its users hold it.

use super::builder::Builder;
use super::error::{JoinQueueError, TaskDoneError};
use super::form::{Encoded, Form, Plain, sealed};
use super::raw::{Cursors, Gone, RawQueue};
use crate::segment::{Segment, SegmentId};
use crate::shared::Shared;
use crate::{AttachError, CreateError, Members};
use conc_core::sync::Ordering;
use conc_core::{Deadline, Wire};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A queue between processes, for any number of producers and consumers, that survives their
/// death.
///
/// See the [module](super) for what it promises. A handle is a value: it travels in arguments and
/// results of jobs and in other queues, and each clone stands in the line for itself.
///
/// # Fairness
///
/// Messages leave in the order in which producers took their places. Sleepers are woken in the
/// order in which they fell asleep; who has not slept yet may be first.
///
/// # Happens-before
///
/// What a producer did before it put a message is visible to whoever gets it, in whatever process.
///
/// # Examples
///
/// ```
/// use conc_shm::queue::Queue;
/// use std::time::Duration;
///
/// let queue: Queue<(u32, String)> = Queue::bounded(2)?;
/// queue.put((1, "one".into()))?;
/// queue.put((2, "two".into()))?;
/// let full = queue.put_timeout((3, "three".into()), Duration::from_millis(1)).unwrap_err();
/// assert_eq!(full.into_inner().0, 3);
/// assert_eq!(queue.get()?.1, "one");
/// queue.close();
/// assert_eq!(queue.get()?.1, "two");
/// assert!(queue.get().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Python
///
/// `multiprocessing.Queue`, without the thread that feeds a pipe and without what follows from
/// it: nothing waits for a feeder at exit, a killed producer leaves no lock behind, `qsize` works.
/// Here `close` is for everybody: it is `Queue.shutdown` of Python 3.13.
#[doc(alias = "multiprocessing.Queue")]
#[doc(alias = "SimpleQueue")]
pub struct Queue<T, F = Encoded> {
    raw: Arc<RawQueue>,
    cursors: Cursors,
    of: PhantomData<fn(T, F) -> T>,
}

/// A queue of plain data: see [`Queue`], and [`loan`](Queue::loan) for what only this one can.
pub type PlainQueue<T> = Queue<T, Plain>;

impl<T, F: Form<T>> Queue<T, F> {
    /// A queue for so many messages: see [`Builder`].
    ///
    /// # Errors
    ///
    /// There is not enough memory, or `capacity` is 0 or more than 1,048,576: [`CreateError`].
    pub fn bounded(capacity: usize) -> Result<Self, CreateError> {
        Builder::new(u32::try_from(capacity).unwrap_or(u32::MAX)).build()
    }

    /// The queue of this name.
    ///
    /// # Errors
    ///
    /// There is none, or it is not one of this type: [`AttachError`].
    pub fn open(name: &str) -> Result<Self, AttachError> {
        Self::of_segment(&Segment::open_own(name, super::raw::KIND)?)
    }

    /// The queue behind a descriptor that came from another process: see [`AsFd`] on this type.
    ///
    /// # Errors
    ///
    /// It is not a queue, or not one of this type: [`AttachError`].
    pub fn attach(descriptor: OwnedFd) -> Result<Self, AttachError> {
        Self::of_segment(&Segment::attach_own(descriptor, super::raw::KIND)?)
    }

    pub(super) fn of_segment(segment: &Segment) -> Result<Self, AttachError> {
        let raw = RawQueue::attach(segment)?;
        let numbers = raw.geometry().numbers;
        // Names are not unique: what the code relies on is size and alignment.
        let fits = <F as sealed::Form<T>>::fixed().is_none_or(|(size, align)| {
            numbers.inline as usize == size && numbers.align as usize == align
        });
        if !fits || numbers.of_type != number_of_type::<T, F>() {
            return Err(AttachError::Kind {
                found: "a queue of another type".into(),
                expected: format!("a queue of {}", std::any::type_name::<T>()).into(),
            });
        }
        Ok(Self::over(raw))
    }

    pub(super) fn over(raw: Arc<RawQueue>) -> Self {
        let cursors = raw.cursors();
        Self { raw, cursors, of: PhantomData }
    }

    /// How many messages fit. Those that are leased, set aside or being written count.
    #[must_use]
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.raw.geometry().numbers.places as usize
    }

    /// How many messages wait. Looks at each place: exact if nothing moves meanwhile.
    #[must_use]
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.raw.census().waiting as usize
    }

    /// Whether no message waits.
    #[must_use]
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all places are in use.
    #[must_use]
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        self.raw.census().used() as usize >= self.capacity()
    }

    /// Messages that somebody has leased.
    #[must_use]
    pub fn leased(&self) -> usize {
        self.raw.census().leased as usize
    }

    /// Messages that were set aside: see [`Builder::max_deliveries`].
    #[must_use]
    pub fn dead_letters(&self) -> usize {
        self.raw.census().dead as usize
    }

    /// Takes no more messages. Those that are there can be got; then
    /// [`GetError::Closed`](super::GetError::Closed) says that it is over, once no other process has a lease that may
    /// come back.
    ///
    /// For all processes, and for ever. Wakes everybody.
    #[doc(alias = "shutdown")]
    pub fn close(&self) {
        if !self.raw.is_forked() {
            self.raw.close();
        }
    }

    /// Whether it takes no more messages.
    #[must_use]
    #[doc(alias = "is_shutdown")]
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    /// This process goes on waiting when all others that had the queue are gone, because somebody
    /// new may come, or another of its own threads may bring what is waited for.
    pub fn keep_open(&self) {
        self.raw.keep_open();
    }

    /// Gives back what dead processes held, if there are any; how many there were.
    ///
    /// Sleepers, and a thread beside them, do so by themselves. Who never sleeps may ask.
    pub fn recover(&self) -> usize {
        self.raw.segment().recover_dead()
    }

    /// Takes the queue's name away. Who has the queue keeps it.
    ///
    /// # Errors
    ///
    /// It has no name (any more), or what the system said.
    pub fn unlink(&self) -> io::Result<()> {
        self.raw.segment().unlink()
    }

    /// Which queue this is: equal for all handles of one queue, in all processes.
    #[must_use]
    pub fn id(&self) -> SegmentId {
        self.raw.segment().id()
    }

    /// The processes that have the queue.
    #[must_use]
    pub fn members(&self) -> Members<'_> {
        self.raw.segment().members()
    }

    /// The segment that the queue lives in: for tests, which look at its bytes.
    ///
    /// # Safety
    ///
    /// The content is not written to, and not read where a loan is being written.
    #[doc(hidden)]
    #[must_use]
    pub unsafe fn segment(&self) -> &Segment {
        self.raw.segment()
    }

    /// An item that this process got is done with.
    ///
    /// # Errors
    ///
    /// [`TaskDoneError`]. Each process answers for what it got itself.
    ///
    /// # Python
    ///
    /// `JoinableQueue.task_done`, which lets any process answer for any other.
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        if self.raw.is_forked() {
            return Err(TaskDoneError::Forked);
        }
        if !self.raw.geometry().numbers.joinable {
            return Err(TaskDoneError::NotJoinable);
        }
        self.raw.finish_item().then_some(()).ok_or(TaskDoneError::TooOften)
    }

    /// Items that were put and are not done with: waiting, leased, or got without a
    /// [`task_done`](Self::task_done). Exact if nothing moves meanwhile.
    #[must_use]
    #[doc(alias = "unfinished_tasks")]
    pub fn unfinished(&self) -> usize {
        let census = self.raw.census();
        let gets = usize::try_from(self.raw.unfinished_gets()).unwrap_or(usize::MAX);
        gets.saturating_add((census.waiting + census.leased) as usize)
    }

    /// Waits until everything that was put is done with: acknowledged, or got and
    /// [done](Self::task_done). What a process had got and not finished when it died is lost, and
    /// nobody waits for it; what it had leased comes back first.
    ///
    /// # Errors
    ///
    /// [`JoinQueueError`].
    pub fn join(&self) -> Result<(), JoinQueueError> {
        self.join_until(None).map(drop)
    }

    /// [`join`](Self::join), not beyond `timeout`; `false`: something was still not done.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn join_timeout(&self, timeout: Duration) -> Result<bool, JoinQueueError> {
        self.join_until(Deadline::after(timeout))
    }

    /// [`join`](Self::join), not beyond `deadline`; `false`: something was still not done.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn join_deadline(&self, deadline: Instant) -> Result<bool, JoinQueueError> {
        self.join_until(Some(Deadline::at(deadline)))
    }

    pub(super) fn join_until(&self, deadline: Option<Deadline>) -> Result<bool, JoinQueueError> {
        if self.raw.is_forked() {
            return Err(JoinQueueError::Forked);
        }
        if !self.raw.geometry().numbers.joinable {
            return Err(JoinQueueError::NotJoinable);
        }
        let done = |_| self.raw.is_all_done().then_some(());
        loop {
            return match self.raw.wait(super::geometry::Happening::Done, deadline, done) {
                Ok(()) => Ok(true),
                Err(Gone::TimedOut) => Ok(false),
                // Alone, and at it: this process's other threads bring it to an end.
                Err(Gone::Abandoned) if self.raw.has_work() => {
                    self.raw.sleep_until_done(deadline);
                    continue;
                }
                Err(Gone::Abandoned) => Err(JoinQueueError::Abandoned),
            };
        }
    }

    pub(super) const fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    /// Whether the last message did not fit into a place.
    pub(super) fn expects_large(&self) -> bool {
        // ORDERING: Relaxed. A guess.
        self.cursors.large.load(Ordering::Relaxed)
    }

    pub(super) fn expect_large(&self, large: bool) {
        // ORDERING: Relaxed. A guess.
        self.cursors.large.store(large, Ordering::Relaxed);
    }
}

impl<T, F> Queue<T, F> {
    pub(super) const fn raw(&self) -> &Arc<RawQueue> {
        &self.raw
    }
}

impl<T, F> Clone for Queue<T, F> {
    fn clone(&self) -> Self {
        Self { raw: Arc::clone(&self.raw), cursors: self.cursors.clone(), of: PhantomData }
    }
}

impl<T, F> AsFd for Queue<T, F> {
    /// The descriptor of the queue's segment: whoever gets a copy of it can
    /// [attach](Queue::attach).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.raw.segment().as_fd()
    }
}

impl<T, F> fmt::Debug for Queue<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("capacity", &self.raw.geometry().numbers.places)
            .field("places", &self.raw.census())
            .field("closed", &self.raw.is_closed())
            .finish_non_exhaustive()
    }
}

/// A queue of any items that serde knows, for so many messages: see [`Builder`].
///
/// # Errors
///
/// Those of [`Queue::bounded`], of which this is the form whose types are inferred.
///
/// # Examples
///
/// ```
/// let queue = conc_shm::queue::bounded(2)?;
/// queue.put("typed by what is put".to_owned())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn bounded<T: Wire>(capacity: usize) -> Result<Queue<T>, CreateError> {
    Queue::bounded(capacity)
}

/// A queue of plain data, for so many messages: see [`Builder`].
///
/// # Errors
///
/// Those of [`Queue::bounded`].
pub fn plain<T: Shared>(capacity: usize) -> Result<PlainQueue<T>, CreateError> {
    Queue::bounded(capacity)
}

/// A number for the type of the items, so that a queue is not opened as one of another type by
/// mistake. Two types of one name in different programs look the same.
pub(super) fn number_of_type<T, F>() -> u64 {
    let names = [std::any::type_name::<T>(), std::any::type_name::<F>()];
    // FNV-1a: the same in every program.
    names.iter().flat_map(|name| name.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
