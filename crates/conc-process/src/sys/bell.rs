//! An eventfd: wakes a thread that polls, from this process or another.

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::os::fd::{BorrowedFd, OwnedFd};

/// A bell that nobody has rung.
pub(crate) fn new() -> Result<OwnedFd, Errno> {
    let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
    EventFd::from_value_and_flags(0, flags).map(Into::into)
}

/// Makes it readable.
pub(crate) fn ring(bell: BorrowedFd<'_>) {
    // Full is rung as well.
    let _ = nix::unistd::write(bell, &1_u64.to_ne_bytes());
}

/// Makes it silent.
pub(crate) fn silence(bell: BorrowedFd<'_>) {
    // It may be silent already.
    let _ = nix::unistd::read(bell, &mut [0; 8]);
}
