//! The end that puts.

use super::error::EndError;
use super::form::{Form, NotWritten, PREFIX, sealed};
use super::protocol::{Cursor, End, Published, Room};
use super::raw::{Happening, KIND, RawRing};
use crate::queue::{Encoded, Plain, PutError};
use crate::segment::Segment;
use crate::waiting::{self, Gone, Moment};
use conc_core::Deadline;
use conc_core::queue::PutManyError;
use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The end of a ring that puts.
///
/// Dropped, the end is free for whoever [takes](Self::attach) it; what was put stays. To say that
/// nothing more will come, [`close`](Self::close).
///
/// # Happens-before
///
/// What was done before a message was put is visible to whoever gets it.
///
/// # What if a process dies
///
/// The message that it was about to put is all in or not at all. The end goes to whoever
/// [takes](Self::attach) it, and it goes on behind the last message.
///
/// # Fork
///
/// In a copy of this process that fork made, the handle says [`Forked`](PutError::Forked). It stays
/// the original's.
///
/// # Python
///
/// The `send` end of `multiprocessing.Pipe(duplex=False)`, which two processes must not use at
/// once either.
#[doc(alias = "Connection")]
pub struct Sender<T, F = Encoded> {
    pub(super) raw: Arc<RawRing>,
    pub(super) cursor: Cursor,
    of: PhantomData<fn(T, F) -> T>,
}

/// The end that puts plain data: see [`Sender`], and [`loan`](Sender::loan) for what only this one
/// can.
pub type PlainSender<T> = Sender<T, Plain>;

/// How a message goes in, or does not.
enum Way {
    In,
    /// There was no room.
    Wait,
    Stop(Stop),
}

/// Why a message does not go in.
enum Stop {
    Full,
    Closed,
    Abandoned,
    TooLarge,
    Bad(Box<str>),
}

/// How long a caller waits.
#[derive(Clone, Copy)]
enum Wait {
    Never,
    Until(Option<Deadline>),
}

impl<T, F: Form<T>> Sender<T, F> {
    pub(super) fn over(raw: Arc<RawRing>) -> Self {
        let Ok(cursor) = raw.ring().begin(End::Sender);
        Self { raw, cursor, of: PhantomData }
    }

    /// Takes the sending end of the ring behind a descriptor, which another process or handle got
    /// [from a ring](AsFd), if nobody has it, or if the process that had it is dead.
    ///
    /// # Errors
    ///
    /// It is not a ring of this type, or a living process has this end: [`EndError`].
    pub fn attach(descriptor: OwnedFd) -> Result<Self, EndError> {
        Self::of_segment(&Segment::attach_own(descriptor, KIND).map_err(EndError::Attach)?)
    }

    pub(crate) fn of_segment(segment: &Segment) -> Result<Self, EndError> {
        let raw = RawRing::attach::<T, F>(segment)?;
        raw.take(End::Sender)?;
        Ok(Self::over(raw))
    }

    /// Puts a message if there is room.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there is none, and those of [`put`](Self::put).
    #[inline]
    #[doc(alias = "put_nowait")]
    pub fn try_put(&mut self, item: T) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Never)
    }

    /// Puts a message; waits for room.
    ///
    /// # Errors
    ///
    /// The ring is closed, the receiver's process is gone and nobody is there who could take its
    /// place, the message is longer than a place, or cannot be encoded: [`PutError`]. It comes
    /// back.
    #[inline]
    pub fn put(&mut self, item: T) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Until(None))
    }

    /// [`put`](Self::put), not beyond `timeout`.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there was no room in time, and those of [`put`](Self::put).
    pub fn put_timeout(&mut self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Until(Deadline::after(timeout)))
    }

    /// [`put`](Self::put), not beyond `deadline`.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there was no room in time, and those of [`put`](Self::put).
    pub fn put_deadline(&mut self, item: T, deadline: Instant) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Until(Some(Deadline::at(deadline))))
    }

    /// [`put`](Self::put), awaited.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the message was not put, and is dropped with the future.
    pub async fn put_async(&mut self, item: T) -> Result<(), PutError<T>>
    where
        T: Send,
    {
        if self.raw.is_forked() {
            return Err(PutError::Forked(item));
        }
        let Self { raw, cursor, .. } = self;
        // The item is in the look's hands, since a future that is sent must not be borrowed from.
        let mut item = Some(item);
        let look = |moment| {
            let way = match moment {
                Moment::Over => Way::Stop(Stop::Abandoned),
                _ => attempt::<T, F>(raw, cursor, item.as_ref()?).unless_waiting()?,
            };
            item.take().map(|item| (way, item))
        };
        let looked = waiting::looking(raw, Happening::Place, look).await;
        match (looked, item) {
            (Ok((Way::Stop(stop), item)), _) => Err(self.stopped(stop, item)),
            (Ok(_), _) => Ok(()),
            (Err(_), Some(item)) => Err(PutError::Forked(item)),
            (Err(_), None) => unreachable!("the look answers when all is over"),
        }
    }

    /// Puts one message after the other; waits for room.
    ///
    /// # Errors
    ///
    /// What [`put`](Self::put) says of the first message that was not put. That one, and those
    /// that were not looked at, come back.
    pub fn put_many<I: IntoIterator<Item = T>>(
        &mut self,
        items: I,
    ) -> Result<(), PutManyError<PutError<T>, I::IntoIter>> {
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

    /// How many messages fit.
    #[must_use]
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.raw.capacity()
    }

    /// How many messages wait; exact if the receiver gets none meanwhile.
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
    #[doc(alias = "shutdown")]
    pub fn close(&mut self) {
        if !self.raw.is_forked() {
            self.raw.close(End::Sender, &self.cursor);
        }
    }

    /// Whether an end was closed.
    #[must_use]
    #[doc(alias = "is_shutdown")]
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    /// Waits even if nobody is there who could make room: somebody will come. Of this process.
    pub fn keep_open(&self) {
        self.raw.keep_open();
    }

    #[inline]
    fn put_within(&mut self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        if self.raw.is_forked() {
            return Err(PutError::Forked(item));
        }
        match attempt::<T, F>(&self.raw, &mut self.cursor, &item) {
            Way::In => Ok(()),
            way => self.put_slowly(item, way, wait),
        }
    }

    #[cold]
    fn put_slowly(&mut self, item: T, way: Way, wait: Wait) -> Result<(), PutError<T>> {
        let Self { raw, cursor, .. } = self;
        let way = match (way, wait) {
            (Way::Wait, Wait::Never) => Way::Stop(Stop::Full),
            (Way::Wait, Wait::Until(deadline)) => {
                let look = |_| attempt::<T, F>(raw, cursor, &item).unless_waiting();
                let waited = waiting::wait(&**raw, Happening::Place, deadline, look);
                waited.unwrap_or_else(|gone| Way::Stop(gone.into()))
            }
            (way, _) => way,
        };
        match way {
            Way::In | Way::Wait => Ok(()),
            Way::Stop(stop) => Err(self.stopped(stop, item)),
        }
    }

    fn stopped(&self, stop: Stop, item: T) -> PutError<T> {
        match stop {
            Stop::Full => PutError::Full(item),
            Stop::Closed => PutError::Closed(item),
            Stop::Abandoned => PutError::Abandoned(item),
            Stop::TooLarge => {
                let limit = u64::from(self.raw.geometry().numbers.room) - PREFIX as u64;
                PutError::TooLarge { item, limit }
            }
            Stop::Bad(message) => PutError::NotEncoded { item, message },
        }
    }
}

/// One attempt to put a message.
#[inline]
fn attempt<T, F: Form<T>>(raw: &RawRing, cursor: &mut Cursor, item: &T) -> Way {
    let Ok(room) = raw.ring().room(cursor);
    match room {
        Room::Free => {}
        Room::Full => return Way::Wait,
        Room::Closed => return Way::Stop(Stop::Closed),
    }
    match <F as sealed::Form<T>>::write(raw.place(cursor.index()), item) {
        Ok(()) => {}
        Err(NotWritten::TooLong) => return Way::Stop(Stop::TooLarge),
        Err(NotWritten::Bad(message)) => return Way::Stop(Stop::Bad(message)),
    }
    match publish(raw, cursor) {
        Published::In => Way::In,
        Published::Closed => Way::Stop(Stop::Closed),
    }
}

/// The next place is written.
#[inline]
pub(super) fn publish(raw: &RawRing, cursor: &mut Cursor) -> Published {
    let Ok(published) = raw.ring().publish(cursor);
    raw.notify(Happening::Message);
    published
}

impl Way {
    fn unless_waiting(self) -> Option<Self> {
        (!matches!(self, Self::Wait)).then_some(self)
    }
}

impl From<Gone> for Stop {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::TimedOut => Self::Full,
            Gone::Abandoned => Self::Abandoned,
        }
    }
}

impl<T, F> Drop for Sender<T, F> {
    fn drop(&mut self) {
        self.raw.let_go(End::Sender);
    }
}

impl<T, F> AsFd for Sender<T, F> {
    /// The descriptor of the ring's segment: whoever gets a copy of it can
    /// [attach](Sender::attach) an end that is free.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.raw.descriptor()
    }
}

impl<T, F> fmt::Debug for Sender<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.describe(&mut f.debug_struct("Sender"))
    }
}
