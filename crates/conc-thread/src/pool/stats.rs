//! What a pool has done so far.

use conc_core::job::Ran;
use conc_core::sync::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a pool has done so far; see [`ThreadPool::stats`](super::ThreadPool::stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// One entry for each thread place that has been used, the pool's own workers first.
    pub workers: Vec<WorkerStats>,
    /// Threads that exist at this moment, spares included.
    pub threads: usize,
    /// The most threads that existed at one moment.
    pub peak_threads: usize,
    /// Threads that sleep inside a job at this moment.
    pub blocked: usize,
    /// Threads that sleep for want of work.
    pub sleeping: usize,
    /// Entries in the queues; a cancelled job counts until its entry is found.
    pub queued: usize,
    /// The most stack, in bytes, that a thread had in use when a job waited for another.
    pub peak_stack: usize,
}

/// What one worker has done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Jobs that ran here, batches of a map counting as one.
    pub jobs: u64,
    /// Those of them that panicked.
    pub panicked: u64,
    /// The time during which it had work.
    pub busy: Duration,
}

impl Stats {
    /// Jobs that ran on any worker.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.workers.iter().map(|worker| worker.jobs).sum()
    }
}

/// The figures behind [`WorkerStats`]: written by one thread, read by any.
#[derive(Debug, Default)]
pub(super) struct Figures {
    jobs: AtomicU64,
    panicked: AtomicU64,
    busy_nanos: AtomicU64,
    /// When the present work began, in nanoseconds since the pool's birth, plus one; 0: idle.
    busy_since: AtomicU64,
    peak_stack: AtomicU64,
}

impl Figures {
    pub(super) fn count_job(&self, ran: Ran) {
        bump(&self.jobs, 1);
        if ran == Ran::Panicked {
            bump(&self.panicked, 1);
        }
    }

    pub(super) fn begin_busy(&self, born: Instant) {
        // ORDERING: Relaxed. Figures order nothing.
        self.busy_since.store(nanos(born.elapsed()) + 1, Ordering::Relaxed);
    }

    pub(super) fn end_busy(&self, born: Instant) {
        // ORDERING: Relaxed. Figures order nothing.
        let since = self.busy_since.swap(0, Ordering::Relaxed);
        if since != 0 {
            bump(&self.busy_nanos, (nanos(born.elapsed()) + 1).saturating_sub(since));
        }
    }

    pub(super) fn note_stack(&self, used: usize) {
        // ORDERING: Relaxed. Figures order nothing.
        if used as u64 > self.peak_stack.load(Ordering::Relaxed) {
            self.peak_stack.store(used as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn peak_stack(&self) -> usize {
        // ORDERING: Relaxed. Figures order nothing.
        usize::try_from(self.peak_stack.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    pub(super) fn snapshot(&self, born: Instant) -> WorkerStats {
        // ORDERING: Relaxed. Figures order nothing; a sum may miss what ends at this moment.
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let running = match load(&self.busy_since) {
            0 => 0,
            since => (nanos(born.elapsed()) + 1).saturating_sub(since),
        };
        WorkerStats {
            jobs: load(&self.jobs),
            panicked: load(&self.panicked),
            busy: Duration::from_nanos(load(&self.busy_nanos).saturating_add(running)),
        }
    }
}

/// Only one thread writes: no read-modify-write is needed.
fn bump(figure: &AtomicU64, by: u64) {
    // ORDERING: Relaxed. Figures order nothing.
    figure.store(figure.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX - 1)
}
