//! Writing encoded bytes one behind the other.

/// Where the next byte goes, and where the room ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    start: *mut u8,
    at: *mut u8,
    end: *mut u8,
}

/// Up to so many bytes are copied without a call: encoders write numbers of a few bytes.
const SHORT: usize = 16;

impl Cursor {
    /// No room at all.
    pub(super) const fn empty() -> Self {
        let nowhere = std::ptr::dangling_mut();
        Self { start: nowhere, at: nowhere, end: nowhere }
    }

    /// Behind the first `len` bytes of `room`.
    ///
    /// # Safety
    ///
    /// As long as the cursor is used, `start` points at `room` bytes that are the caller's alone to
    /// write; `len` is not more.
    pub(super) const unsafe fn new(start: *mut u8, len: usize, room: usize) -> Self {
        Self { start, at: start.wrapping_add(len), end: start.wrapping_add(room) }
    }

    /// Bytes that are there.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.at as usize - self.start as usize
    }

    pub(super) const fn start(&self) -> *mut u8 {
        self.start
    }

    /// Forgets what comes behind the first `len` bytes.
    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.at = self.start.wrapping_add(len);
        }
    }

    /// Writes a byte; `false`: there is no room.
    #[inline]
    pub(super) fn push(&mut self, byte: u8) -> bool {
        if self.at == self.end {
            return false;
        }
        // SAFETY: before the end of the room, which is ours to write (contract of `new`).
        unsafe { self.at.write(byte) };
        self.at = self.at.wrapping_add(1);
        true
    }

    /// Writes bytes; `false`: there is no room for all of them, and none was written.
    #[inline]
    pub(super) fn extend(&mut self, bytes: &[u8]) -> bool {
        let len = bytes.len();
        if len > self.end as usize - self.at as usize {
            return false;
        }
        match len {
            0 => {}
            1 => self.put_ends::<1>(bytes),
            2..=3 => self.put_ends::<2>(bytes),
            4..=7 => self.put_ends::<4>(bytes),
            8..=SHORT => self.put_ends::<8>(bytes),
            // SAFETY: so much room is left, and it is ours to write; nobody has a slice of it.
            _ => unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at, len) },
        }
        self.at = self.at.wrapping_add(len);
        true
    }

    /// Writes from `N` to `2 * N` bytes, for which there is room, as the first and the last `N`.
    #[inline]
    fn put_ends<const N: usize>(&self, bytes: &[u8]) {
        let ends = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>());
        let (Some(first), Some(last)) = ends else { return };
        let last_at = self.at.wrapping_add(bytes.len() - N);
        // SAFETY: so much room is left, and it is ours to write (contract of `new`).
        unsafe { self.at.cast::<[u8; N]>().write_unaligned(*first) };
        // SAFETY: as above.
        unsafe { last_at.cast::<[u8; N]>().write_unaligned(*last) };
    }

    /// Overwrites what is there from `place` on.
    #[inline]
    pub(super) fn patch<const N: usize>(&mut self, place: usize, bytes: [u8; N]) {
        debug_assert!(place + N <= self.len(), "only what is there can be overwritten");
        if place + N <= self.len() {
            let at = self.start.wrapping_add(place).cast::<[u8; N]>();
            // SAFETY: within what is there.
            unsafe { at.write_unaligned(bytes) };
        }
    }

    /// What is there.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: all of it was written, and is ours alone for as long as the slice lives: writing
        // needs this cursor exclusively.
        unsafe { std::slice::from_raw_parts(self.start, self.len()) }
    }
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn all_lengths_arrive_and_nothing_goes_beyond() {
        let _watchdog = conc_tests::watchdog();
        let source: Vec<u8> = (1..=100).collect();
        for len in 0..40 {
            let mut room = [0; 48];
            // SAFETY: the room is this test's, and one byte longer than what is used.
            let mut cursor = unsafe { Cursor::new(room.as_mut_ptr(), 0, len + 1) };
            assert!(cursor.push(255) && cursor.extend(&source[..len]));
            assert!(!cursor.push(1) && !cursor.extend(&[1]) && cursor.extend(&[]));
            assert_eq!((cursor.len(), cursor.bytes()[0]), (len + 1, 255));
            assert_eq!(&cursor.bytes()[1..], &source[..len]);
            cursor.patch(0, [9]);
            cursor.truncate(1);
            assert_eq!(cursor.bytes(), [9]);
            assert!(room[len + 1..].iter().all(|byte| *byte == 0));
        }
        assert!(!Cursor::empty().push(1) && Cursor::empty().bytes().is_empty());
    }
}
