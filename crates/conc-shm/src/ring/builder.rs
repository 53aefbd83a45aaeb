//! Choices about a new ring.

use super::form::{Form, PREFIX, sealed};
use super::geometry::Numbers;
use super::raw::{RawRing, number_of_type};
use super::receiver::Receiver;
use super::sender::Sender;
use crate::CreateError;
use crate::queue::{Encoded, Plain};
use crate::shared::Shared;
use crate::sys::barrier;
use conc_core::Wire;
use std::sync::Arc;

/// Room for an encoded message, unless something else is said: with its length a place has 256
/// bytes then.
const INLINE: u32 = 248;

/// Both ends of a ring.
pub type Ends<T, F = Encoded> = (Sender<T, F>, Receiver<T, F>);

/// A ring for so many messages of any type that serde knows: see [`Builder`].
///
/// # Errors
///
/// There is not enough memory, or `capacity` is 0 or too much: [`CreateError`].
///
/// # Examples
///
/// ```
/// let (mut requests, mut service) = conc_shm::ring::bounded(8)?;
/// requests.put(("add".to_owned(), 1, 2))?;
/// assert_eq!(service.get()?, ("add".to_owned(), 1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "Pipe")]
pub fn bounded<T: Wire>(capacity: usize) -> Result<Ends<T>, CreateError> {
    of::<T, Encoded>(capacity)
}

/// A ring for so many messages of plain data: see [`Builder`].
///
/// # Errors
///
/// There is not enough memory, or `capacity` is 0 or too much: [`CreateError`].
pub fn plain<T: Shared>(capacity: usize) -> Result<Ends<T, Plain>, CreateError> {
    of::<T, Plain>(capacity)
}

fn of<T, F: Form<T>>(capacity: usize) -> Result<Ends<T, F>, CreateError> {
    Builder::new(u32::try_from(capacity).unwrap_or(0)).build()
}

/// Choices about a new ring.
///
/// # Examples
///
/// ```
/// use conc_shm::ring::{Builder, Ends, Plain};
///
/// let (mut sender, mut receiver): Ends<[u64; 8], Plain> = Builder::new(4).fenced().build()?;
/// sender.put([7; 8])?;
/// assert_eq!(receiver.get()?, [7; 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder builds nothing by itself"]
pub struct Builder {
    capacity: u32,
    inline: u32,
    fenced: bool,
}

impl Builder {
    /// A ring for so many messages. Each has a place of its own from the start.
    pub const fn new(capacity: u32) -> Self {
        Self { capacity, inline: INLINE, fenced: false }
    }

    /// Encoded messages have up to so many bytes, 248 unless said otherwise. A message of plain
    /// data has the size of its type.
    pub const fn inline_bytes(mut self, bytes: u32) -> Self {
        self.inline = bytes;
        self
    }

    /// Each message has a fence of its own, which makes it slower: by 11 ns with 64 bytes and 45 ns
    /// with 1 KiB, where this was measured.
    ///
    /// Without, two things are slower that happen seldom. A receiver that [closes](Receiver::close)
    /// while another process has the sender, and does nothing with it, asks the system to find out
    /// what was put last, which takes some ten milliseconds. And whoever finds nothing, and so is about
    /// to sleep or to be woken later, waits awake for 5 µs until what the other side has stored has
    /// arrived; if that ever took longer, it would sleep over a message, or over room for one, for a
    /// quarter of a second.
    ///
    /// A process that must not use the system call `membarrier` cannot attach a ring without fences;
    /// what it makes is fenced in any case.
    pub const fn fenced(mut self) -> Self {
        self.fenced = true;
        self
    }

    /// Makes the ring. This process has both ends: one of them, or both, can be
    /// [sent away](Receiver::attach).
    ///
    /// # Errors
    ///
    /// There is not enough memory for its places, or too much was asked for: [`CreateError`].
    pub fn build<T, F: Form<T>>(self) -> Result<Ends<T, F>, CreateError> {
        let (room, align) = match <F as sealed::Form<T>>::fixed() {
            Some((size, align)) => (size as u64, align),
            None => (u64::from(self.inline) + PREFIX as u64, PREFIX),
        };
        let too_large = |_| CreateError::TooLarge { content_len: room };
        let numbers = Numbers {
            capacity: self.capacity,
            room: u32::try_from(room).map_err(too_large)?,
            align: u32::try_from(align).unwrap_or(u32::MAX),
            asymmetric: !self.fenced && barrier::check().is_ok(),
            of_type: number_of_type::<T, F>(),
        };
        let raw = RawRing::create(numbers)?;
        raw.take_new();
        Ok((Sender::over(Arc::clone(&raw)), Receiver::over(raw)))
    }
}
