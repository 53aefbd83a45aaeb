//! Threads that take no signals.

use nix::sys::signal::{SigSet, SigmaskHow};

/// Calls `start` with all signals blocked: a thread that it starts inherits the mask, so that no
/// handler of the program ever runs there.
pub(crate) fn blocked<R>(start: impl FnOnce() -> R) -> R {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let result = start();
    if let Ok(before) = before {
        // It was this thread's mask a moment ago.
        let _ = before.thread_set_mask();
    }
    result
}
