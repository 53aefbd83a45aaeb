//! Memory that a process shares with those that are forked from it.

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// What one side writes and others look at, on a pair of cache lines of its own: CPUs fetch two.
#[derive(Debug)]
#[repr(C, align(128))]
pub(in crate::groups) struct Line {
    pub(in crate::groups) number: AtomicU64,
    pub(in crate::groups) word: AtomicU32,
}

/// So many lines of zeros, until the process ends.
pub(in crate::groups) fn lines(count: usize) -> &'static [Line] {
    let first = bytes(count * size_of::<Line>()).cast::<Line>();
    // SAFETY: - the mapping begins at a page and is as long as `count` lines
    //         - it is never unmapped
    //         - a line is made of atomics, and zeros are valid ones
    unsafe { slice::from_raw_parts(first.as_ptr(), count) }
}

/// So many zeros, until the process ends, each page of them present.
///
/// # Panics
///
/// If there is not so much memory.
pub(super) fn bytes(length: usize) -> NonNull<u8> {
    let length = NonZeroUsize::new(length).expect("a size");
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let kind = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
    // SAFETY: a new mapping at an address of the kernel's choice.
    unsafe { mmap_anonymous(None, length, access, kind) }.expect("so much memory").cast()
}
