//! Memory that one process writes and others only read.

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, FcntlArg, SealFlag, fallocate, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

/// Nobody else changes its length or writes it.
const SEALS: SealFlag =
    SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_FUTURE_WRITE);

/// The writer's side. Pages exist where they were [reserved](Self::reserve).
#[derive(Debug)]
pub(crate) struct OneWay {
    mapping: Mapping,
    file: OwnedFd,
}

impl OneWay {
    /// Addresses for so many bytes.
    pub(crate) fn create(len: NonZeroUsize) -> Result<Self, Errno> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = memfd_create(c"conc-process", flags)?;
        ftruncate(&file, i64::try_from(len.get()).map_err(|_| Errno::EFBIG)?)?;
        // Before the seal: what is mapped already may still be written.
        let mapping = Mapping::new(&file, len, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(SEALS | SealFlag::F_SEAL_SEAL))?;
        Ok(Self { mapping, file })
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.mapping.start
    }

    /// Makes pages exist for a range; what exists stays as it is.
    pub(crate) fn reserve(&self, range: Range<u64>) -> Result<(), Errno> {
        let end = i64::try_from(range.end).map_err(|_| Errno::EFBIG)?;
        let start = i64::try_from(range.start).map_err(|_| Errno::EFBIG)?;
        loop {
            match fallocate(&self.file, FallocateFlags::empty(), start, end - start) {
                Err(Errno::EINTR) => {}
                other => return other,
            }
        }
    }
}

impl AsFd for OneWay {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A reader's side.
#[derive(Debug)]
pub(crate) struct OneWayView {
    mapping: Mapping,
}

impl OneWayView {
    /// Maps what another process writes. Refused unless its length is sealed.
    pub(crate) fn attach(file: &OwnedFd) -> Result<Self, Errno> {
        let seals = SealFlag::from_bits_retain(fcntl(file, FcntlArg::F_GET_SEALS)?);
        let len = usize::try_from(fstat(file)?.st_size).ok().and_then(NonZeroUsize::new);
        let len = len.filter(|_| seals.contains(SEALS)).ok_or(Errno::EINVAL)?;
        Ok(Self { mapping: Mapping::new(file, len, ProtFlags::PROT_READ)? })
    }

    /// A range of the memory; `None`: it is not within.
    ///
    /// # Safety
    ///
    /// Its pages exist, and the writer leaves them alone for as long as the slice lives.
    pub(crate) unsafe fn bytes(&self, at: u64, len: u64) -> Option<&[u8]> {
        at.checked_add(len).filter(|&end| end <= self.mapping.len.get() as u64)?;
        // SAFETY: within the mapping, as just checked.
        let start = unsafe { self.mapping.start.add(at as usize) };
        // SAFETY: within the mapping, which lives as long as `self`; nobody writes (contract).
        Some(unsafe { std::slice::from_raw_parts(start.as_ptr(), len as usize) })
    }
}

/// A whole file as memory.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    len: NonZeroUsize,
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: as above; `&Mapping` gives out nothing but an address.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(file: &OwnedFd, len: NonZeroUsize, access: ProtFlags) -> Result<Self, Errno> {
        // SAFETY: no address is asked for, so the kernel takes a range that nobody uses.
        let start = unsafe { mmap(None, len, access, MapFlags::MAP_SHARED, file, 0) }?;
        Ok(Self { start: start.cast(), len })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range that `mmap` gave; whoever uses it holds the owner of this value.
        let result = unsafe { munmap(self.start.cast(), self.len.get()) };
        debug_assert_eq!(result, Ok(()), "this range was mapped");
    }
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn readers_see_it_and_cannot_write() {
        let _watchdog = conc_tests::watchdog();
        let len = NonZeroUsize::new(1 << 20).unwrap();
        let writer = OneWay::create(len).unwrap();
        writer.reserve(4096..8192).unwrap();
        // SAFETY: nobody else has it, and the page exists.
        unsafe { writer.start().as_ptr().wrapping_add(5000).write(7) };
        let file = writer.as_fd().try_clone_to_owned().unwrap();
        let reader = OneWayView::attach(&file).unwrap();
        // SAFETY: the page exists, and nobody writes.
        assert_eq!(unsafe { reader.bytes(5000, 1) }, Some(&[7][..]));
        // SAFETY: refused.
        assert!(unsafe { reader.bytes(1 << 20, 1) }.is_none());
        // SAFETY: refused.
        assert!(unsafe { reader.bytes(u64::MAX, 2) }.is_none());
        let write = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        assert_eq!(Mapping::new(&file, len, write).unwrap_err(), Errno::EPERM);
        assert!(nix::unistd::write(&file, b"a").is_err() && ftruncate(&file, 1).is_err());
    }

    #[test]
    fn what_is_not_sealed_is_refused() {
        let _watchdog = conc_tests::watchdog();
        let file = memfd_create(c"other", MFdFlags::MFD_ALLOW_SEALING).unwrap();
        ftruncate(&file, 4096).unwrap();
        assert_eq!(OneWayView::attach(&file).unwrap_err(), Errno::EINVAL);
    }
}
