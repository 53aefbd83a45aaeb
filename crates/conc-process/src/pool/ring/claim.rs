//! Whose an entry is: the parent's, the worker's, or a dead worker's.
//!
//! # Layout
//!
//! One word: the entry's number in the upper 61 bits, its state in the lower three. The number of
//! an entry is its place in the ring plus a multiple of the ring's length, so that a word is never
//! mistaken for that of an entry before or after.
//!
//! # States
//!
//! | state | payload belongs to |
//! |---|---|
//! | `EMPTY` | the parent, who may write an entry |
//! | `PENDING` | nobody: whoever moves the word on |
//! | `RUNNING` | the worker; if that is dead, the parent |
//! | `DONE` | the parent, who reads the result |
//! | `STOLEN` | the parent: the worker goes past it |
//!
//! # Transitions
//!
//! ```text
//!            publish (parent)           take (worker)             finish (worker)
//!   EMPTY ─────────────────► PENDING ─────────────► RUNNING ─────────────► DONE
//!     ▲                         │ steal (parent)        │ the worker dies    │
//!     └── publish of the entry ─┴───────► STOLEN        ▼                    │
//!         one round later  ◄────────────────┴──── the parent reads it ◄──────┘
//! ```
//!
//! # Invariants
//!
//! 1. *An entry is run once or stolen, never both*: both leave `PENDING` by an exchange.
//! 2. *A death costs one entry*: a worker takes entries in order, and the next only after it has
//!    finished the one before, so that at most one is `RUNNING`.
//! 3. A worker that sees a number beyond the one it waits for knows that its own was stolen and its
//!    place used again.

use conc_core::sync::{AtomicU64, Ordering};

const BITS: u32 = 3;
const STATES: u64 = (1 << BITS) - 1;
const PENDING: u64 = 1;
const RUNNING: u64 = 2;
const DONE: u64 = 3;
const STOLEN: u64 = 4;

/// The word of an entry. See the module.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Claim(AtomicU64);

/// What the word says of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It was not published yet.
    Ahead,
    Pending,
    Running,
    Done,
    /// It was stolen, and its place perhaps used again.
    Stolen,
}

/// What came of an attempt to take an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// It is the caller's to run.
    Taken,
    /// It is not there yet.
    NotYet,
    /// The parent took it back: go on with the next.
    Skip,
}

impl Claim {
    #[cfg(any(test, conc_loom))]
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The parent has written entry `number`.
    pub(crate) fn publish(&self, number: u64) {
        // ORDERING(pool.publish): Release. Who takes the entry sees what is in it.
        self.0.store(word(number, PENDING), Ordering::Release);
    }

    /// The worker takes entry `number`, if it is there.
    pub(crate) fn take(&self, number: u64) -> Take {
        loop {
            // ORDERING: Relaxed. The exchange below orders what is read.
            let seen = self.0.load(Ordering::Relaxed);
            match stage(seen, number) {
                Stage::Pending => {}
                Stage::Ahead => return Take::NotYet,
                _ => return Take::Skip,
            }
            let running = word(number, RUNNING);
            // ORDERING(pool.publish): Acquire. What the parent wrote is seen.
            let taken =
                self.0.compare_exchange(seen, running, Ordering::Acquire, Ordering::Relaxed);
            if taken.is_ok() {
                return Take::Taken;
            }
        }
    }

    /// The worker has run entry `number`, and written its result.
    pub(crate) fn finish(&self, number: u64) {
        // ORDERING(pool.finish): Release. Who sees it done sees the result.
        self.0.store(word(number, DONE), Ordering::Release);
    }

    /// The parent takes entry `number` back, unless the worker was faster.
    pub(crate) fn steal(&self, number: u64) -> bool {
        let (pending, stolen) = (word(number, PENDING), word(number, STOLEN));
        // ORDERING: Relaxed. The parent itself wrote the entry, and reads it again.
        self.0.compare_exchange(pending, stolen, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// How far entry `number` has come.
    pub(crate) fn stage(&self, number: u64) -> Stage {
        // ORDERING(pool.finish): Acquire. If it is done, its result is seen.
        stage(self.0.load(Ordering::Acquire), number)
    }
}

const fn word(number: u64, state: u64) -> u64 {
    number << BITS | state
}

fn stage(word: u64, number: u64) -> Stage {
    let (seen, state) = (word >> BITS, word & STATES);
    match state {
        _ if seen < number => Stage::Ahead,
        _ if seen > number => Stage::Stolen,
        PENDING => Stage::Pending,
        RUNNING => Stage::Running,
        DONE => Stage::Done,
        STOLEN => Stage::Stolen,
        _ => Stage::Ahead,
    }
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_run_or_stolen() {
        let _watchdog = conc_tests::watchdog();
        let claim = Claim::new();
        assert_eq!((claim.take(0), claim.stage(0)), (Take::NotYet, Stage::Ahead));
        claim.publish(0);
        assert_eq!((claim.take(0), claim.steal(0)), (Take::Taken, false));
        assert_eq!(claim.stage(0), Stage::Running);
        claim.finish(0);
        assert_eq!(claim.stage(0), Stage::Done);
        assert_eq!(claim.stage(64), Stage::Ahead);
        claim.publish(64);
        assert!(claim.steal(64) && !claim.steal(64));
        assert_eq!((claim.take(64), claim.stage(64)), (Take::Skip, Stage::Stolen));
    }

    #[test]
    fn a_place_that_is_used_again_tells_of_the_theft() {
        let _watchdog = conc_tests::watchdog();
        let claim = Claim::new();
        claim.publish(3);
        assert!(claim.steal(3));
        claim.publish(67);
        assert_eq!((claim.take(3), claim.stage(3)), (Take::Skip, Stage::Stolen));
        assert_eq!(claim.take(67), Take::Taken);
    }
}
