//! In which form items lie in a queue.

use super::error::GetError;
use super::raw::{RawQueue, Read};
use crate::memory::Memory;
use crate::shared::Shared;
use conc_core::Wire;
use postcard::ser_flavors::Flavor;
use std::marker::PhantomData;

/// In which form items lie in a queue: [`Encoded`] or [`Plain`].
#[expect(private_bounds, reason = "sealed: what a form does is this crate's own affair")]
pub trait Form<T>: sealed::Form<T> {}

/// Items of any type that serde knows, in postcard's encoding.
#[derive(Debug, Clone, Copy)]
pub enum Encoded {}

/// Items that are plain data, as they are.
#[derive(Debug, Clone, Copy)]
pub enum Plain {}

impl<T: Wire> Form<T> for Encoded {}
impl<T: Shared> Form<T> for Plain {}

/// Why an item does not lie in a place.
#[derive(Debug)]
pub(crate) enum NotWritten {
    /// It needs chunks.
    TooLong,
    /// It cannot be encoded.
    Bad(Box<str>),
}

/// Messages up to so many bytes are copied before they are taken; longer ones are taken first, so
/// that a copy that came too late costs little.
const COPIED_FIRST: usize = 1024;

pub(crate) mod sealed {
    use super::{GetError, NotWritten};
    use crate::queue::raw::RawQueue;

    pub(crate) trait Form<T>: 'static {
        /// What is copied out of a queue.
        type Bytes;

        /// Bytes of a message that needs no chunks, if the type says so, and its alignment.
        fn fixed() -> Option<(usize, usize)>;

        /// Writes an item into a place of ours.
        fn write(raw: &RawQueue, index: u32, item: &T) -> Result<(), NotWritten>;

        /// An item as bytes, for chunks.
        fn to_bytes(item: &T) -> Result<Vec<u8>, Box<str>>;

        /// Copies a message that others may write at the same time; `None` if it is better taken
        /// first.
        fn copy(raw: &RawQueue, index: u32) -> Option<Self::Bytes>;

        /// Copies a message that is ours, and frees its chunks once it is over.
        fn read(raw: &RawQueue, index: u32) -> Self::Bytes;

        /// The item.
        fn from_bytes(bytes: Self::Bytes) -> Result<T, GetError>;
    }
}

/// Reads messages in a form.
pub(crate) struct Reader<T, F>(PhantomData<fn(F) -> T>);

impl<T, F> Reader<T, F> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T, F: sealed::Form<T>> Read for Reader<T, F> {
    type Got = F::Bytes;

    #[inline]
    fn copy(&mut self, raw: &RawQueue, index: u32) -> Option<F::Bytes> {
        F::copy(raw, index)
    }

    fn read(&mut self, raw: &RawQueue, index: u32) -> F::Bytes {
        F::read(raw, index)
    }
}

/// The bytes of an encoded message.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "short messages are not to be allocated")]
pub(crate) enum Bytes {
    /// Short.
    Few([u8; FEW], usize),
    /// Long.
    Many(Vec<u8>),
}

const FEW: usize = 256;

impl Bytes {
    #[inline]
    fn copied(length: usize, copy: impl FnOnce(&mut [u8])) -> Self {
        if length <= FEW {
            let mut few = [0; FEW];
            copy(&mut few[..length]);
            Self::Few(few, length)
        } else {
            let mut many = vec![0; length];
            copy(&mut many);
            Self::Many(many)
        }
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Few(few, length) => &few[..*length],
            Self::Many(many) => many,
        }
    }
}

impl<T: Wire> sealed::Form<T> for Encoded {
    type Bytes = Bytes;

    fn fixed() -> Option<(usize, usize)> {
        None
    }

    #[inline]
    fn write(raw: &RawQueue, index: u32, item: &T) -> Result<(), NotWritten> {
        let room = raw.geometry().numbers.inline as usize;
        let writer = PlaceWriter { raw, index, room, length: 0, partial: [0; 8] };
        match postcard::serialize_with_flavor(item, writer) {
            Ok(length) => {
                raw.set_length(index, length as u32, None);
                Ok(())
            }
            Err(postcard::Error::SerializeBufferFull) => Err(NotWritten::TooLong),
            Err(error) => Err(NotWritten::Bad(error.to_string().into())),
        }
    }

    fn to_bytes(item: &T) -> Result<Vec<u8>, Box<str>> {
        postcard::to_stdvec(item).map_err(|error| error.to_string().into())
    }

    #[inline]
    fn copy(raw: &RawQueue, index: u32) -> Option<Bytes> {
        // Whatever the length says: the message may be somebody else's by now.
        let (length, first) = raw.length(index);
        let length = length as usize;
        if first.is_some() || length > COPIED_FIRST.min(raw.geometry().numbers.inline as usize) {
            return None;
        }
        let message = raw.ring().message(index);
        Some(Bytes::copied(length, |bytes| {
            let Ok(()) = raw.memory().copy_out(message, bytes);
        }))
    }

    fn read(raw: &RawQueue, index: u32) -> Bytes {
        let (length, first) = raw.length(index);
        if let Some(first) = first {
            let chunks = raw.chunks_of(first, length);
            let mut many = vec![0; length as usize];
            raw.read_chunks(&chunks, &mut many);
            return Bytes::Many(many);
        }
        let length = (length as usize).min(raw.geometry().numbers.inline as usize);
        let message = raw.ring().message(index);
        Bytes::copied(length, |bytes| {
            let Ok(()) = raw.memory().copy_out(message, bytes);
        })
    }

    #[inline]
    fn from_bytes(bytes: Bytes) -> Result<T, GetError> {
        postcard::from_bytes(bytes.as_slice())
            .map_err(|error| GetError::NotDecoded { message: error.to_string().into() })
    }
}

/// Writes an encoding straight into a place, word by word.
struct PlaceWriter<'a> {
    raw: &'a RawQueue,
    index: u32,
    room: usize,
    length: usize,
    /// The bytes behind the last whole word.
    partial: [u8; 8],
}

impl PlaceWriter<'_> {
    #[inline]
    fn flush(&self) {
        let word = self.raw.ring().message(self.index) + (self.length - 1) / 8;
        let Ok(()) = self.raw.memory().copy_in(word, &self.partial);
    }
}

impl Flavor for PlaceWriter<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if self.length == self.room {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.partial[self.length % 8] = byte;
        self.length += 1;
        if self.length % 8 == 0 {
            self.flush();
        }
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, mut bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() > self.room - self.length {
            return Err(postcard::Error::SerializeBufferFull);
        }
        while self.length % 8 != 0 {
            let [first, rest @ ..] = bytes else { return Ok(()) };
            self.try_push(*first)?;
            bytes = rest;
        }
        let whole = bytes.len() / 8 * 8;
        let word = self.raw.ring().message(self.index) + self.length / 8;
        let Ok(()) = self.raw.memory().copy_in(word, &bytes[..whole]);
        self.length += whole;
        for byte in &bytes[whole..] {
            self.try_push(*byte)?;
        }
        Ok(())
    }

    #[inline]
    fn finalize(self) -> postcard::Result<usize> {
        if self.length % 8 != 0 {
            self.flush();
        }
        Ok(self.length)
    }
}

impl<T: Shared> sealed::Form<T> for Plain {
    type Bytes = T;

    fn fixed() -> Option<(usize, usize)> {
        Some((size_of::<T>(), align_of::<T>()))
    }

    #[inline]
    fn write(raw: &RawQueue, index: u32, item: &T) -> Result<(), NotWritten> {
        let Ok(()) = raw.memory().copy_in(raw.ring().message(index), item.as_bytes());
        Ok(())
    }

    fn to_bytes(item: &T) -> Result<Vec<u8>, Box<str>> {
        Ok(item.as_bytes().to_vec())
    }

    #[inline]
    fn copy(raw: &RawQueue, index: u32) -> Option<T> {
        (size_of::<T>() <= COPIED_FIRST).then(|| Self::read(raw, index))
    }

    #[inline]
    fn read(raw: &RawQueue, index: u32) -> T {
        let mut item = T::new_zeroed();
        let Ok(()) = raw.memory().copy_out(raw.ring().message(index), item.as_mut_bytes());
        item
    }

    #[inline]
    fn from_bytes(item: T) -> Result<T, GetError> {
        Ok(item)
    }
}

impl Plain {
    /// Whether messages of this type are written and read where they lie.
    pub(crate) const fn is_in_place<T>() -> bool {
        size_of::<T>() > COPIED_FIRST
    }
}
