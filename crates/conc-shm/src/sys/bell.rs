//! Wakes a thread that polls.

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::os::fd::{AsFd, BorrowedFd};

/// A descriptor that can be read after somebody rang.
#[derive(Debug)]
pub(crate) struct Bell(EventFd);

impl Bell {
    pub(crate) fn new() -> Result<Self, Errno> {
        EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map(Self)
    }

    pub(crate) fn ring(&self) {
        // It fails only when it has been rung 2^64 - 2 times: then it is heard, too.
        let _ = self.0.write(1);
    }

    /// Makes it silent again.
    pub(crate) fn hush(&self) {
        // It was silent, or is so now.
        let _ = self.0.read();
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
