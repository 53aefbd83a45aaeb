//! Encoding arguments into the place where workers read them.

use super::bytes::Bytes;
use super::cursor::Cursor;
use super::ring::INLINE;
use super::store::{Place, Store};
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use std::marker::PhantomData;
use std::sync::Arc;

/// Arguments that are being encoded: short ones into a buffer of the caller's, longer ones into the
/// pool's store, and into the heap if there is no room.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    store: &'a Arc<Store>,
    cursor: Cursor,
    home: Home,
    short: PhantomData<&'a mut [u8]>,
}

/// Where the cursor's room is.
#[derive(Debug)]
enum Home {
    Short,
    Stored(Place),
    Heap(Vec<u8>),
}

/// Bytes of the length ahead of an item.
pub(super) const FRAME: usize = size_of::<u32>();

/// Where a draft that has outgrown the short buffer goes on.
const LEAST_ROOM: usize = 1024;

impl<'a> Draft<'a> {
    /// Begins in `short`.
    pub(super) fn new(store: &'a Arc<Store>, short: &'a mut [u8; INLINE]) -> Self {
        // SAFETY: the buffer is borrowed for as long as the draft lives.
        let cursor = unsafe { Cursor::new(short.as_mut_ptr(), 0, short.len()) };
        Self { store, cursor, home: Home::Short, short: PhantomData }
    }

    /// Begins in the store, with room for `len` bytes.
    pub(super) fn long(store: &'a Arc<Store>, len: usize) -> Self {
        let home = Home::Short;
        let mut draft = Self { store, cursor: Cursor::empty(), home, short: PhantomData };
        draft.make_room(len);
        draft
    }

    pub(super) fn len(&self) -> usize {
        self.cursor.len()
    }

    /// Forgets what comes behind the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.cursor.truncate(len);
    }

    /// What comes behind the first `len` bytes, out of the draft.
    pub(super) fn split_off(&mut self, len: usize) -> Vec<u8> {
        let tail = self.cursor.bytes().get(len..).unwrap_or_default().to_vec();
        self.truncate(len);
        tail
    }

    /// Encodes a value behind what is there. After an error, whatever was written stays.
    #[inline]
    pub(super) fn append<T: Serialize>(&mut self, value: &T) -> postcard::Result<()> {
        postcard::serialize_with_flavor(value, &mut *self)
    }

    /// [`append`](Self::append), with the length ahead: so what one item reads does not depend on
    /// others.
    #[inline]
    pub(super) fn append_framed<T: Serialize>(&mut self, value: &T) -> postcard::Result<()> {
        let start = self.len();
        (&mut *self).try_extend(&[0; FRAME])?;
        self.append(value)?;
        let len = u32::try_from(self.len() - start - FRAME)
            .map_err(|_| postcard::Error::SerializeBufferFull)?;
        self.cursor.patch(start, len.to_le_bytes());
        Ok(())
    }

    /// The encoded arguments.
    pub(super) fn finish(self) -> Bytes<'a> {
        let Self { cursor, home, .. } = self;
        let len = cursor.len();
        match home {
            // SAFETY: so many bytes of the buffer were written, and it is borrowed for `'a`.
            Home::Short => Bytes::Short(unsafe { std::slice::from_raw_parts(cursor.start(), len) }),
            Home::Stored(mut place) => {
                place.trim(len as u64);
                let at = place.at();
                Bytes::Stored(Arc::new(place), at..at + len as u64)
            }
            Home::Heap(mut bytes) => {
                // SAFETY: so many bytes were written.
                unsafe { bytes.set_len(len) };
                Bytes::Heap(bytes)
            }
        }
    }

    /// Finds room for `more` bytes behind what is there.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, more: usize) {
        let len = self.len();
        let wanted = (len + more).max(len * 2).max(LEAST_ROOM);
        if let Home::Heap(bytes) = &mut self.home {
            // SAFETY: so many bytes were written.
            unsafe { bytes.set_len(len) };
            bytes.reserve(wanted - len);
            // SAFETY: the vector's own room, and the vector is left alone while the cursor is used.
            self.cursor = unsafe { Cursor::new(bytes.as_mut_ptr(), len, bytes.capacity()) };
            return;
        }
        let (start, room, home) = match self.store.place(wanted as u64) {
            Some(place) => (place.start().as_ptr(), place.room(), Home::Stored(place)),
            None => {
                let mut bytes = Vec::with_capacity(wanted);
                (bytes.as_mut_ptr(), bytes.capacity(), Home::Heap(bytes))
            }
        };
        // SAFETY: `len` bytes were written there, and the new room, which is longer, is another.
        unsafe { std::ptr::copy_nonoverlapping(self.cursor.start(), start, len) };
        // SAFETY: the room is ours alone: a place that nobody else has, or a vector that is left
        // alone while the cursor is used.
        self.cursor = unsafe { Cursor::new(start, len, room) };
        self.home = home;
    }
}

impl Flavor for &mut Draft<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if !self.cursor.push(byte) {
            self.make_room(1);
            self.cursor.push(byte);
        }
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if !self.cursor.extend(bytes) {
            self.make_room(bytes.len());
            self.cursor.extend(bytes);
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;

    fn read(bytes: &Bytes<'_>) -> Vec<u8> {
        match bytes {
            Bytes::Short(bytes) => bytes.to_vec(),
            Bytes::Heap(bytes) => bytes.clone(),
            Bytes::Stored(place, range) => {
                let start = (range.start - place.at()) as usize;
                let start = place.start().as_ptr().wrapping_add(start);
                // SAFETY: written by the test, and within the place.
                unsafe { std::slice::from_raw_parts(start, (range.end - range.start) as usize) }
                    .to_vec()
            }
        }
    }

    #[test]
    fn values_of_all_lengths_are_encoded() {
        let _watchdog = conc_tests::watchdog();
        let store = Store::create().unwrap();
        for len in [0, 1, 127, 128, 1_000, 5_000, 1 << 20, 65 << 20] {
            let text = "abcdefg".repeat(len / 7 + 1);
            let value = (7_u64, &text[..len], vec![300_u32; len % 1_000], 'x');
            let mut short = [0; INLINE];
            let mut draft = Draft::new(&store, &mut short);
            draft.append(&value).unwrap();
            let bytes = draft.finish();
            assert_eq!(read(&bytes), postcard::to_stdvec(&value).unwrap());
            match len {
                0..100 => assert!(matches!(bytes, Bytes::Short(_))),
                1_000..2_000_000 => assert!(matches!(bytes, Bytes::Stored(..))),
                2_000_000.. => assert!(matches!(bytes, Bytes::Heap(_))),
                _ => {}
            }
        }
    }

    #[test]
    fn what_follows_can_be_taken_back() {
        let _watchdog = conc_tests::watchdog();
        let store = Store::create().unwrap();
        let mut draft = Draft::long(&store, 10);
        draft.append(&1_u8).unwrap();
        draft.append(&"a".repeat(5_000)).unwrap();
        assert_eq!(draft.split_off(1).len(), 5_002);
        draft.append(&2_u8).unwrap();
        let bytes = draft.finish();
        assert_eq!(read(&bytes), [1, 2]);
        assert_eq!(read(&bytes.part(1..2)), [2]);
        assert_eq!(read(&bytes.part(5..9)), []);
    }
}
