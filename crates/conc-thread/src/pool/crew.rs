//! How many threads there are, how many of them sleep inside jobs, and who stands in for them.
//!
//! # States
//!
//! Under one lock: `live` threads, `blocked` of them asleep inside a job, slots that are free. A
//! pool is *short-handed* when fewer than its workers are live and not blocked; the mark
//! `short_handed` says so without the lock.
//!
//! # Transitions
//!
//! ```text
//!   a job is about to sleep                    somebody brings work
//!   ───────────────────────                    ────────────────────
//!   1. blocked += 1, mark if short-handed      A. put it into a queue
//!   2. fence(SeqCst)                           B. fence(SeqCst)   (Idle::announce)
//!   3. work queued? add a spare                C. marked? add a spare
//! ```
//!
//! # Invariants
//!
//! 1. Work never waits for a thread that sleeps inside a job: of the two fences one is first, so
//!    that either 3 sees the work or C sees the mark. Only the limit of threads, or a system that
//!    refuses new ones, can make it wait.
//! 2. A spare leaves when it has found nothing for a while and the pool is not short-handed
//!    without it.

use conc_core::Deadline;
use conc_core::sync::{AtomicBool, Condvar, Mutex, Ordering, fence};

/// The threads of a pool.
#[derive(Debug)]
pub(super) struct Crew {
    /// Threads that should be able to run at any moment.
    workers: usize,
    /// Threads that may exist.
    limit: usize,
    count: Mutex<Count>,
    all_left: Condvar,
    short_handed: AtomicBool,
    has_spares: AtomicBool,
}

#[derive(Debug, Default)]
struct Count {
    live: usize,
    leaving: usize,
    blocked: usize,
    peak: usize,
    /// Slots below this have been used.
    next_slot: usize,
    vacancies: Vec<usize>,
}

impl Crew {
    pub(super) fn new(workers: usize, limit: usize) -> Self {
        Self {
            workers,
            limit,
            count: Mutex::new(Count::default()),
            all_left: Condvar::new(),
            short_handed: AtomicBool::new(false),
            has_spares: AtomicBool::new(false),
        }
    }

    /// Counts one of the pool's own workers.
    pub(super) fn hire_worker(&self) {
        self.hire(&mut self.count.lock());
    }

    /// Counts a spare, if the pool is short-handed and may have one more.
    pub(super) fn hire_spare(&self) -> bool {
        let mut count = self.count.lock();
        let missing = self.is_missing_one(&count) && count.live < self.limit;
        if missing {
            self.hire(&mut count);
        }
        self.mark(&count);
        missing
    }

    fn hire(&self, count: &mut Count) {
        count.live += 1;
        count.peak = count.peak.max(count.live);
        self.mark(count);
    }

    /// A free slot for a thread that has been counted.
    pub(super) fn take_vacancy(&self) -> usize {
        let mut count = self.count.lock();
        count.vacancies.pop().unwrap_or_else(|| {
            count.next_slot += 1;
            count.next_slot - 1
        })
    }

    /// The slot of a thread that has ended.
    pub(super) fn give_vacancy(&self, index: usize) {
        self.count.lock().vacancies.push(index);
    }

    /// A thread makes up its mind to end: it takes no more work.
    pub(super) fn leave(&self) {
        let mut count = self.count.lock();
        count.live -= 1;
        count.leaving += 1;
        self.mark(&count);
    }

    /// A thread that was leaving has nothing left to do.
    pub(super) fn left(&self) {
        let mut count = self.count.lock();
        count.leaving -= 1;
        if count.live + count.leaving == 0 {
            self.all_left.notify_all();
        }
    }

    /// An idle thread asks whether it may end, and if so is no longer counted.
    pub(super) fn leave_if_spare(&self) -> bool {
        let mut count = self.count.lock();
        let spare = count.live - count.blocked > self.workers;
        if spare {
            count.live -= 1;
            count.leaving += 1;
            self.mark(&count);
        }
        spare
    }

    /// A job is going to sleep; whether somebody should stand in.
    pub(super) fn block(&self) -> bool {
        let mut count = self.count.lock();
        count.blocked += 1;
        self.mark(&count);
        let short_handed = self.is_missing_one(&count);
        drop(count);
        // ORDERING(idle.dekker): SeqCst. Mark, then look for work; who brings work looks at the
        // mark after.
        fence(Ordering::SeqCst);
        short_handed
    }

    pub(super) fn unblock(&self) {
        let mut count = self.count.lock();
        count.blocked -= 1;
        self.mark(&count);
    }

    /// Whether new work may need another thread. Read after the fence in `Idle::announce`.
    #[inline]
    pub(super) fn is_short_handed(&self) -> bool {
        // ORDERING: Relaxed. The fence orders it.
        self.short_handed.load(Ordering::Relaxed)
    }

    /// Whether there are more threads than workers. A hint.
    pub(super) fn has_spares(&self) -> bool {
        // ORDERING: Relaxed. Only a hint.
        self.has_spares.load(Ordering::Relaxed)
    }

    /// Waits until every thread has left; `false` if the deadline came first.
    pub(super) fn wait_until_all_left(&self, deadline: Option<Deadline>) -> bool {
        let mut count = self.count.lock();
        while count.live + count.leaving > 0 {
            match deadline {
                None => self.all_left.wait(&mut count),
                Some(deadline) => {
                    let wait = self.all_left.wait_until(&mut count, deadline.instant());
                    if wait.timed_out() {
                        return count.live + count.leaving == 0;
                    }
                }
            }
        }
        true
    }

    /// Live threads, blocked ones, and the most that were live at one moment.
    pub(super) fn snapshot(&self) -> (usize, usize, usize) {
        let count = self.count.lock();
        (count.live, count.blocked, count.peak)
    }

    fn is_missing_one(&self, count: &Count) -> bool {
        count.live - count.blocked < self.workers
    }

    fn mark(&self, count: &Count) {
        let missing = self.is_missing_one(count) && count.live < self.limit;
        // ORDERING: Relaxed. The fence in `block` orders it; elsewhere it is a hint that the lock
        // checks.
        self.short_handed.store(missing, Ordering::Relaxed);
        // ORDERING: Relaxed. Only a hint.
        self.has_spares.store(count.live > self.workers, Ordering::Relaxed);
    }
}
