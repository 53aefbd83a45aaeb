//! How many threads there are, how many of them sleep inside jobs, and who stands in for them.
//!
//! # States
//!
//! A thread is *live* (runs jobs or looks for them; some live ones are *blocked*, asleep inside a
//! job), *benched* (a spare that is not needed at the moment), or *leaving*. All are counted under
//! one lock. The pool is *short-handed* when fewer threads than its workers are live and not
//! blocked, and it may have more; it has a *surplus* when more are. Two marks say so without the
//! lock.
//!
//! # Transitions
//!
//! ```text
//!           hire                    sit_out                  a second passes
//!   (none) ─────► live, not blocked ───────► benched ───────────────────────► leaving ──► (none)
//!                    │        ▲     ◄─────── (hire recalls first)                ▲
//!              block │        │ unblock                                          │
//!                    ▼        │                     leave (the end of the pool) ─┘
//!                   live, blocked
//!
//!   a job is about to sleep                    somebody brings work
//!   ───────────────────────                    ────────────────────
//!   1. blocked += 1, mark if short-handed      A. put it into a queue
//!   2. fence(SeqCst)                           B. fence(SeqCst)   (Idle::announce)
//!   3. work queued? hire a spare               C. marked? hire a spare
//! ```
//!
//! # Invariants
//!
//! 1. Work never waits for a thread that sleeps inside a job: of the two fences one is first, so
//!    that either 3 sees the work or C sees the mark. Only the limit of threads, or a system or an
//!    initializer that refuses new ones, can make it wait.
//! 2. Every thread that is not gone owns a slot, so that at most `limit` exist:
//!    live + benched + leaving ≤ limit. Slot and count change under the same lock.
//! 3. No more threads than the pool's workers begin a job, except for a moment after one woke.

use conc_core::Deadline;
use conc_core::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering, fence};
use std::time::{Duration, Instant};

/// A benched spare leaves after so long.
const BENCH_TIME: Duration = Duration::from_secs(1);
/// After a spare could not be had, nobody tries again for so long.
const REFUSED_TIME: Duration = Duration::from_millis(100);

/// The threads of a pool.
#[derive(Debug)]
pub(super) struct Crew {
    /// Threads that should be able to run at any moment.
    workers: usize,
    /// Threads that may exist.
    limit: usize,
    count: Mutex<Count>,
    recalled: Condvar,
    all_left: Condvar,
    short_handed: AtomicBool,
    surplus: AtomicBool,
    has_spares: AtomicBool,
}

#[derive(Debug, Default)]
struct Count {
    live: usize,
    blocked: usize,
    benched: usize,
    /// Benched threads that have been called back and have not noticed yet; they count as live.
    recalls: usize,
    leaving: usize,
    peak: usize,
    /// Slots below this have been used.
    next_slot: usize,
    vacancies: Vec<usize>,
    refused: Option<Instant>,
    closed: bool,
}

impl Count {
    fn able(&self) -> usize {
        self.live - self.blocked
    }

    fn threads(&self) -> usize {
        self.live + self.benched + self.leaving
    }
}

/// How a missing thread was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hired {
    /// A new one is to be started, in this slot.
    New(usize),
    /// A benched one comes back by itself.
    Recalled,
    /// None is missing, or none can be had.
    Nobody,
}

/// How a thread's time on the bench ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bench {
    /// There was no surplus after all, or the thread was called back: it is live.
    Back,
    /// Nobody needed it: it is leaving.
    Leave,
}

/// What a pool's threads are at one moment.
pub(super) struct Headcount {
    pub(super) threads: usize,
    pub(super) blocked: usize,
    pub(super) peak: usize,
}

impl Crew {
    pub(super) fn new(workers: usize, limit: usize) -> Self {
        Self {
            workers,
            limit,
            count: Mutex::new(Count::default()),
            recalled: Condvar::new(),
            all_left: Condvar::new(),
            short_handed: AtomicBool::new(false),
            surplus: AtomicBool::new(false),
            has_spares: AtomicBool::new(false),
        }
    }

    /// A slot for one of the pool's own workers.
    pub(super) fn hire_worker(&self) -> usize {
        self.hire(&mut self.count.lock())
    }

    /// Finds a thread, if the pool is short-handed and may have one more.
    pub(super) fn hire_spare(&self) -> Hired {
        let mut count = self.count.lock();
        if count.able() >= self.workers {
            return Hired::Nobody;
        }
        if count.benched > 0 {
            count.benched -= 1;
            count.recalls += 1;
            count.live += 1;
            self.mark(&count);
            self.recalled.notify_one();
            return Hired::Recalled;
        }
        let refused = count.refused.is_some_and(|since| since.elapsed() < REFUSED_TIME);
        if refused || count.threads() >= self.limit {
            return Hired::Nobody;
        }
        Hired::New(self.hire(&mut count))
    }

    fn hire(&self, count: &mut MutexGuard<'_, Count>) -> usize {
        count.live += 1;
        count.peak = count.peak.max(count.live);
        self.mark(count);
        count.vacancies.pop().unwrap_or_else(|| {
            count.next_slot += 1;
            count.next_slot - 1
        })
    }

    /// A hired thread could not begin: nobody tries again for a while.
    pub(super) fn refuse(&self) {
        let mut count = self.count.lock();
        count.refused = Some(Instant::now());
        count.live -= 1;
        count.leaving += 1;
        self.mark(&count);
    }

    /// A thread makes up its mind to end: it takes no more work.
    pub(super) fn leave(&self) {
        let mut count = self.count.lock();
        count.live -= 1;
        count.leaving += 1;
        self.mark(&count);
    }

    /// A thread that was leaving is gone; its slot is free.
    pub(super) fn left(&self, slot: usize) {
        let mut count = self.count.lock();
        count.leaving -= 1;
        count.vacancies.push(slot);
        self.mark(&count);
        if count.threads() == 0 {
            self.all_left.notify_all();
        }
    }

    /// A thread that the pool has too many of sits down until it is needed.
    pub(super) fn sit_out(&self) -> Bench {
        let mut count = self.count.lock();
        if count.able() <= self.workers {
            return Bench::Back;
        }
        count.live -= 1;
        count.benched += 1;
        self.mark(&count);
        let until = Instant::now() + BENCH_TIME;
        loop {
            if count.recalls > 0 {
                count.recalls -= 1;
                return Bench::Back;
            }
            if count.closed || self.recalled.wait_until(&mut count, until).timed_out() {
                if count.recalls > 0 {
                    continue;
                }
                count.benched -= 1;
                count.leaving += 1;
                self.mark(&count);
                return Bench::Leave;
            }
        }
    }

    /// The pool is closed: nobody sits any more.
    pub(super) fn dismiss(&self) {
        self.count.lock().closed = true;
        self.recalled.notify_all();
    }

    /// A job is going to sleep; whether somebody should stand in.
    pub(super) fn block(&self) -> bool {
        let mut count = self.count.lock();
        count.blocked += 1;
        self.mark(&count);
        let short_handed = count.able() < self.workers;
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

    /// Whether a thread that now went to sleep would leave nobody who could run what is queued.
    pub(super) fn is_last_hope(&self) -> bool {
        let count = self.count.lock();
        count.able() <= 1 && count.benched == 0 && count.threads() >= self.limit
    }

    /// Whether no more threads can be had.
    pub(super) fn is_full(&self) -> bool {
        let count = self.count.lock();
        count.benched == 0 && count.threads() >= self.limit
    }

    /// Whether new work may need another thread. Read after the fence in `Idle::announce`.
    #[inline]
    pub(super) fn is_short_handed(&self) -> bool {
        // ORDERING: Relaxed. The fence orders it.
        self.short_handed.load(Ordering::Relaxed)
    }

    /// Whether more threads run than should. A hint.
    #[inline]
    pub(super) fn has_surplus(&self) -> bool {
        // ORDERING: Relaxed. Only a hint.
        self.surplus.load(Ordering::Relaxed)
    }

    /// Whether there are more threads than workers. A hint.
    pub(super) fn has_spares(&self) -> bool {
        // ORDERING: Relaxed. Only a hint.
        self.has_spares.load(Ordering::Relaxed)
    }

    /// Waits until every thread has left; `false` if the deadline came first.
    pub(super) fn wait_until_all_left(&self, deadline: Option<Deadline>) -> bool {
        let mut count = self.count.lock();
        while count.threads() > 0 {
            match deadline {
                None => self.all_left.wait(&mut count),
                Some(deadline) => {
                    let wait = self.all_left.wait_until(&mut count, deadline.instant());
                    if wait.timed_out() {
                        return count.threads() == 0;
                    }
                }
            }
        }
        true
    }

    pub(super) fn headcount(&self) -> Headcount {
        let count = self.count.lock();
        Headcount { threads: count.threads(), blocked: count.blocked, peak: count.peak }
    }

    fn mark(&self, count: &Count) {
        let able = count.able();
        let can_have_more = count.benched > 0 || count.threads() < self.limit;
        // ORDERING: Relaxed. The fence in `block` orders it; elsewhere it is a hint that the lock
        // checks.
        self.short_handed.store(able < self.workers && can_have_more, Ordering::Relaxed);
        // ORDERING: Relaxed. Only a hint.
        self.surplus.store(able > self.workers, Ordering::Relaxed);
        // ORDERING: Relaxed. Only a hint.
        self.has_spares.store(count.live > self.workers, Ordering::Relaxed);
    }
}
