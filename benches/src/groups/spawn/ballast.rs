//! Memory that makes a parent big.

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};
use std::num::NonZeroUsize;

const PAGE: usize = 4096;

/// Private memory of so many MiB until the process ends, each page of 4 KiB touched.
///
/// # Panics
///
/// If there is not so much memory.
pub(super) fn load(mebibytes: usize) {
    let length = NonZeroUsize::new(mebibytes << 20).expect("a size");
    let (access, kind) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE);
    // SAFETY: a new mapping at an address of the kernel's choice.
    let memory = unsafe { mmap_anonymous(None, length, access, kind) }.expect("so much memory");
    // With huge pages, a fork would copy 512 times fewer entries than most programs have.
    // SAFETY: the mapping above, which does not change by it.
    unsafe { madvise(memory, length.get(), MmapAdvise::MADV_NOHUGEPAGE) }.expect("Linux has it");
    for offset in (0..length.get()).step_by(PAGE) {
        // SAFETY: within the mapping.
        let page = unsafe { memory.cast::<u8>().add(offset) };
        // SAFETY: mapped for writing, and nobody else knows it.
        unsafe { page.write_volatile(1) };
    }
}
