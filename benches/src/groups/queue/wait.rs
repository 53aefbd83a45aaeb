//! How hand-written limits wait: a policy each, so that what it costs to wait can be told apart from
//! what it costs to queue.

use nix::libc;
use std::hint;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

/// A way to wait for something that another side does.
pub(in crate::groups) trait Wait: Send + Sync + 'static {
    /// Waits until `ready` says so.
    fn until(bell: &AtomicU32, ready: impl FnMut() -> bool);
    /// Called after something has been done that others may wait for.
    fn ring(bell: &AtomicU32);
}

/// Looks again and again.
pub(in crate::groups) enum Spin {}
/// Looks 100 times, then lets others run between two looks.
pub(in crate::groups) enum Yield {}
/// Sleeps at once.
pub(in crate::groups) enum Sleep {}
/// Looks 100 times, then 50 times with a yield before each (some 8 us in all), then sleeps.
pub(in crate::groups) enum Adapt {}

const SPINS: usize = 100;
const YIELDS: usize = 50;

impl Wait for Spin {
    #[inline]
    fn until(_: &AtomicU32, mut ready: impl FnMut() -> bool) {
        while !ready() {
            hint::spin_loop();
        }
    }

    #[inline]
    fn ring(_: &AtomicU32) {}
}

impl Wait for Yield {
    #[inline]
    fn until(_: &AtomicU32, mut ready: impl FnMut() -> bool) {
        if !spin(&mut ready) {
            while !ready() {
                thread::yield_now();
            }
        }
    }

    #[inline]
    fn ring(_: &AtomicU32) {}
}

impl Wait for Sleep {
    #[inline]
    fn until(bell: &AtomicU32, mut ready: impl FnMut() -> bool) {
        if !ready() {
            sleep(bell, &mut ready);
        }
    }

    #[inline]
    fn ring(bell: &AtomicU32) {
        wake(bell);
    }
}

impl Wait for Adapt {
    #[inline]
    fn until(bell: &AtomicU32, mut ready: impl FnMut() -> bool) {
        let is_ready = spin(&mut ready)
            || (0..YIELDS).any(|_| {
                thread::yield_now();
                ready()
            });
        if !is_ready {
            sleep(bell, &mut ready);
        }
    }

    #[inline]
    fn ring(bell: &AtomicU32) {
        wake(bell);
    }
}

#[inline]
fn spin(ready: &mut impl FnMut() -> bool) -> bool {
    (0..SPINS).any(|_| {
        let is_ready = ready();
        if !is_ready {
            hint::spin_loop();
        }
        is_ready
    })
}

/// The lowest bit of a bell: somebody sleeps. The others count how often it was rung.
const SLEEPER: u32 = 1;

#[cold]
fn sleep(bell: &AtomicU32, ready: &mut impl FnMut() -> bool) {
    loop {
        let seen = bell.fetch_or(SLEEPER, Ordering::Relaxed) | SLEEPER;
        // ORDERING: SeqCst here and in `wake`. Either this side sees what the other has done, or
        // the other sees that this side is about to sleep.
        fence(Ordering::SeqCst);
        if ready() {
            return;
        }
        futex_wait(bell, seen);
        // Looked at before the bit is set anew: a bit that nobody needs costs the other a call.
        if ready() {
            return;
        }
    }
}

#[inline]
fn wake(bell: &AtomicU32) {
    fence(Ordering::SeqCst);
    let seen = bell.load(Ordering::Relaxed);
    if seen & SLEEPER != 0 {
        wake_sleepers(bell, seen);
    }
}

#[cold]
fn wake_sleepers(bell: &AtomicU32, seen: u32) {
    // The bit is cleared before anybody has woken up: what is done until then rings no more.
    let next = seen.wrapping_add(SLEEPER);
    if bell.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        futex_wake(bell);
    }
}

/// Sleeps unless the word has changed; may return early.
pub(in crate::groups) fn futex_wait(word: &AtomicU32, expected: u32) {
    let for_ever = ptr::null::<libc::timespec>();
    // SAFETY: the word is there during the call, and the kernel only reads it.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, for_ever) };
}

/// Wakes all who sleep on the word.
pub(in crate::groups) fn futex_wake(word: &AtomicU32) {
    // SAFETY: the word is not even looked at.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
}
