//! What others may see of a worker: the far end of its queue, its figures, its record.

use super::stats::Figures;
use conc_core::CachePadded;
use conc_core::job::Runnable;
use conc_core::sync::{AtomicUsize, Mutex, Ordering};
use conc_core::trace::Recorder;
use crossbeam_deque::{Steal, Stealer, Worker as Deque};
use std::sync::OnceLock;

/// The slots of a pool, one for each thread that can exist; made when the first thread needs one.
pub(super) struct Slots {
    places: Box<[OnceLock<Box<Slot>>]>,
    /// The first so many have been used.
    used: AtomicUsize,
}

impl Slots {
    pub(super) fn new(threads: usize) -> Self {
        let places = (0..threads).map(|_| OnceLock::new()).collect();
        Self { places, used: AtomicUsize::new(0) }
    }

    pub(super) fn get(&self, index: usize) -> &Slot {
        self.places[index].get_or_init(|| {
            // ORDERING: Relaxed. The slot itself is published by its `OnceLock`.
            self.used.fetch_max(index + 1, Ordering::Relaxed);
            Box::new(Slot::new())
        })
    }

    /// All slots that have been used.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.from(0)
    }

    /// All slots that have been used but one, beginning with those after it.
    pub(super) fn others(&self, index: usize) -> impl Iterator<Item = &Slot> {
        self.from(index + 1).chain(self.iter().take(index))
    }

    fn from(&self, index: usize) -> impl Iterator<Item = &Slot> {
        // ORDERING: Relaxed. Work in a new slot is announced like any other: the fences of `Idle`
        // show the count together with the work.
        let used = self.used.load(Ordering::Relaxed);
        let places = self.places.get(index..used).unwrap_or_default();
        places.iter().filter_map(|place| place.get().map(|slot| &**slot))
    }
}

/// What others may see of a worker. A slot outlives its thread; the next thread takes it over.
pub(super) struct Slot {
    stealer: OnceLock<Stealer<Runnable>>,
    /// The near end of the queue while no thread has the slot.
    resting: Mutex<Option<Deque<Runnable>>>,
    pub(super) figures: CachePadded<Figures>,
    pub(super) recorder: Mutex<Option<Recorder>>,
}

impl Slot {
    fn new() -> Self {
        Self {
            stealer: OnceLock::new(),
            resting: Mutex::new(None),
            figures: CachePadded::new(Figures::default()),
            recorder: Mutex::new(None),
        }
    }

    /// The near end of the queue, for the thread that has taken the slot.
    pub(super) fn occupy(&self) -> Deque<Runnable> {
        let resting = self.resting.lock().take();
        resting.unwrap_or_else(|| {
            let deque = Deque::new_fifo();
            let first = self.stealer.set(deque.stealer()).is_ok();
            debug_assert!(first, "a thread puts its deque back before its slot is free");
            deque
        })
    }

    /// The thread leaves; its queue is empty.
    pub(super) fn vacate(&self, deque: Deque<Runnable>) {
        debug_assert!(deque.is_empty(), "a thread leaves when it has found no work");
        *self.resting.lock() = Some(deque);
    }

    pub(super) fn stealer(&self) -> Option<&Stealer<Runnable>> {
        self.stealer.get()
    }

    pub(super) fn steal(&self) -> Steal<Runnable> {
        self.stealer.get().map_or(Steal::Empty, Stealer::steal)
    }

    pub(super) fn has_queued(&self) -> bool {
        self.stealer.get().is_some_and(|stealer| !stealer.is_empty())
    }

    pub(super) fn queued(&self) -> usize {
        self.stealer.get().map_or(0, Stealer::len)
    }
}
