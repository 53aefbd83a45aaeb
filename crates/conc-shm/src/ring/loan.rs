//! Loans: messages that are made where they will lie.

use super::protocol::{Published, Room};
use super::raw::Happening;
use super::sender::{PlainSender, publish};
use crate::queue::PutError;
use crate::shared::Shared;
use crate::waiting::{self, Gone, Moment};
use conc_core::Deadline;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// The next place of a ring, to be filled and [published](Self::publish). Until then it holds what
/// was there before, which for plain data is a valid message.
///
/// Dropped or leaked, or if the process dies, nothing was put.
#[must_use = "a loan that is dropped is not delivered"]
pub struct Loan<'a, T: Shared> {
    sender: &'a mut PlainSender<T>,
}

impl<T: Shared> PlainSender<T> {
    /// The next place, if it is free.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if it is not, and those of [`loan`](Self::loan).
    pub fn try_loan(&mut self) -> Result<Loan<'_, T>, PutError<()>> {
        if self.raw.is_forked() {
            return Err(PutError::Forked(()));
        }
        self.look_for_a_place().unwrap_or(Err(PutError::Full(())))?;
        Ok(Loan { sender: self })
    }

    /// The next place; waits until it is free.
    ///
    /// # Errors
    ///
    /// The ring is closed, or the receiver's process is gone and nobody is there who could take
    /// its place: [`PutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut camera, mut screen) = conc_shm::ring::plain::<[u8; 65_536]>(4)?;
    /// let mut frame = camera.loan()?;
    /// frame.fill(7);
    /// frame.publish()?;
    ///
    /// let frame = screen.peek()?;
    /// assert!(frame.iter().all(|byte| *byte == 7));
    /// frame.consume();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn loan(&mut self) -> Result<Loan<'_, T>, PutError<()>> {
        self.loan_until(None)
    }

    /// [`loan`](Self::loan), not beyond `timeout`.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there was no room in time, and those of [`loan`](Self::loan).
    pub fn loan_timeout(&mut self, timeout: Duration) -> Result<Loan<'_, T>, PutError<()>> {
        self.loan_until(Deadline::after(timeout))
    }

    /// [`loan`](Self::loan), not beyond `deadline`.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there was no room in time, and those of [`loan`](Self::loan).
    pub fn loan_deadline(&mut self, deadline: Instant) -> Result<Loan<'_, T>, PutError<()>> {
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
    /// Nothing happens until the loan is published.
    pub async fn loan_async(&mut self) -> Result<Loan<'_, T>, PutError<()>> {
        if self.raw.is_forked() {
            return Err(PutError::Forked(()));
        }
        let raw = std::sync::Arc::clone(&self.raw);
        let looking = waiting::looking(&raw, Happening::Place, |_| self.look_for_a_place());
        let looked = looking.await;
        if self.raw.is_forked() {
            return Err(PutError::Forked(()));
        }
        looked.unwrap_or_else(|gone| Err(gone_from(gone)))?;
        Ok(Loan { sender: self })
    }

    fn loan_until(&mut self, deadline: Option<Deadline>) -> Result<Loan<'_, T>, PutError<()>> {
        if self.raw.is_forked() {
            return Err(PutError::Forked(()));
        }
        let Self { raw, cursor, .. } = self;
        let look = |_: Moment| found(raw.ring().room(cursor));
        let waited = waiting::wait(&**raw, Happening::Place, deadline, look);
        waited.unwrap_or_else(|gone| Err(gone_from(gone)))?;
        Ok(Loan { sender: self })
    }

    fn look_for_a_place(&mut self) -> Option<Result<(), PutError<()>>> {
        found(self.raw.ring().room(&mut self.cursor))
    }
}

fn found(room: Result<Room, std::convert::Infallible>) -> Option<Result<(), PutError<()>>> {
    let Ok(room) = room;
    match room {
        Room::Free => Some(Ok(())),
        Room::Full => None,
        Room::Closed => Some(Err(PutError::Closed(()))),
    }
}

const fn gone_from(gone: Gone) -> PutError<()> {
    match gone {
        Gone::TimedOut => PutError::Full(()),
        Gone::Abandoned => PutError::Abandoned(()),
    }
}

impl<T: Shared> Loan<'_, T> {
    /// Puts the message.
    ///
    /// # Errors
    ///
    /// [`PutError::Closed`]: the receiver has closed the ring meanwhile. [`PutError::Forked`].
    pub fn publish(self) -> Result<(), PutError<()>> {
        let PlainSender { raw, cursor, .. } = self.sender;
        if raw.is_forked() {
            return Err(PutError::Forked(()));
        }
        match publish(raw, cursor) {
            Published::In => Ok(()),
            Published::Closed => Err(PutError::Closed(())),
        }
    }

    fn place(&self) -> NonNull<T> {
        self.sender.raw.place(self.sender.cursor.index()).in_place()
    }
}

impl<T: Shared> Deref for Loan<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY:
        // - The place is the sender's, whose handle is borrowed: nobody else touches it.
        // - It holds a `T`, since the ring was made for `T`, and any bytes are a valid one.
        // - It is mapped as long as the handle lives.
        unsafe { self.place().as_ref() }
    }
}

impl<T: Shared> DerefMut for Loan<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the loan is borrowed mutably.
        unsafe { self.place().as_mut() }
    }
}

impl<T: Shared + fmt::Debug> fmt::Debug for Loan<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").field("item", &**self).finish_non_exhaustive()
    }
}
