//! Sleep on a word until somebody changes it.
//!
//! A *futex* pairs a 32-bit word with a queue of sleepers. [`wait`] sleeps only if the word still
//! holds the value that the caller has seen; [`wake`] calls sleepers. Whoever changes the word and
//! then wakes can therefore never miss a sleeper that looked before the change.
//!
//! | implementation | where | [`Scope::Shared`] |
//! |---|---|---|
//! | `linux` | Linux: the futex system call | yes, by the kernel |
//! | `portable` | other systems, or with the feature `portable-futex` | looks again every millisecond |
//! | `model` | under `--cfg conc_loom` | as private |
//!
//! # Memory ordering
//!
//! Neither call orders memory: the caller's atomics on the word do.
//!
//! # Fairness
//!
//! The kernel wakes sleepers of equal priority in the order in which they came; the portable form
//! wakes them in the order in which they came as well.
//!
//! # If a sleeper dies
//!
//! A killed process leaves the queue by itself. A wake that it had already received is spent:
//! protocols across processes must survive that (wake all, or let the survivors look again).

use crate::Deadline;
use crate::sync::AtomicU32;

#[cfg(all(target_os = "linux", not(conc_loom), not(feature = "portable-futex")))]
mod linux;
#[cfg(conc_loom)]
mod model;
#[cfg(not(conc_loom))]
#[cfg_attr(
    all(target_os = "linux", not(feature = "portable-futex")),
    allow(dead_code, reason = "compiled everywhere so that it cannot rot; its unit tests run it")
)]
mod portable;

#[cfg(all(target_os = "linux", not(conc_loom), not(feature = "portable-futex")))]
use linux as platform;
#[cfg(conc_loom)]
use model as platform;
#[cfg(all(not(conc_loom), any(not(target_os = "linux"), feature = "portable-futex")))]
use portable as platform;

/// Who may sleep on a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Threads of this process only. Cheaper: the kernel looks at the address alone.
    Private,
    /// Every process that maps the memory of the word, at whatever address.
    Shared,
}

/// Why [`wait`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wake {
    /// Woken, or for no reason at all: look at the word again.
    Woken,
    /// The word did not hold the expected value; nobody slept.
    Changed,
    /// The deadline came first.
    TimedOut,
}

/// Sleeps until woken, if `word` still holds `expected`; not beyond `deadline`.
///
/// May return [`Wake::Woken`] without a wake; interruptions by signals never stretch the deadline
/// and a [`Wake::TimedOut`] never comes early.
///
/// # Examples
///
/// ```
/// use conc_core::sync::{AtomicU32, Ordering};
/// use conc_core::sys::futex::{Scope, Wake, wait, wake};
/// use std::sync::Arc;
///
/// let word = Arc::new(AtomicU32::new(0));
/// let sleeper = std::thread::spawn({
///     let word = Arc::clone(&word);
///     move || {
///         while word.load(Ordering::Acquire) == 0 {
///             wait(&word, 0, None, Scope::Private);
///         }
///     }
/// });
/// word.store(1, Ordering::Release);
/// wake(&raw const *word, u32::MAX, Scope::Private);
/// sleeper.join().unwrap();
/// ```
#[inline]
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Deadline>, scope: Scope) -> Wake {
    platform::wait(word, expected, deadline, scope)
}

/// Wakes up to `count` sleepers and says how many it woke (the portable and the modelled form
/// count only what they know of).
///
/// The word may be gone by the time this runs: after a change that lets a sleeper free the memory,
/// waking its old address is harmless, at worst a spurious wake-up of a stranger.
#[inline]
pub fn wake(word: *const AtomicU32, count: u32, scope: Scope) -> usize {
    platform::wake(word, count, scope)
}
