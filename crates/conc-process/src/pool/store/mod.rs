//! Where long arguments lie: memory that the parent writes and all workers of a pool read.
//!
//! An argument is encoded straight into its place, and stays there while its job waits, runs, is
//! taken back, or runs again after a death. Workers have the memory for reading only: none of them
//! can spoil what belongs to another.
//!
//! | file | holds |
//! |---|---|
//! | `buddy` | which bytes are free |

mod buddy;

use crate::client::Family;
use crate::sys::one_way::OneWay;
use buddy::{Block, Buddy, LARGEST_BLOCK};
use nix::errno::Errno;
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::Arc;

/// Bytes of all places.
const LEN: u64 = 2 * LARGEST_BLOCK;
/// Memory comes to exist in steps of so many bytes.
const STEP: u64 = 64 << 10;

/// Where the long arguments of one pool lie.
#[derive(Debug)]
pub(super) struct Store {
    memory: OneWay,
    books: Mutex<Books>,
    /// Whose memory it is: in a copy of this process the books are copies, and the memory is not.
    family: &'static Family,
}

#[derive(Debug)]
struct Books {
    buddy: Buddy,
    /// Whether each step exists.
    exists: Vec<bool>,
}

impl Store {
    pub(super) fn create() -> Result<Arc<Self>, Errno> {
        let len = NonZeroUsize::MIN.saturating_add(LEN as usize - 1);
        let exists = vec![false; (LEN / STEP) as usize];
        let books = Mutex::new(Books { buddy: Buddy::new(LEN), exists });
        Ok(Arc::new(Self { memory: OneWay::create(len)?, books, family: Family::own() }))
    }

    /// A place for at least `len` bytes; `None`: there is no room now, or never.
    pub(super) fn place(self: &Arc<Self>, len: u64) -> Option<Place> {
        if !self.family.is_own() {
            return None;
        }
        let mut books = self.books.lock();
        let block = books.buddy.take(len)?;
        let steps = (block.at / STEP) as usize..(block.at + len).div_ceil(STEP) as usize;
        for step in steps.clone() {
            if books.exists.get(step) == Some(&true) {
                continue;
            }
            let start = step as u64 * STEP;
            if self.memory.reserve(start..start + STEP).is_err() {
                // The machine is full.
                books.buddy.give_back(block);
                return None;
            }
            books.exists[step] = true;
        }
        let room = block.len().min(steps.end as u64 * STEP - block.at);
        Some(Place { store: Arc::clone(self), block, room })
    }

    /// Keeps a copy of bytes that were encoded elsewhere.
    pub(super) fn keep(self: &Arc<Self>, bytes: &[u8]) -> Option<(Place, Range<u64>)> {
        let place = self.place(bytes.len() as u64)?;
        // SAFETY: the place is nobody else's, and has so much room.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), place.start().as_ptr(), bytes.len());
        }
        let at = place.at();
        Some((place, at..at + bytes.len() as u64))
    }
}

impl AsFd for Store {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}

/// A place in the store, until it is dropped. Whoever has the only handle may write it.
#[derive(Debug)]
pub(super) struct Place {
    store: Arc<Store>,
    block: Block,
    room: u64,
}

impl Place {
    /// Where it begins in the memory.
    pub(super) fn at(&self) -> u64 {
        self.block.at
    }

    /// Bytes that may be written.
    pub(super) fn room(&self) -> usize {
        self.room as usize
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        // SAFETY: blocks lie within the memory.
        unsafe { self.store.memory.start().add(self.block.at as usize) }
    }

    /// Gives back what lies behind the first `len` bytes.
    pub(super) fn trim(&mut self, len: u64) {
        self.block = self.store.books.lock().buddy.shrink(self.block, len);
        self.room = self.room.min(self.block.len());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.store.family.is_own() {
            self.store.books.lock().buddy.give_back(self.block);
        }
    }
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;
    use crate::sys::one_way::OneWayView;

    #[test]
    fn readers_find_what_was_written() {
        let _watchdog = conc_tests::watchdog();
        let store = Store::create().unwrap();
        let view = OneWayView::attach(&store.as_fd().try_clone_to_owned().unwrap()).unwrap();
        let first = store.place(1).unwrap();
        let mut place = store.place(100_000).unwrap();
        assert!(place.room() >= 100_000 && place.at() >= first.at() + 256);
        // SAFETY: the place is this test's, and so long.
        unsafe { place.start().write_bytes(7, 100_000) };
        // SAFETY: nobody writes it any more.
        assert_eq!(unsafe { view.bytes(place.at(), 100_000) }, Some(&[7; 100_000][..]));
        place.trim(1_000);
        assert_eq!(place.room(), 1_024);
    }

    #[test]
    fn what_was_given_back_is_used_again() {
        let _watchdog = conc_tests::watchdog();
        let store = Store::create().unwrap();
        for _ in 0..1_000 {
            let places = [300, 5_000, 1 << 20].map(|len| store.place(len).unwrap());
            assert!(places.iter().all(|place| place.at() < 4 << 20));
        }
        let all = [LARGEST_BLOCK; 2].map(|len| store.place(len).unwrap());
        assert!(store.place(1).is_none() && store.place(LARGEST_BLOCK + 1).is_none());
        drop(all);
        assert!(store.place(1).is_some());
    }
}
