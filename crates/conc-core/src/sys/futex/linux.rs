//! The futex system call of Linux.

use super::{Scope, Wake};
use crate::Deadline;
use crate::sync::AtomicU32;

/// Operation flags for a scope.
const fn flags(scope: Scope) -> libc::c_int {
    match scope {
        Scope::Private => libc::FUTEX_PRIVATE_FLAG,
        Scope::Shared => 0,
    }
}

pub(super) fn wait(
    word: &AtomicU32,
    expected: u32,
    deadline: Option<Deadline>,
    scope: Scope,
) -> Wake {
    loop {
        let time_left = match deadline {
            None => None,
            Some(deadline) => {
                let left = deadline.remaining();
                if left.is_zero() {
                    return Wake::TimedOut;
                }
                Some(timespec(left))
            }
        };
        let time_left_ptr = time_left.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY:
        // - `word` is a live, aligned 32-bit word for the whole call.
        // - `time_left_ptr` is null or points to a timespec that outlives the call.
        let outcome = unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAIT | flags(scope),
                expected,
                time_left_ptr,
            )
        };
        if outcome == 0 {
            return Wake::Woken;
        }
        match std::io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN) => return Wake::Changed,
            // FUTEX_WAIT counts relative time: on EINTR count again what is left, and let our own
            // clock decide whether the deadline has come.
            Some(libc::EINTR | libc::ETIMEDOUT) => {}
            error => unreachable!("futex wait failed with {error:?}: the word is valid"),
        }
    }
}

pub(super) fn wake(word: *const AtomicU32, count: u32, scope: Scope) -> usize {
    let count = count.min(i32::MAX as u32);
    // SAFETY: the kernel only looks the address up; it neither reads nor writes through it.
    let woken =
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | flags(scope), count) };
    // A word whose memory is already unmapped answers EFAULT: nobody can sleep there.
    usize::try_from(woken).unwrap_or(0)
}

fn timespec(duration: std::time::Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
