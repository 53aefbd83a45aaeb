//! The places for messages in shared memory.

use super::lane::Shape;
use super::memory;
use std::ptr::NonNull;
use std::slice;

const CACHE_LINE: usize = 64;

/// As many places of one size as a queue has capacity, used round and round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    first: NonNull<u8>,
    size: usize,
    /// From one place to the next.
    stride: usize,
    mask: u64,
}

// SAFETY: plain memory, never unmapped; `at` asks its caller that a place is used by one at a time.
unsafe impl Send for Slots {}
// SAFETY: as above.
unsafe impl Sync for Slots {}

/// Copies a message in or out.
///
/// The smallest ones in pieces as large as those in which they were just written: wider ones would
/// wait until all that has been written before has reached the cache, other CPUs' lines included.
#[inline]
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    let known: (Result<&mut [u8; CACHE_LINE], _>, Result<&[u8; CACHE_LINE], _>) =
        ((&mut *to).try_into(), from.try_into());
    match known {
        (Ok(to), Ok(from)) => *to = *from,
        _ => to.copy_from_slice(from),
    }
}

impl Slots {
    /// Each place has the size of a message and `extra` bytes before it.
    pub(super) fn new(shape: Shape, extra: usize) -> Self {
        assert!(shape.capacity.is_power_of_two(), "positions are masked");
        let size = shape.size + extra;
        let stride = size.next_multiple_of(CACHE_LINE);
        let first = memory::bytes(stride * shape.capacity);
        Self { first, size, stride, mask: shape.capacity as u64 - 1 }
    }

    /// Where the place of a position begins; aligned as a cache line is.
    #[inline]
    pub(super) fn address(&self, position: u64) -> NonNull<u8> {
        let offset = (position & self.mask) as usize * self.stride;
        // SAFETY: within the mapping, as the index is masked.
        unsafe { self.first.add(offset) }
    }

    /// The place of a position, from byte `extra` on.
    ///
    /// # Safety
    ///
    /// Nobody else uses it meanwhile.
    #[inline]
    pub(super) unsafe fn at<'a>(&self, position: u64, extra: usize) -> &'a mut [u8] {
        // SAFETY: within the place.
        let begin = unsafe { self.address(position).add(extra) };
        // SAFETY: - mapped until the process ends, and any bytes are valid
        //         - the caller says that it is used by one at a time
        unsafe { slice::from_raw_parts_mut(begin.as_ptr(), self.size - extra) }
    }
}
