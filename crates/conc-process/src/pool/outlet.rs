//! Encoding outcomes into the place where the parent reads them.

use super::cursor::Cursor;
use super::ring::{Arena, INLINE, Ring};
use conc_core::sync::{Ordering, compiler_fence};
use conc_core::wait::Patience;
use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// Where the outcomes of one entry go: into its slot, into the arena of the worker's results, and
/// into a file if there is no room at all.
pub(super) struct Outlet<'w> {
    number: u64,
    ring: &'w Ring,
    results: &'w mut Arena,
    cursor: Cursor,
    spot: Spot,
    /// If there was no room in the ring, all of it is here, to be sent as a file; and so many bytes
    /// of it in the ring.
    heap: Option<(Vec<u8>, usize)>,
}

/// Where the room in the ring begins, in its content.
#[derive(Clone, Copy)]
enum Spot {
    Slot(u64),
    Arena(u64),
    None,
}

/// Room in the arena is not worth having below this.
const LEAST_ROOM: usize = 1024;

impl<'w> Outlet<'w> {
    /// For an entry that this worker runs: of a call, which begins in the slot, or of a batch.
    pub(super) fn new(ring: &'w Ring, results: &'w mut Arena, number: u64, is_batch: bool) -> Self {
        let (cursor, spot) = (Cursor::empty(), Spot::None);
        let mut outlet = Self { number, ring, results, cursor, spot, heap: None };
        if !is_batch {
            outlet.begin_in_slot();
        }
        outlet
    }

    fn begin_in_slot(&mut self) {
        let at = Ring::inline_result(self.number);
        if let Some(start) = self.ring.within(at, INLINE as u64) {
            // SAFETY: the slot's own room, which is the worker's while it runs the entry.
            self.cursor = unsafe { Cursor::new(start, 0, INLINE) };
            self.spot = Spot::Slot(at);
        }
    }

    /// Bytes that are there.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.cursor.len()
    }

    /// Where they begin in the content of the ring; 0 if there are none.
    pub(super) fn at(&self) -> u64 {
        match self.spot {
            Spot::Slot(at) | Spot::Arena(at) => at,
            Spot::None => 0,
        }
    }

    /// What is to be sent as a file.
    pub(super) fn in_heap(&self) -> Option<&[u8]> {
        self.heap.as_ref().map(|_| self.cursor.bytes())
    }

    /// Forgets what comes behind the first `len` bytes.
    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        self.cursor.truncate(len);
    }

    #[inline]
    pub(super) fn patch<const N: usize>(&mut self, place: usize, bytes: [u8; N]) {
        self.cursor.patch(place, bytes);
    }

    /// Encodes a value behind what is there. After an error, whatever was written stays.
    #[inline]
    pub(super) fn append<T: Serialize>(&mut self, value: &T) -> postcard::Result<()> {
        postcard::serialize_with_flavor(value, &mut *self)
    }

    #[inline]
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if !self.cursor.extend(bytes) {
            self.make_room(bytes.len());
            self.cursor.extend(bytes);
        }
    }

    /// Gives back what the entry does not need.
    pub(super) fn trim(&mut self) {
        if let (Spot::Arena(_), None) = (self.spot, &self.heap) {
            self.results.trim(self.len() as u64);
        }
    }

    /// There will be no file: back to the ring, and to what was there.
    pub(super) fn leave_heap(&mut self) {
        let Some((_, len)) = self.heap.take() else { return };
        self.cursor = match self.ring.within(self.at(), len as u64) {
            // SAFETY: the entry's own place, which this worker wrote; the room behind it was given
            // back.
            Some(start) if len > 0 => unsafe { Cursor::new(start, len, len) },
            _ => Cursor::empty(),
        };
    }

    /// Finds room for `more` bytes behind what is there, which moves. In the ring, what is there
    /// stays readable in its old place as well.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, more: usize) {
        let len = self.len();
        let wanted = (len + more).max(len * 2).max(LEAST_ROOM);
        if let Some((bytes, _)) = &mut self.heap {
            // SAFETY: so many bytes were written.
            unsafe { bytes.set_len(len) };
            bytes.reserve(wanted - len);
            // SAFETY: the vector's own room, and the vector is left alone while the cursor is used.
            self.cursor = unsafe { Cursor::new(bytes.as_mut_ptr(), len, bytes.capacity()) };
            return;
        }
        self.trim();
        let (start, room) = match self.room_in_arena(wanted as u64) {
            Some((at, start, room)) => {
                self.spot = Spot::Arena(at);
                (start, room)
            }
            None => {
                let (bytes, _) = self.heap.insert((Vec::with_capacity(wanted), len));
                (bytes.as_mut_ptr(), bytes.capacity())
            }
        };
        // SAFETY: `len` bytes were written there; the new room is another, and longer.
        unsafe { std::ptr::copy_nonoverlapping(self.cursor.start(), start, len) };
        // SAFETY: the room is this worker's alone: a place that was given out for its entry, or a
        // vector that is left alone while the cursor is used.
        self.cursor = unsafe { Cursor::new(start, len, room) };
        if let (Spot::Arena(at), None) = (self.spot, &self.heap) {
            // Whichever of the two places the parent sees after a death: the same is there.
            // ORDERING: Release, for the compiler alone. After a death nobody sees another order.
            compiler_fence(Ordering::Release);
            self.ring.slot(self.number).outcome_at.set(at);
        }
    }

    /// A place for at least `len` bytes: where it begins, in the content and in memory, and its
    /// length. Waits until the parent has collected enough of the results before, and makes pages
    /// exist if they do not.
    fn room_in_arena(&mut self, len: u64) -> Option<(u64, *mut u8, usize)> {
        if u32::try_from(len).is_err() || !self.results.can_ever_hold(len) {
            return None;
        }
        let header = self.ring.header();
        let mut patience = Patience::new();
        loop {
            let collected = header.collected();
            self.results.free_below(collected);
            if let Some((at, room)) = self.results.place_most(self.number, len) {
                return Some((at, self.ring.within(at, room)?, room as usize));
            }
            if let Some(range) = self.results.growth(len) {
                let end = range.end;
                if self.ring.reserve(range).is_err() {
                    // The machine is full. A file would not fit either, but says so by itself.
                    return None;
                }
                self.results.grown(end);
                continue;
            }
            if !self.results.holds_before(self.number) {
                // No place will come back, and it does not fit.
                return None;
            }
            if patience.pause() {
                continue;
            }
            header.room.announce();
            if header.collected() == collected {
                header.room.sleep(conc_core::sys::futex::Scope::Shared);
            }
            header.room.retract();
        }
    }
}

impl Flavor for &mut Outlet<'_> {
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
        self.extend(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
