//! Messages that are read where they lie.

use super::receiver::PlainReceiver;
use crate::queue::GetError;
use crate::shared::Shared;
use conc_core::Deadline;
use std::fmt;
use std::ops::Deref;
use std::time::{Duration, Instant};

/// The next message of a ring, where it lies. It stays there until it is
/// [consumed](Self::consume): at least once, if the process dies meanwhile.
///
/// Dropped or leaked, the message is the next one still.
#[must_use = "a message that is not consumed stays"]
pub struct Peek<'a, T: Shared> {
    receiver: &'a mut PlainReceiver<T>,
}

impl<T: Shared> PlainReceiver<T> {
    /// The next message, if there is one, where it lies.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there is none, and those of [`peek`](Self::peek).
    pub fn try_peek(&mut self) -> Result<Peek<'_, T>, GetError> {
        self.try_next()?;
        Ok(Peek { receiver: self })
    }

    /// The next message, where it lies; waits for one.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn peek(&mut self) -> Result<Peek<'_, T>, GetError> {
        self.next_until(None)?;
        Ok(Peek { receiver: self })
    }

    /// [`peek`](Self::peek), not beyond `timeout`.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there was nothing in time, and those of [`peek`](Self::peek).
    pub fn peek_timeout(&mut self, timeout: Duration) -> Result<Peek<'_, T>, GetError> {
        self.next_until(Deadline::after(timeout))?;
        Ok(Peek { receiver: self })
    }

    /// [`peek`](Self::peek), not beyond `deadline`.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there was nothing in time, and those of [`peek`](Self::peek).
    pub fn peek_deadline(&mut self, deadline: Instant) -> Result<Peek<'_, T>, GetError> {
        self.next_until(Some(Deadline::at(deadline)))?;
        Ok(Peek { receiver: self })
    }

    /// [`peek`](Self::peek), awaited.
    ///
    /// # Errors
    ///
    /// Those of [`peek`](Self::peek).
    ///
    /// # Cancel safety
    ///
    /// Nothing happens until the message is consumed.
    pub async fn peek_async(&mut self) -> Result<Peek<'_, T>, GetError> {
        self.next_async().await?;
        Ok(Peek { receiver: self })
    }
}

impl<T: Shared> Peek<'_, T> {
    /// The message is done with; its place goes back to the sender.
    pub fn consume(self) {
        if !self.receiver.raw.is_forked() {
            self.receiver.consume_next();
        }
    }
}

impl<T: Shared> Deref for Peek<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        let place = self.receiver.raw.place(self.receiver.cursor.index()).in_place();
        // SAFETY:
        // - The place is the receiver's, whose handle is borrowed: nobody writes there.
        // - It holds a `T`, since the ring was made for `T`, and any bytes are a valid one.
        // - It is mapped as long as the handle lives.
        unsafe { place.as_ref() }
    }
}

impl<T: Shared + fmt::Debug> fmt::Debug for Peek<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peek").field("item", &**self).finish_non_exhaustive()
    }
}
