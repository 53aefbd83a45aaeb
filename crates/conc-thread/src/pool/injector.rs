//! The queue of work that comes from outside.
//!
//! A ring under a lock, not a lock-free list: work leaves it in batches, so that the lock is taken
//! once for many entries; the ring reuses its memory, where a list hands every block from the
//! submitter's allocator to a worker, which has to take the allocator's lock to give it back; and
//! the order is exact.

use conc_core::job::Runnable;
use conc_core::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, spin_loop};
use crossbeam_deque::Worker as Deque;
use std::collections::VecDeque;

/// A worker takes at most so many entries at a time.
const BATCH: usize = 32;
/// Looks at a taken lock before sleeping on it.
const SPINS: usize = 32;

#[derive(Debug)]
pub(super) struct Injector {
    queue: Mutex<VecDeque<Runnable>>,
    /// The length of the queue, for those who only want to know.
    len: AtomicUsize,
}

impl Injector {
    pub(super) fn new() -> Self {
        Self { queue: Mutex::new(VecDeque::new()), len: AtomicUsize::new(0) }
    }

    /// Adds an entry and says how many there are.
    pub(super) fn push(&self, work: Runnable) -> usize {
        let mut queue = self.lock();
        queue.push_back(work);
        let len = queue.len();
        // ORDERING: Relaxed. The fence in `Idle::announce` orders it.
        self.len.store(len, Ordering::Relaxed);
        len
    }

    pub(super) fn pop(&self) -> Option<Runnable> {
        if self.is_empty() {
            return None;
        }
        let mut queue = self.lock();
        let work = queue.pop_front();
        // ORDERING: Relaxed. As in `push`.
        self.len.store(queue.len(), Ordering::Relaxed);
        work
    }

    /// Takes the first entry, and moves a fair share of the following ones into `deque`.
    pub(super) fn pop_batch(&self, deque: &Deque<Runnable>, workers: usize) -> Option<Runnable> {
        if self.is_empty() {
            return None;
        }
        let mut queue = self.lock();
        let first = queue.pop_front();
        let share = queue.len().div_ceil(workers.max(2)).min(BATCH - 1);
        queue.drain(..share).for_each(|work| deque.push(work));
        // ORDERING(injector.moved): Release. Who finds less here finds the rest in the deque.
        self.len.store(queue.len(), Ordering::Release);
        first
    }

    /// The lock is never held for long: look again for about 1 µs before giving the CPU away.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Runnable>> {
        for _ in 0..SPINS {
            if let Some(queue) = self.queue.try_lock() {
                return queue;
            }
            spin_loop();
        }
        self.queue.lock()
    }

    pub(super) fn len(&self) -> usize {
        // ORDERING(injector.moved): Acquire. What is missing here may have moved to a deque.
        self.len.load(Ordering::Acquire)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
