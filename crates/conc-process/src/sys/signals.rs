//! Masks, dispositions, the descriptor that tells of dead children.

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

/// Makes a write to a closed pipe an error, as `std`'s runtime does.
pub(crate) fn ignore_broken_pipes() -> Result<(), Errno> {
    dispose(Signal::SIGPIPE, SigHandler::SigIgn)
}

/// Lets dead children wait to be reaped, whatever the parent of this process had set.
pub(crate) fn keep_dead_children() -> Result<(), Errno> {
    dispose(Signal::SIGCHLD, SigHandler::SigDfl)
}

fn dispose(signal: Signal, handler: SigHandler) -> Result<(), Errno> {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler of ours is involved, only what the system does by itself.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// Readable when children have died.
#[derive(Debug)]
pub(crate) struct DeadChildren(SignalFd);

impl DeadChildren {
    /// Blocks SIGCHLD, and watches it.
    pub(crate) fn watch() -> Result<Self, Errno> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGCHLD);
        mask.thread_block()?;
        SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }

    /// Forgets the news.
    pub(crate) fn drain(&self) {
        while let Ok(Some(_)) = self.0.read_signal() {}
    }
}

impl AsFd for DeadChildren {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Blocks exactly these signals in this thread; signal `n` is bit `n - 1`, as the kernel has it.
pub(crate) fn set_mask(mask: u64) {
    let nothing = std::ptr::null_mut::<u64>();
    let new = &raw const mask;
    let how = libc::SIG_SETMASK;
    // SAFETY: a mask of the kernel's size, which outlives the call; nobody asks for the former
    // one. (libc's own way takes a set of sixteen times the size, and more pages of code.)
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, new, nothing, size_of::<u64>()) };
}

/// Whether a signal does what the system does by itself.
pub(crate) fn is_default(number: i32) -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: nothing is changed, and `now` outlives the call.
    let result = unsafe { libc::sigaction(number, std::ptr::null(), now.as_mut_ptr()) };
    // SAFETY: after a success it is filled.
    result == 0 && unsafe { now.assume_init() }.sa_sigaction == libc::SIG_DFL
}
