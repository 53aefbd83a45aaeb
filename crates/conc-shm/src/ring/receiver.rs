//! The end that gets.

use super::error::EndError;
use super::form::{Form, sealed};
use super::protocol::{Cursor, End, Next};
use super::raw::{Happening, KIND, RawRing};
use crate::queue::{Encoded, GetError, Plain};
use crate::segment::Segment;
use crate::waiting;
use conc_core::Deadline;
use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The end of a ring that gets.
///
/// Dropped, the end is free for whoever [takes](Self::attach) it. To say that nothing more is
/// wanted, [`close`](Self::close).
///
/// # Happens-before
///
/// What was done before a message was put is visible to whoever gets it.
///
/// # What if a process dies
///
/// A message that it was about to get is lost, if it was taken, or is there for whoever
/// [takes](Self::attach) the end: at most once. What it had [peeked](Self::peek) at and not
/// consumed is there.
///
/// # Fork
///
/// In a copy of this process that fork made, the handle says [`Forked`](GetError::Forked). It stays
/// the original's.
///
/// # Python
///
/// The `recv` end of `multiprocessing.Pipe(duplex=False)`, which two processes must not use at
/// once either.
#[doc(alias = "Connection")]
pub struct Receiver<T, F = Encoded> {
    pub(super) raw: Arc<RawRing>,
    pub(super) cursor: Cursor,
    of: PhantomData<fn(T, F) -> T>,
}

/// The end that gets plain data: see [`Receiver`], and [`peek`](Receiver::peek) for what only this
/// one can.
pub type PlainReceiver<T> = Receiver<T, Plain>;

impl<T, F: Form<T>> Receiver<T, F> {
    pub(super) fn over(raw: Arc<RawRing>) -> Self {
        let Ok(cursor) = raw.ring().begin(End::Receiver);
        Self { raw, cursor, of: PhantomData }
    }

    /// Takes the receiving end of the ring behind a descriptor, which another process or handle
    /// got [from a ring](AsFd), if nobody has it, or if the process that had it is dead.
    ///
    /// # Errors
    ///
    /// It is not a ring of this type, or a living process has this end: [`EndError`].
    ///
    /// If the last owner died in a [`close`](Self::close), this finishes it, which takes as long.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_shm::ring::{self, EndError, Receiver};
    /// use std::os::fd::AsFd;
    ///
    /// let (mut sender, mut receiver) = ring::bounded::<u32>(4)?;
    /// sender.put_many([1, 2])?;
    /// assert_eq!(receiver.get()?, 1);
    ///
    /// let descriptor = || sender.as_fd().try_clone_to_owned();
    /// let refused = Receiver::<u32>::attach(descriptor()?).unwrap_err();
    /// assert!(matches!(refused, EndError::Taken { .. }));
    /// drop(receiver);
    /// // Here, or elsewhere, in a process that got the descriptor:
    /// let mut next = Receiver::<u32>::attach(descriptor()?)?;
    /// assert_eq!(next.get()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach(descriptor: OwnedFd) -> Result<Self, EndError> {
        Self::of_segment(&Segment::attach_own(descriptor, KIND).map_err(EndError::Attach)?)
    }

    pub(crate) fn of_segment(segment: &Segment) -> Result<Self, EndError> {
        let raw = RawRing::attach::<T, F>(segment)?;
        raw.take(End::Receiver)?;
        Ok(Self::over(raw))
    }

    /// Takes the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there is none, and those of [`get`](Self::get).
    #[inline]
    #[doc(alias = "get_nowait")]
    pub fn try_get(&mut self) -> Result<T, GetError> {
        self.try_next()?;
        self.take_next()
    }

    /// Takes the next message; waits for one.
    ///
    /// # Errors
    ///
    /// The ring is closed and empty, the sender's process is gone and nobody is there who could
    /// take its place, or the message is of another type: [`GetError`].
    #[inline]
    pub fn get(&mut self) -> Result<T, GetError> {
        self.next_until(None)?;
        self.take_next()
    }

    /// [`get`](Self::get), not beyond `timeout`.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there was nothing in time, and those of [`get`](Self::get).
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<T, GetError> {
        self.next_until(Deadline::after(timeout))?;
        self.take_next()
    }

    /// [`get`](Self::get), not beyond `deadline`.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there was nothing in time, and those of [`get`](Self::get).
    pub fn get_deadline(&mut self, deadline: Instant) -> Result<T, GetError> {
        self.next_until(Some(Deadline::at(deadline)))?;
        self.take_next()
    }

    /// [`get`](Self::get), awaited.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken nothing.
    pub async fn get_async(&mut self) -> Result<T, GetError> {
        self.next_async().await?;
        self.take_next()
    }

    /// Takes what is there, `max` messages at most, and adds it to `into`; waits for the first.
    /// Their places come back together. How many there were.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get). What was taken before is in `into`.
    pub fn get_many(&mut self, max: usize, into: &mut Vec<T>) -> Result<usize, GetError> {
        if max == 0 {
            return Ok(0);
        }
        self.next_until(None)?;
        let mut taking = Taking { raw: &self.raw, cursor: &mut self.cursor };
        into.push(taking.take::<T, F>()?);
        let mut taken = 1;
        while taken < max && matches!(look(taking.raw, taking.cursor), Some(Ok(()))) {
            into.push(taking.take::<T, F>()?);
            taken += 1;
        }
        Ok(taken)
    }

    /// How many messages fit.
    #[must_use]
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.raw.capacity()
    }

    /// How many messages wait; exact if the sender puts none meanwhile.
    #[must_use]
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether no message waits.
    #[must_use]
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    #[must_use]
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// No more messages: whoever waits at the other end wakes. What was put can be got.
    ///
    /// Who puts at the same moment either succeeds, and the message will be got, or gets it back.
    /// Which of them it was is known when this returns.
    ///
    /// If another process has the sender and does nothing with it, that takes a call of the system
    /// which sleeps for some ten milliseconds, or longer if the machine is busy; so may the first
    /// close of a process that has both ends. See [`Builder::fenced`](super::Builder::fenced).
    #[doc(alias = "shutdown")]
    pub fn close(&mut self) {
        if !self.raw.is_forked() {
            self.raw.close(End::Receiver, &self.cursor);
        }
    }

    /// Whether an end was closed. There may be messages.
    #[must_use]
    #[doc(alias = "is_shutdown")]
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    /// Waits even if nobody is there who could put something: somebody will come. Of this process.
    pub fn keep_open(&self) {
        self.raw.keep_open();
    }

    /// Whether there is a message.
    #[inline]
    pub(super) fn try_next(&mut self) -> Result<(), GetError> {
        if self.raw.is_forked() {
            return Err(GetError::Forked);
        }
        look(&self.raw, &mut self.cursor).unwrap_or(Err(GetError::Empty))
    }

    /// Waits for a message.
    #[inline]
    pub(super) fn next_until(&mut self, deadline: Option<Deadline>) -> Result<(), GetError> {
        if self.raw.is_forked() {
            return Err(GetError::Forked);
        }
        let Self { raw, cursor, .. } = self;
        match look(raw, cursor) {
            Some(found) => found,
            None => wait(raw, cursor, deadline),
        }
    }

    /// Awaits a message.
    pub(super) async fn next_async(&mut self) -> Result<(), GetError> {
        if self.raw.is_forked() {
            return Err(GetError::Forked);
        }
        let Self { raw, cursor, .. } = self;
        let looked = waiting::looking(raw, Happening::Message, |_| look(raw, cursor)).await;
        if raw.is_forked() {
            return Err(GetError::Forked);
        }
        looked?
    }

    /// The next message is done with.
    #[inline]
    pub(super) fn consume_next(&mut self) {
        let taking = Taking { raw: &self.raw, cursor: &mut self.cursor };
        taking.raw.ring().consume(taking.cursor);
    }

    #[inline]
    fn take_next(&mut self) -> Result<T, GetError> {
        let mut taking = Taking { raw: &self.raw, cursor: &mut self.cursor };
        taking.take::<T, F>()
    }
}

#[inline(never)]
fn wait(
    raw: &Arc<RawRing>,
    cursor: &mut Cursor,
    deadline: Option<Deadline>,
) -> Result<(), GetError> {
    waiting::wait(&**raw, Happening::Message, deadline, |_| look(raw, cursor))?
}

/// `None`: there is nothing yet.
#[inline]
fn look(raw: &RawRing, cursor: &mut Cursor) -> Option<Result<(), GetError>> {
    let Ok(next) = raw.ring().next(cursor);
    match next {
        Next::Message => Some(Ok(())),
        Next::Empty => None,
        Next::Closed => Some(Err(GetError::Closed)),
    }
}

/// Takes messages, and gives their places back in the end, even if one of them panics while it is
/// decoded: the next one who looks must not meet it again.
struct Taking<'a> {
    raw: &'a RawRing,
    cursor: &'a mut Cursor,
}

impl Taking<'_> {
    /// Takes a message that is there.
    #[inline]
    fn take<T, F: Form<T>>(&mut self) -> Result<T, GetError> {
        let place = self.raw.place(self.cursor.index());
        self.raw.ring().consume(self.cursor);
        <F as sealed::Form<T>>::read(place)
    }
}

impl Drop for Taking<'_> {
    #[inline]
    fn drop(&mut self) {
        let Ok(()) = self.raw.ring().release(self.cursor);
        self.raw.notify(Happening::Place);
    }
}

impl<T, F> Drop for Receiver<T, F> {
    fn drop(&mut self) {
        self.raw.let_go(End::Receiver);
    }
}

impl<T, F> AsFd for Receiver<T, F> {
    /// The descriptor of the ring's segment: whoever gets a copy of it can
    /// [attach](Receiver::attach) an end that is free.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.raw.descriptor()
    }
}

impl<T, F> fmt::Debug for Receiver<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.describe(&mut f.debug_struct("Receiver"))
    }
}
