//! Loans: items that are made where they will lie.

use super::error::PutError;
use super::form::Plain;
use super::geometry::Happening;
use super::handle::Queue;
use super::protocol::Position;
use super::raw::{Gone, Moment, NoPlace, Place, RawQueue, Search};
use crate::shared::Shared;
use conc_core::Deadline;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A place in the line, to be filled and [published](Self::publish). Until then it holds what was
/// there before, which for plain data is a valid item.
///
/// Items of more than 1,024 bytes are written where they will be read, without a copy. Smaller
/// ones are copied in the end, so that who only looks at them may do so without a lease.
///
/// The place was taken with the loan: messages that are put later stand behind it. Consumers wait
/// for it for some microseconds; if there are messages behind it by then, they go past, and the
/// loan is delivered when it is published, ahead of the line.
///
/// Dropped, the place stays empty. If the process dies, it comes back.
#[must_use = "a loan that is dropped is not delivered"]
pub struct Loan<T: Shared> {
    /// `None`: published.
    raw: Option<Arc<RawQueue>>,
    at: Position,
    item: Item<T>,
}

enum Item<T> {
    /// Not in the loan itself, which would be as large as the largest item.
    Own(Box<T>),
    InPlace(NonNull<T>),
}

// SAFETY:
// - What lies in place is plain data that nobody else touches until it is published.
// - It stays mapped as long as the loan has its queue.
unsafe impl<T: Shared> Send for Loan<T> {}
// SAFETY: as above, and through `&Loan` there is only `&T`.
unsafe impl<T: Shared + Sync> Sync for Loan<T> {}

impl<T: Shared> Queue<T, Plain> {
    /// Takes a place in the line if there is room.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there is none, and those of [`loan`](Self::loan).
    pub fn try_loan(&self) -> Result<Loan<T>, PutError<()>> {
        if self.raw().is_forked() {
            return Err(PutError::Forked(()));
        }
        match self.raw().try_claim(self.cursors(), Search::Everywhere) {
            Ok(place) => Ok(self.lend(place)),
            Err(NoPlace::Full) => Err(PutError::Full(())),
            Err(NoPlace::Closed) => Err(PutError::Closed(())),
        }
    }

    /// Takes a place in the line; waits for room.
    ///
    /// # Errors
    ///
    /// The queue is closed, or everybody who could make room is gone: [`PutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_shm::queue::PlainQueue;
    ///
    /// let frames: PlainQueue<[u8; 65_536]> = PlainQueue::bounded(4)?;
    /// let mut frame = frames.loan()?;
    /// frame.fill(7);
    /// frame.publish()?;
    ///
    /// let frame = frames.lease()?;
    /// assert!(frame.iter().all(|byte| *byte == 7));
    /// frame.ack();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn loan(&self) -> Result<Loan<T>, PutError<()>> {
        self.loan_until(None)
    }

    /// [`loan`](Self::loan), not beyond `timeout`.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there was no room in time, and those of [`loan`](Self::loan).
    pub fn loan_timeout(&self, timeout: Duration) -> Result<Loan<T>, PutError<()>> {
        self.loan_until(Deadline::after(timeout))
    }

    /// [`loan`](Self::loan), not beyond `deadline`.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there was no room in time, and those of [`loan`](Self::loan).
    pub fn loan_deadline(&self, deadline: Instant) -> Result<Loan<T>, PutError<()>> {
        self.loan_until(Some(Deadline::at(deadline)))
    }

    /// [`loan`](Self::loan), awaited.
    ///
    /// # Errors
    ///
    /// Those of [`loan`](Self::loan).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken no place.
    pub async fn loan_async(&self) -> Result<Loan<T>, PutError<()>> {
        if self.raw().is_forked() {
            return Err(PutError::Forked(()));
        }
        let look = |moment| self.look_for_a_place(moment);
        let looking = self.raw().looking(Happening::Place, look);
        let forked =
            |gone| Err(if self.raw().is_forked() { PutError::Forked(()) } else { gone_from(gone) });
        looking.await.unwrap_or_else(forked)
    }

    fn loan_until(&self, deadline: Option<Deadline>) -> Result<Loan<T>, PutError<()>> {
        if self.raw().is_forked() {
            return Err(PutError::Forked(()));
        }
        let look = |moment| self.look_for_a_place(moment);
        let waited = self.raw().wait(Happening::Place, deadline, look);
        waited.unwrap_or_else(|gone| Err(gone_from(gone)))
    }

    fn look_for_a_place(&self, moment: Moment) -> Option<Result<Loan<T>, PutError<()>>> {
        match self.raw().try_claim(self.cursors(), moment.into()) {
            Ok(place) => Some(Ok(self.lend(place))),
            Err(NoPlace::Full) => None,
            Err(NoPlace::Closed) => Some(Err(PutError::Closed(()))),
        }
    }

    fn lend(&self, place: Place<'_>) -> Loan<T> {
        let raw = self.raw();
        let item = if Plain::is_in_place::<T>() {
            Item::InPlace(raw.in_place(place.index()))
        } else {
            Item::Own(own())
        };
        Loan { raw: Some(Arc::clone(raw)), at: place.into_position(), item }
    }
}

/// An item that does not lie in its place. In a function of its own: the frame has room for it.
#[inline(never)]
fn own<T: Shared>() -> Box<T> {
    Box::new(T::new_zeroed())
}

const fn gone_from(gone: Gone) -> PutError<()> {
    match gone {
        Gone::TimedOut => PutError::Full(()),
        Gone::Abandoned => PutError::Abandoned(()),
    }
}

impl<T: Shared> Loan<T> {
    /// Lets consumers have the item.
    ///
    /// # Errors
    ///
    /// The queue was closed while the loan was out, and the line has gone past it; or this process
    /// is a copy made by fork. Nobody gets the item then.
    pub fn publish(mut self) -> Result<(), PutError<()>> {
        let Some(raw) = self.raw.take() else { return Err(PutError::Closed(())) };
        if raw.is_forked() {
            return Err(PutError::Forked(()));
        }
        if let Item::Own(item) = &self.item {
            raw.write(self.at.index(), item.as_bytes());
        }
        let published = Place::from_position(&raw, self.at).publish_here();
        published.map_err(|()| PutError::Closed(()))
    }
}

impl<T: Shared> Deref for Loan<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.item {
            Item::Own(item) => item,
            // SAFETY:
            // - The place is claimed by us: nobody else writes there, and readers that look
            //   before they take do not exist for items of this size.
            // - It holds a `T`, since the queue was made for `T`, and any bytes are a valid one.
            // - It is mapped as long as `raw` is there, which is until `self` goes.
            Item::InPlace(place) => unsafe { place.as_ref() },
        }
    }
}

impl<T: Shared> DerefMut for Loan<T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.item {
            Item::Own(item) => item,
            // SAFETY: as above, and the loan is borrowed mutably.
            Item::InPlace(place) => unsafe { place.as_mut() },
        }
    }
}

impl<T: Shared> Drop for Loan<T> {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            drop(Place::from_position(&raw, self.at));
        }
    }
}

impl<T: Shared + fmt::Debug> fmt::Debug for Loan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").field("item", &**self).finish_non_exhaustive()
    }
}
