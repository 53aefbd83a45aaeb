//! What parent and worker share: one segment, with entries that go out and come back.
//!
//! # Layout
//!
//! | at | holds |
//! |---|---|
//! | 0 | the [`Header`]: who sleeps, what was collected, whether the worker is to end |
//! | 4 KiB | the [`Slot`]s: claim word, task, outcome, and room for short arguments and results |
//! | 100 KiB | the [`Arena`] of long results; grows up to 64 MiB |
//!
//! Pages of the arena exist where somebody has asked for them. Long arguments lie in the pool's
//! store, which workers cannot write. Each life of a worker has a segment
//! of its own: what a dead worker's threads, children or wild pointers might still write reaches
//! nobody.
//!
//! The task ring and the result ring are one: results come back in the slot of their task, and so
//! in the order of the tasks. The slot's [`Claim`] says whose it is.
//!
//! | file | holds |
//! |---|---|
//! | `claim` | whose an entry is |
//! | `span` | which items of a batch are still to be run |
//! | `sleeper` | who publishes learns whether somebody sleeps for it |
//! | `arena` | where the bytes of long results lie |

mod arena;
mod claim;
mod sleeper;
mod span;

pub(crate) use arena::Arena;
pub(crate) use claim::{Claim, Stage, Take};
pub(crate) use sleeper::Sleeper;
pub(crate) use span::{Cut, Progress, Span};

use conc_core::sync::{AtomicU32, AtomicU64, Ordering};
use conc_shm::{AttachError, CreateError, Kind, Layout, OutOfMemory, Segment};
use std::ops::Range;
use std::os::fd::OwnedFd;

/// Entries of a ring; a power of two.
pub(crate) const ENTRIES: u64 = 256;
/// Bytes of a short argument or result.
pub(crate) const INLINE: usize = 128;

const KIND: Kind = Kind { name: *b"poolring", version: 1 };
const SLOTS_AT: u64 = 4096;
const RESULTS_AT: u64 = 100 << 10;
/// Bytes of the arena, at the most and at first.
const ARENA_MAX: u64 = 64 << 20;
const ARENA_FIRST: u64 = 64 << 10;
const LEN: u64 = RESULTS_AT + ARENA_MAX;

const _: () = assert!(SLOTS_AT + ENTRIES * size_of::<Slot>() as u64 <= RESULTS_AT);
const _: () = assert!(size_of::<Slot>() == 384 && size_of::<Header>() <= SLOTS_AT as usize);

/// A value alone on its line of the cache.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Line<T>(T);

impl<T> std::ops::Deref for Line<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What concerns the whole ring.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    /// The worker sleeps for entries.
    pub(crate) worker: Line<Sleeper>,
    /// The worker sleeps for room: for results to be collected.
    pub(crate) room: Line<Sleeper>,
    /// The parent sleeps for results.
    pub(crate) parent: Line<Sleeper>,
    /// Entries below this are collected: their results were read.
    collected: Line<AtomicU64>,
    /// The worker is to end.
    stop: Line<AtomicU32>,
    /// The worker has run its initializer.
    ready: Line<AtomicU32>,
}

impl Header {
    /// The parent has read all results below this entry.
    pub(crate) fn set_collected(&self, entry: u64) {
        // ORDERING(pool.collected): Release. Whoever writes there again does so after the reads.
        self.collected.store(entry, Ordering::Release);
    }

    pub(crate) fn collected(&self) -> u64 {
        // ORDERING(pool.collected): Acquire. As above.
        self.collected.load(Ordering::Acquire)
    }

    pub(crate) fn stop(&self) {
        // ORDERING: Relaxed. A flag alone; the wake-up's fence orders it for sleepers.
        self.stop.store(1, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        // ORDERING: Relaxed. As above.
        self.stop.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn set_ready(&self) {
        // ORDERING: Relaxed. A flag alone.
        self.ready.store(1, Ordering::Relaxed);
    }

    pub(crate) fn is_ready(&self) -> bool {
        // ORDERING: Relaxed. A flag alone.
        self.ready.load(Ordering::Relaxed) != 0
    }
}

/// A number that one side writes while it owns the entry, and the other reads when it does.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Number(AtomicU64);

impl Number {
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        // ORDERING: Relaxed. The claim word orders it.
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // ORDERING: Relaxed. The claim word orders it.
        self.0.load(Ordering::Relaxed)
    }
}

/// An entry's place. What the parent writes and what the worker writes lie on lines of their own.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    pub(crate) claim: Claim,
    /// The code that knows the types, and the function: offsets in the executable.
    pub(crate) entry: Number,
    pub(crate) function: Number,
    /// Where the encoded argument, or those of all items, begin, and their length: in the content of
    /// the ring, or in the pool's store.
    pub(crate) argument_at: Number,
    pub(crate) argument_len: Number,
    /// [`Shape`]
    pub(crate) shape: Number,
    /// Bytes behind the outcome: how the job called itself.
    pub(crate) label_len: Number,
    _parent: u64,
    pub(crate) span: Span,
    /// When it began and ended, in nanoseconds of the system's clock.
    pub(crate) started: Number,
    pub(crate) ended: Number,
    /// Where the outcome lies.
    pub(crate) outcome_at: Number,
    pub(crate) outcome_len: Number,
    /// [`Shape`] of the outcome.
    pub(crate) outcome: Number,
    /// When the present item of a timed batch began.
    pub(crate) item_started: Number,
    argument: [Number; INLINE / 8],
    result: [Number; INLINE / 8],
}

/// What an entry or an outcome is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    /// A batch of items, and not one call.
    pub(crate) is_batch: bool,
    /// The time of each item is asked for.
    pub(crate) is_timed: bool,
    /// Descriptors come by post.
    pub(crate) has_descriptors: bool,
    /// The bytes are in a file, which comes by post, ahead of other descriptors.
    pub(crate) is_in_file: bool,
    /// The call failed: the bytes say why.
    pub(crate) is_failure: bool,
    /// The bytes are in the pool's store.
    pub(crate) is_stored: bool,
}

impl Shape {
    pub(crate) fn encode(self) -> u64 {
        let bits = [
            self.is_batch,
            self.is_timed,
            self.has_descriptors,
            self.is_in_file,
            self.is_failure,
            self.is_stored,
        ];
        bits.iter().rev().fold(0, |word, &bit| word << 1 | u64::from(bit))
    }

    pub(crate) fn decode(word: u64) -> Self {
        let bit = |place: u32| word >> place & 1 == 1;
        Self {
            is_batch: bit(0),
            is_timed: bit(1),
            has_descriptors: bit(2),
            is_in_file: bit(3),
            is_failure: bit(4),
            is_stored: bit(5),
        }
    }

    /// Whether something comes by post.
    pub(crate) fn has_post(self) -> bool {
        self.has_descriptors || self.is_in_file
    }
}

/// One life of a worker's memory. Clones are handles of the same.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    segment: Segment,
}

impl Ring {
    /// A ring without entries.
    pub(crate) fn create() -> Result<Self, CreateError> {
        let layout = Layout { reserve: RESULTS_AT + ARENA_FIRST, ..Layout::new(KIND, LEN) };
        Segment::create(&layout).map(|segment| Self { segment })
    }

    /// The worker's handle.
    pub(crate) fn attach(descriptor: OwnedFd) -> Result<Self, AttachError> {
        Segment::attach(descriptor, KIND).map(|segment| Self { segment })
    }

    pub(crate) fn try_clone_fd(&self) -> std::io::Result<OwnedFd> {
        self.segment.try_clone_fd()
    }

    /// The books of the results' arena, for the worker.
    pub(crate) fn results() -> Arena {
        Arena::new(RESULTS_AT, ARENA_FIRST, ARENA_MAX)
    }

    /// Makes pages of an arena exist.
    pub(crate) fn reserve(&self, range: Range<u64>) -> Result<(), OutOfMemory> {
        self.segment.reserve(range)
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY:
        // - The content begins with a page, and is longer than the header.
        // - It began as zeroes, and all of it are atomics, for which any bytes are valid.
        // - The segment, which is borrowed, keeps it mapped.
        unsafe { self.segment.content().cast().as_ref() }
    }

    /// The place of entry `number`.
    #[inline]
    pub(crate) fn slot(&self, number: u64) -> &Slot {
        let at = SLOTS_AT + number % ENTRIES * size_of::<Slot>() as u64;
        // SAFETY: within the content (the assertion above), and aligned: so are both summands.
        let slot = unsafe { self.segment.content().add(at as usize) };
        // SAFETY: as in `header`; nobody reads the inline bytes through this reference, which are
        // only room.
        unsafe { slot.cast().as_ref() }
    }

    /// Where the short argument of an entry lies.
    pub(crate) fn inline_argument(number: u64) -> u64 {
        SLOTS_AT
            + number % ENTRIES * size_of::<Slot>() as u64
            + std::mem::offset_of!(Slot, argument) as u64
    }

    /// Where the short result of an entry lies.
    pub(crate) fn inline_result(number: u64) -> u64 {
        SLOTS_AT
            + number % ENTRIES * size_of::<Slot>() as u64
            + std::mem::offset_of!(Slot, result) as u64
    }

    /// Bytes of the content. `None`: they are not within it.
    ///
    /// # Safety
    ///
    /// They belong to this side, by the claim word of their entry, as long as they are borrowed;
    /// the other side may read them, too. Their pages exist.
    #[inline]
    pub(crate) unsafe fn bytes(&self, at: u64, len: u64) -> Option<&[u8]> {
        let start = self.within(at, len)?;
        // SAFETY: within the mapping; nobody writes them meanwhile (contract).
        Some(unsafe { std::slice::from_raw_parts(start, len as usize) })
    }

    /// Copies bytes into the content; `false`: they do not fit there.
    ///
    /// # Safety
    ///
    /// The place belongs to this side alone, by the claim word of its entry. Its pages exist.
    #[inline]
    pub(crate) unsafe fn write(&self, at: u64, bytes: &[u8]) -> bool {
        let Some(start) = self.within(at, bytes.len() as u64) else { return false };
        // SAFETY: within the mapping, which no slice of this process's own memory overlaps; nobody
        // else accesses the place (contract).
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
        true
    }

    /// Where a place is in memory. `None`: it is not within the content.
    #[inline]
    pub(crate) fn within(&self, at: u64, len: u64) -> Option<*mut u8> {
        at.checked_add(len).filter(|&end| end <= LEN)?;
        // SAFETY: within the content, as just checked.
        Some(unsafe { self.segment.content().add(at as usize) }.as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_survive_the_journey() {
        let _watchdog = conc_tests::watchdog();
        for word in 0..64 {
            assert_eq!(Shape::decode(word).encode(), word);
        }
        assert!(Shape::decode(4).has_post() && Shape::decode(8).has_post());
    }

    #[test]
    fn both_sides_see_one_ring() {
        let _watchdog = conc_tests::watchdog();
        let ring = Ring::create().unwrap();
        let same = Ring::attach(ring.try_clone_fd().unwrap()).unwrap();
        let at = Ring::inline_argument(257);
        // SAFETY: nobody else has the ring.
        assert!(unsafe { ring.write(at, b"abc") });
        // SAFETY: as above.
        assert_eq!(unsafe { same.bytes(at, 3) }, Some(&b"abc"[..]));
        // SAFETY: as above; refused.
        assert!(!unsafe { ring.write(LEN, b"a") });
        // SAFETY: as above; refused.
        assert!(unsafe { ring.bytes(u64::MAX, 2) }.is_none());
        ring.slot(1).claim.publish(257);
        assert_eq!(same.slot(257).claim.take(257), Take::Taken);
    }
}
