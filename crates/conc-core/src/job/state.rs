//! The word of a job.
//!
//! # Layout
//!
//! ```text
//!   31            5     4        3         2       1   0
//!  ┌───────────────┬────────┬─────────┬─────────┬───────┐
//!  │    unused     │ HOOKED │ SLEEPER │ SETTLED │ STAGE │
//!  └───────────────┴────────┴─────────┴─────────┴───────┘
//! ```
//!
//! # States
//!
//! | STAGE | SETTLED | meaning |
//! |---|:-:|---|
//! | `PENDING` | 0 | queued; whoever claims it may run it |
//! | `RUNNING` | 0 | claimed: its work runs, then its callbacks |
//! | `CANCELLED` | 0 | claimed by a canceller, whose callbacks run |
//! | `FINISHED`, `CANCELLED` | 1 | the result may be taken |
//!
//! `SLEEPER`: a thread sleeps on this word, or is about to. `HOOKED`: the list of hooks holds
//! something, or held something; whoever settles must go through its lock.
//!
//! # Transitions
//!
//! ```text
//!   PENDING ──claim──► RUNNING ──settle──► FINISHED + SETTLED
//!      └─────cancel──► CANCELLED ─settle─► CANCELLED + SETTLED
//! ```
//!
//! All of them are read-modify-write operations on this one word, so that there is one order in
//! which they happened.
//!
//! # Invariants
//!
//! 1. Exactly one thread moves the stage out of `PENDING`. It owns the work and the result until
//!    it settles.
//! 2. After `SETTLED` the word's stage never changes, and the result belongs to the holder of the
//!    `Job`.
//! 3. A hook is added under the lock of the list and after `HOOKED` was set; if the word that
//!    setting it returned was settled, the hook is not added but run by who brought it. So a hook
//!    is run once, whatever the order of arrival.

use crate::Deadline;
use crate::sync::{AtomicU32, Ordering};
use crate::sys::futex::{self, Scope};

const STAGE: u32 = 0b00011;
const PENDING: u32 = 0;
const RUNNING: u32 = 1;
const CANCELLED: u32 = 2;
const FINISHED: u32 = 3;
const SETTLED: u32 = 0b00100;
const SLEEPER: u32 = 0b01000;
const HOOKED: u32 = 0b10000;

const _: () = assert!(STAGE & SETTLED & SLEEPER & HOOKED == 0, "the fields are disjoint");
const _: () = assert!(FINISHED <= STAGE, "every stage fits its field");

/// The word of a job.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Word(AtomicU32);

/// What a word said at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot(u32);

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its work ran, or somebody settled it by hand.
    Finished,
    /// Its work never ran.
    Cancelled,
}

impl Snapshot {
    pub(super) const fn is_settled(self) -> bool {
        self.0 & SETTLED != 0
    }

    pub(super) const fn is_running(self) -> bool {
        self.0 & STAGE == RUNNING
    }

    pub(super) const fn is_pending(self) -> bool {
        self.0 & STAGE == PENDING
    }

    pub(super) const fn is_cancelled(self) -> bool {
        self.0 & STAGE == CANCELLED
    }

    const fn has_sleeper(self) -> bool {
        self.0 & SLEEPER != 0
    }
}

impl Word {
    /// A pending job's word.
    pub(super) fn pending() -> Self {
        Self(AtomicU32::new(PENDING))
    }

    /// The word as it is.
    pub(super) fn load(&self) -> Snapshot {
        // ORDERING(job.settle): Acquire. A settled word shows the result.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// `PENDING` to `RUNNING`; `true` if it was us.
    pub(super) fn claim(&self) -> bool {
        self.leave_pending(RUNNING)
    }

    /// `PENDING` to `CANCELLED`; `true` if it was us.
    pub(super) fn cancel(&self) -> bool {
        self.leave_pending(CANCELLED)
    }

    fn leave_pending(&self, stage: u32) -> bool {
        let mut seen = PENDING;
        loop {
            // ORDERING: Relaxed. The work was published together with the job; only the order of
            // changes to this word decides who owns it.
            match self.0.compare_exchange_weak(
                seen,
                seen & !STAGE | stage,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) if now & STAGE == PENDING => seen = now,
                Err(_) => return false,
            }
        }
    }

    /// Settles, unless there are hooks to run first.
    ///
    /// After a success the job's memory belongs to its holder; only the address may still be used.
    pub(super) fn settle_unhooked(&self, end: End) -> bool {
        // ORDERING: Relaxed. A guess that the exchange below checks.
        let mut seen = self.0.load(Ordering::Relaxed);
        let address = &raw const self.0;
        loop {
            if seen & HOOKED != 0 {
                return false;
            }
            // ORDERING(job.settle): Release. Who sees the job settled sees its result.
            match self.0.compare_exchange_weak(
                seen,
                settled(seen, end),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    wake_sleepers(address, Snapshot(seen));
                    return true;
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Settles for certain. The caller holds the lock of the hooks and has run the callbacks.
    pub(super) fn settle(&self, end: End) {
        let address = &raw const self.0;
        // ORDERING: Relaxed. A guess that the exchange below checks.
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            // ORDERING(job.settle): Release. Who sees the job settled sees its result.
            match self.0.compare_exchange_weak(
                seen,
                settled(seen, end),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return wake_sleepers(address, Snapshot(seen)),
                Err(now) => seen = now,
            }
        }
    }

    /// Announces a hook; the caller holds the lock of the hooks.
    pub(super) fn hook(&self) -> Snapshot {
        // ORDERING(job.settle): AcqRel. A settled word shows the result; hooks travel by their
        // lock, and Release keeps the order of changes whole.
        Snapshot(self.0.fetch_or(HOOKED, Ordering::AcqRel))
    }

    /// Sleeps until settled; `false` if the deadline came first.
    pub(super) fn sleep_until_settled(&self, deadline: Option<Deadline>) -> bool {
        loop {
            // ORDERING(job.settle): AcqRel. A settled word shows the result; who settles after us
            // finds the mark and wakes us.
            let seen = self.0.fetch_or(SLEEPER, Ordering::AcqRel);
            if Snapshot(seen).is_settled() {
                return true;
            }
            let outcome = futex::wait(&self.0, seen | SLEEPER, deadline, Scope::Private);
            if outcome == futex::Wake::TimedOut {
                return self.load().is_settled();
            }
        }
    }
}

const fn settled(seen: u32, end: End) -> u32 {
    let stage = match end {
        End::Finished => FINISHED,
        End::Cancelled => CANCELLED,
    };
    seen & !(STAGE | SLEEPER) | stage | SETTLED
}

fn wake_sleepers(address: *const AtomicU32, before: Snapshot) {
    if before.has_sleeper() {
        futex::wake(address, u32::MAX, Scope::Private);
    }
}
