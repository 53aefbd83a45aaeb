//! Sleep until something happened, across processes, whoever dies.
//!
//! # Layout
//!
//! One word of 32 bits, so that no part of it can go stale alone: bit 0 says that somebody sleeps
//! or is about to, the rest counts.
//!
//! # Transitions
//!
//! ```text
//!   waiter                                notifier
//!   ──────                                ────────
//!   1. set bit 0, ticket = the word       A. change the condition (sequentially consistent)
//!   2. look at the condition again        B. bit 0 clear? done
//!   3. sleep while the word == ticket     C. count + 1
//!                                         D. wake; if nobody slept: count + 1, clear bit 0
//! ```
//!
//! # Invariants
//!
//! 1. *No wake-up is lost.* 1, 2, A and B are sequentially consistent: if the waiter misses the
//!    change at 2, then 1 came before A, and the notifier sees the bit at B. C then changes the
//!    ticket's word, so that the waiter does not sleep at 3, or is woken at D. (In rings without
//!    fences A is a plain store; there the waiter pauses before 2: `ring::protocol`, invariant 5.)
//! 2. *The bit heals.* It is cleared only together with a count, so that whoever was between 1 and
//!    3 looks again and sets it anew; and a waiter that was killed leaves nothing but one wake in
//!    vain. No count of sleepers exists that a death could falsify.
//! 3. A notifier that dies between A and D may leave sleepers asleep: who recovers the dead
//!    [wakes everybody](Event::notify_all_always). One that is *stopped* there, or a waiter that is
//!    stopped after its wake-up, costs the others no more than a [`SLICE`], after which each looks
//!    for itself.

use conc_core::Deadline;
use conc_core::sync::{AtomicU32, Ordering};
use conc_core::sys::futex::{self, Scope, Wake};
use std::time::Duration;

const SLEEPER: u32 = 1;
const ONE: u32 = 2;

/// No sleeper trusts others for longer than this.
pub(crate) const SLICE: Duration = Duration::from_millis(250);

/// An event in shared memory. See the module.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Event {
    word: AtomicU32,
}

const _: () = assert!(size_of::<Event>() == 4 || cfg!(conc_loom), "a futex word");

/// Taken before the second look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(u32);

impl Event {
    #[cfg(conc_loom)]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU32::new(0) }
    }

    /// Announces a sleep. Look at the condition again before it.
    pub(crate) fn prepare(&self) -> Ticket {
        // ORDERING(shm_event.dekker): SeqCst. Announce, then look.
        let word = self.word.fetch_or(SLEEPER, Ordering::SeqCst) | SLEEPER;
        full_fence();
        Ticket(word)
    }

    /// Sleeps until notified since the ticket was taken; `false`: the deadline came.
    pub(crate) fn wait(&self, ticket: Ticket, deadline: Option<Deadline>) -> bool {
        futex::wait(&self.word, ticket.0, deadline, Scope::Shared) != Wake::TimedOut
    }

    /// Wakes one sleeper if there is any. What was changed before was changed by a sequentially
    /// consistent access, but for rings without fences.
    #[inline]
    pub(crate) fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes so many.
    #[inline]
    pub(crate) fn notify(&self, count: u32) {
        full_fence();
        // ORDERING(shm_event.dekker): SeqCst. Change, then look for sleepers.
        let word = self.word.load(Ordering::SeqCst);
        if word & SLEEPER != 0 {
            self.wake(word, count);
        }
    }

    /// Wakes all.
    pub(crate) fn notify_all(&self) {
        self.notify(u32::MAX);
    }

    /// Wakes all, seen or not: after a death nothing that was seen counts.
    pub(crate) fn notify_all_always(&self) {
        // ORDERING(shm_event.count): Release. Who sees the count sees the recovery.
        self.word.fetch_add(ONE, Ordering::Release);
        futex::wake(&raw const self.word, u32::MAX, Scope::Shared);
    }

    #[cold]
    fn wake(&self, seen: u32, count: u32) {
        let counted = seen.wrapping_add(ONE);
        // ORDERING(shm_event.count): AcqRel. Whoever sleeps on an older count must not.
        let exchanged =
            self.word.compare_exchange(seen, counted, Ordering::AcqRel, Ordering::Relaxed);
        if exchanged.is_err() {
            // Somebody else counts or announces: count on top of it.
            return self.notify_all_always();
        }
        if futex::wake(&raw const self.word, count, Scope::Shared) > 0 {
            return;
        }
        // Nobody slept. Somebody may be about to: the count makes it look again.
        let idle = counted.wrapping_add(ONE) & !SLEEPER;
        // ORDERING(shm_event.count): AcqRel. As above.
        if self.word.compare_exchange(counted, idle, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            futex::wake(&raw const self.word, u32::MAX, Scope::Shared);
        }
    }
}

/// Loom treats sequentially consistent accesses as acquire and release only; fences it knows.
#[inline]
fn full_fence() {
    // ORDERING(shm_event.dekker): SeqCst. In place of the order of the accesses themselves.
    #[cfg(conc_loom)]
    conc_core::sync::fence(Ordering::SeqCst);
}
