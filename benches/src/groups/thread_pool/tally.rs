//! How fire-and-forget pools collect results: a shared sum, and a count of what is missing.
//!
//! The cheapest form that is still correct, so that a rival without results of its own is not
//! charged for our bookkeeping: one `static`, no reference counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// The results of the contender that runs at the moment; only one runs at a time.
pub(super) static TALLY: Tally = Tally {
    sum: AtomicU64::new(0),
    missing: AtomicU64::new(0),
    is_complete: Mutex::new(false),
    completed: Condvar::new(),
};

/// Sums up results, and wakes the collector after the last one.
#[derive(Debug)]
pub(super) struct Tally {
    sum: AtomicU64,
    missing: AtomicU64,
    is_complete: Mutex<bool>,
    completed: Condvar,
}

impl Tally {
    /// Begins anew; nothing of the last run may be under way.
    pub(super) fn expect(&self, jobs: u64) {
        // ORDERING: Relaxed. Handing jobs to a pool publishes what was stored before.
        self.sum.store(0, Ordering::Relaxed);
        self.missing.store(jobs, Ordering::Relaxed);
        *self.is_complete.lock().unwrap_or_else(PoisonError::into_inner) = jobs == 0;
    }

    /// Adds a result, for pools that say themselves when all jobs have ended.
    pub(super) fn add(&self, result: u64) {
        // ORDERING: Relaxed. Only the sum matters; the pool's own join publishes it.
        self.sum.fetch_add(result, Ordering::Relaxed);
    }

    /// Adds a result and counts it; the last one wakes the collector.
    pub(super) fn add_and_count(&self, result: u64) {
        self.add(result);
        // ORDERING: AcqRel. Whoever counts last has seen all sums, and publishes them by the lock.
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.is_complete.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.completed.notify_one();
        }
    }

    /// The sum so far.
    pub(super) fn sum(&self) -> u64 {
        // ORDERING: Relaxed. The caller has waited for the jobs.
        self.sum.load(Ordering::Relaxed)
    }

    /// Waits for the last result, and gives the sum.
    pub(super) fn wait(&self) -> u64 {
        let guard = self.is_complete.lock().unwrap_or_else(PoisonError::into_inner);
        let _guard = self
            .completed
            .wait_while(guard, |is_complete| !*is_complete)
            .unwrap_or_else(PoisonError::into_inner);
        self.sum()
    }
}
