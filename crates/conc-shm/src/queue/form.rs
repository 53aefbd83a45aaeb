//! In which form items lie in a queue.

use super::error::GetError;
use super::raw::{RawQueue, Read};
use crate::memory::Memory;
use crate::shared::Shared;
use conc_core::Wire;
use postcard::ser_flavors::Flavor;
use std::mem::MaybeUninit;

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

/// Plain messages up to so many bytes are copied before they are taken; longer ones are taken
/// first, so that a copy that came too late costs little.
const COPIED_FIRST: usize = 1024;
/// And encoded ones: a text of as many bytes has its length before it, and maybe a name or two.
const FEW: usize = COPIED_FIRST + 128;

pub(crate) mod sealed {
    use super::{GetError, NotWritten};
    use crate::queue::raw::RawQueue;

    pub(crate) trait Form<T>: 'static {
        /// What a message is copied into.
        type Buffer;

        fn buffer() -> Self::Buffer;

        /// Bytes of a message that needs no chunks, if the type says so, and its alignment.
        fn fixed() -> Option<(usize, usize)>;

        /// Writes an item into a place of ours.
        fn write(raw: &RawQueue, index: u32, item: &T) -> Result<(), NotWritten>;

        /// An item as bytes, for chunks.
        fn to_bytes(item: &T) -> Result<Vec<u8>, Box<str>>;

        /// Copies a message that others may write at the same time; `false` if it is better taken
        /// first.
        fn copy(raw: &RawQueue, index: u32, buffer: &mut Self::Buffer) -> bool;

        /// Copies a message that is ours.
        fn read(raw: &RawQueue, index: u32, buffer: &mut Self::Buffer);

        /// The item.
        ///
        /// # Safety
        ///
        /// A message was copied into the buffer, and the copy is whole. Once for each message.
        unsafe fn item(buffer: &mut Self::Buffer) -> Result<T, GetError>;
    }
}

/// Reads a message in a form.
pub(crate) struct Reader<T, F: sealed::Form<T>>(F::Buffer);

impl<T, F: sealed::Form<T>> Reader<T, F> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self(F::buffer())
    }

    /// The item.
    ///
    /// # Safety
    ///
    /// A message was [taken](RawQueue::try_take) with this reader. Once for each message.
    #[inline]
    pub(crate) unsafe fn item(&mut self) -> Result<T, GetError> {
        // SAFETY: what was taken was copied before, whole, or read afterwards; once (contract).
        unsafe { F::item(&mut self.0) }
    }
}

impl<T, F: sealed::Form<T>> Read for Reader<T, F> {
    #[inline]
    fn copy(&mut self, raw: &RawQueue, index: u32) -> bool {
        F::copy(raw, index, &mut self.0)
    }

    fn read(&mut self, raw: &RawQueue, index: u32) {
        F::read(raw, index, &mut self.0);
    }
}

/// The bytes of an encoded message.
#[derive(Debug)]
pub(crate) struct Bytes {
    few: [MaybeUninit<u8>; FEW],
    many: Vec<u8>,
    length: usize,
}

impl Bytes {
    /// Copies the message at a word.
    #[inline]
    fn copy(&mut self, raw: &RawQueue, word: usize, length: usize) {
        self.length = length;
        if let Some(few) = self.few.get_mut(..length) {
            raw.memory().copy_to(word, few);
            self.many.clear();
        } else {
            self.many.clear();
            raw.memory().append_to(word, length, &mut self.many);
        }
    }

    /// # Safety
    ///
    /// A message was copied.
    #[inline]
    unsafe fn as_slice(&self) -> &[u8] {
        match self.few.get(..self.length) {
            // SAFETY: so many were initialised by the copy.
            Some(few) if self.many.is_empty() => unsafe {
                &*(std::ptr::from_ref(few) as *const [u8])
            },
            // A short message that lay in a chunk, too.
            _ => &self.many,
        }
    }
}

impl<T: Wire> sealed::Form<T> for Encoded {
    type Buffer = Bytes;

    #[inline]
    fn buffer() -> Bytes {
        Bytes { few: [MaybeUninit::uninit(); FEW], many: Vec::new(), length: 0 }
    }

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
    fn copy(raw: &RawQueue, index: u32, buffer: &mut Bytes) -> bool {
        // Whatever the length says: the message may be somebody else's by now.
        let (length, first) = raw.length(index);
        let length = length as usize;
        if first.is_some() || length > FEW.min(raw.geometry().numbers.inline as usize) {
            return false;
        }
        buffer.copy(raw, raw.ring().message(index), length);
        true
    }

    fn read(raw: &RawQueue, index: u32, buffer: &mut Bytes) {
        let (length, first) = raw.length(index);
        if let Some(first) = first {
            let length = raw.sane_length(length);
            let chunks = raw.chunks_of(first, length);
            buffer.length = length as usize;
            buffer.many.clear();
            raw.read_chunks(&chunks, buffer.length, &mut buffer.many);
            return;
        }
        let length = (length as usize).min(raw.geometry().numbers.inline as usize);
        buffer.copy(raw, raw.ring().message(index), length);
    }

    #[inline]
    unsafe fn item(buffer: &mut Bytes) -> Result<T, GetError> {
        // SAFETY: the caller's contract.
        let bytes = unsafe { buffer.as_slice() };
        postcard::from_bytes(bytes)
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
    type Buffer = MaybeUninit<T>;

    #[inline]
    fn buffer() -> MaybeUninit<T> {
        MaybeUninit::uninit()
    }

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
    fn copy(raw: &RawQueue, index: u32, buffer: &mut MaybeUninit<T>) -> bool {
        if size_of::<T>() > COPIED_FIRST {
            return false;
        }
        Self::read(raw, index, buffer);
        true
    }

    #[inline]
    fn read(raw: &RawQueue, index: u32, buffer: &mut MaybeUninit<T>) {
        let start = buffer.as_mut_ptr().cast::<MaybeUninit<u8>>();
        // SAFETY: the bytes of the buffer, borrowed as it is; maybe uninitialised bytes are as
        // good as a maybe uninitialised value.
        let bytes = unsafe { std::slice::from_raw_parts_mut(start, size_of::<T>()) };
        raw.memory().copy_to(raw.ring().message(index), bytes);
    }

    #[inline]
    unsafe fn item(buffer: &mut MaybeUninit<T>) -> Result<T, GetError> {
        // SAFETY: all of its bytes were copied (contract), any bytes are a valid `T`, and it is
        // read once (contract).
        Ok(unsafe { buffer.assume_init_read() })
    }
}

impl Plain {
    /// Whether messages of this type are written and read where they lie.
    pub(crate) const fn is_in_place<T>() -> bool {
        size_of::<T>() > COPIED_FIRST
    }
}
