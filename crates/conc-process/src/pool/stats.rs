//! What a pool has done so far.

use conc_core::trace::Recorder;
use std::time::Duration;

/// What a pool has done so far; see [`Pool::stats`](super::Pool::stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// One entry for each worker place that has been used.
    pub workers: Vec<PoolWorkerStats>,
    /// Jobs and batches that wait for a worker: in the queue, or behind another job.
    pub queued: usize,
    /// Jobs and batches that are accepted and have not ended.
    pub outstanding: usize,
}

impl PoolStats {
    /// Jobs and items that ran on any worker.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.workers.iter().map(|worker| worker.jobs).sum()
    }

    /// How often a worker was replaced.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.workers.iter().map(|worker| worker.restarts).sum()
    }
}

/// What the processes in one worker's place have done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolWorkerStats {
    /// The number of the process that is there now; `None`: nobody is.
    pub pid: Option<u32>,
    /// Jobs and items of maps that ran here.
    pub jobs: u64,
    /// Jobs that ended with their worker.
    pub lost: u64,
    /// The time during which it ran jobs that have ended.
    pub busy: Duration,
    /// How often a process took the place of one that had ended.
    pub restarts: u64,
    /// The most bytes of its own that a process here was seen with; 0 if nobody looked: see
    /// [`max_memory_per_worker`](super::PoolBuilder::max_memory_per_worker) and
    /// [`memory_limit`](super::PoolBuilder::memory_limit).
    pub peak_memory: u64,
}

/// A worker's place: what processes after each other have in common.
pub(super) struct Place {
    pub(super) figures: PoolWorkerStats,
    pub(super) recorder: Option<Recorder>,
    pub(super) is_taken: bool,
    pub(super) was_taken: bool,
}
