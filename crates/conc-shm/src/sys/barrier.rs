//! A fence whose one half costs nothing.
//!
//! Two processes that each write and then look for what the other has written cannot both miss
//! the other if each has a fence in between. Where one of them does so for each message and the
//! other one before it sleeps, the latter can have the fence for both: the system makes every
//! processor pass one that runs a process which has [asked](register) for it (`membarrier`, since
//! Linux 4.16).

use super::poll;
use conc_core::sync::{Ordering, compiler_fence, fence};
use nix::errno::Errno;

// `linux/membarrier.h`; the libc crate has the number of the call alone.
const GLOBAL_EXPEDITED: libc::c_int = 1 << 1;
const REGISTER_GLOBAL_EXPEDITED: libc::c_int = 1 << 2;

/// Milliseconds. Nothing stays in a processor's store buffer for nearly so long.
const BEYOND_DOUBT: u16 = 10;

/// From now on this process may use [`light`], and others [`heavy`] for it.
pub(crate) fn register() -> Result<(), Errno> {
    membarrier(REGISTER_GLOBAL_EXPEDITED)
}

/// The half that costs nothing: what is written before and what is read behind it stay in this
/// order for whoever passes [`heavy`].
#[inline]
pub(crate) fn light() {
    // ORDERING: SeqCst. The compiler keeps the order; the processor need not, see `heavy`.
    compiler_fence(Ordering::SeqCst);
}

/// The half that costs a system call, about a microsecond.
pub(crate) fn heavy() {
    // ORDERING: SeqCst. For this thread; the call would do.
    fence(Ordering::SeqCst);
    if membarrier(GLOBAL_EXPEDITED).is_err() {
        // It worked when the process registered: since then somebody has forbidden it.
        let _ = poll::readable(&[], BEYOND_DOUBT);
        // ORDERING: SeqCst. As above.
        fence(Ordering::SeqCst);
    }
}

fn membarrier(command: libc::c_int) -> Result<(), Errno> {
    // SAFETY: takes numbers and touches no memory.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    Errno::result(result).map(drop)
}
