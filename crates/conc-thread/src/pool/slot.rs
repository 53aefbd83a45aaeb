//! What others may see of a worker: the far end of its queue, its figures, its record.

use super::stats::Figures;
use conc_core::CachePadded;
use conc_core::job::Runnable;
use conc_core::sync::Mutex;
use conc_core::trace::Recorder;
use crossbeam_deque::{Steal, Stealer, Worker as Deque};
use std::sync::OnceLock;

/// What others may see of a worker. A slot outlives its thread; the next thread takes it over.
pub(super) struct Slot {
    stealer: OnceLock<Stealer<Runnable>>,
    /// The near end of the queue while no thread has the slot.
    resting: Mutex<Option<Deque<Runnable>>>,
    pub(super) figures: CachePadded<Figures>,
    pub(super) recorder: Mutex<Option<Recorder>>,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            stealer: OnceLock::new(),
            resting: Mutex::new(None),
            figures: CachePadded::new(Figures::default()),
            recorder: Mutex::new(None),
        }
    }

    /// The near end of the queue, for the thread that takes the slot.
    pub(super) fn occupy(&self) -> Deque<Runnable> {
        let deque = self.resting.lock().take().unwrap_or_else(Deque::new_fifo);
        self.stealer.get_or_init(|| deque.stealer());
        deque
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
