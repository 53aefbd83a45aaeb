//! Who publishes learns whether somebody sleeps for it.
//!
//! # Layout
//!
//! One word: 1 while one sleeps or is about to, 0 otherwise.
//!
//! # Transitions
//!
//! ```text
//!   sleeper                              publisher
//!   ───────                              ─────────
//!   1. word = 1                          A. publish
//!   2. fence(SeqCst)                     B. fence(SeqCst)
//!   3. look again; there: word = 0       C. word = 0? done
//!   4. sleep while word = 1              D. word = 0 (exchange); who succeeds wakes
//! ```
//!
//! # Invariants
//!
//! 1. *No wake-up is lost.* Of the two fences one is first. If it is the sleeper's, the publisher
//!    sees the 1 at C; if it is the publisher's, the sleeper sees at 3 what was published.
//! 2. One publisher wakes for one announcement, however many publish.
//! 3. A sleeper that dies leaves a 1: one wake-up in vain. A *publisher* that dies between A and D
//!    leaves the sleeper asleep: who hears of the death looks for itself.

use conc_core::sync::{AtomicU32, Ordering, fence};
use conc_core::sys::futex::{self, Scope};

const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;

/// The word between one sleeper and whoever publishes for it. See the module.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Sleeper(AtomicU32);

impl Sleeper {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(AWAKE))
    }

    /// The sleeper will sleep, unless a second look finds something.
    pub(crate) fn announce(&self) {
        // ORDERING: Relaxed. The fence orders it.
        self.0.store(ASLEEP, Ordering::Relaxed);
        // ORDERING(pool.sleep): SeqCst. Announce, then look; a publisher publishes, then asks.
        fence(Ordering::SeqCst);
    }

    /// The sleeper is awake.
    pub(crate) fn retract(&self) {
        // ORDERING: Relaxed. Who wakes all the same wakes in vain.
        self.0.store(AWAKE, Ordering::Relaxed);
    }

    /// Sleeps on the word itself; only for a sleeper whose publishers call [`wake`](Self::wake).
    pub(crate) fn sleep(&self, scope: Scope) {
        futex::wait(&self.0, ASLEEP, None, scope);
    }

    /// Whether the publisher has to wake the sleeper, by whatever means.
    #[inline]
    pub(crate) fn is_to_be_woken(&self) -> bool {
        // ORDERING(pool.sleep): SeqCst. Publish, then ask.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed. The fence orders it.
        self.0.load(Ordering::Relaxed) == ASLEEP
            // ORDERING: Relaxed. As above.
            && self.0.swap(AWAKE, Ordering::Relaxed) == ASLEEP
    }

    /// Wakes a sleeper that sleeps on the word.
    #[inline]
    pub(crate) fn wake(&self, scope: Scope) {
        if self.is_to_be_woken() {
            futex::wake(&raw const self.0, 1, scope);
        }
    }
}
