//! Where a job is, for those who would cancel or kill it.

use super::shared::Shared;
use conc_core::sync::{AtomicU64, Ordering};
use conc_core::{Control, KillError};
use std::sync::{Arc, Weak};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the parent.
    Queued,
    /// In the ring of the worker with this number; the lower bits of its entry's number.
    With(u32, u32),
    /// Taken back by its holder: nobody runs it.
    Withdrawn,
}

const WITHDRAWN: u64 = u64::MAX;
const WITH: u64 = 1 << 63;

/// Where a job is; part of the job itself. Changed under the pool's lock alone.
pub(super) struct Ticket {
    /// Weak: a job that has ended and is kept keeps no pool.
    shared: Weak<Shared>,
    place: AtomicU64,
}

impl Ticket {
    /// For a job that is not handed over yet.
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::downgrade(shared), place: AtomicU64::new(0) }
    }

    pub(super) fn place(&self) -> Place {
        // ORDERING: Relaxed. The pool's lock orders it.
        match self.place.load(Ordering::Relaxed) {
            0 => Place::Queued,
            WITHDRAWN => Place::Withdrawn,
            with => Place::With((with >> 32) as u32 & !(1 << 31), with as u32),
        }
    }

    pub(super) fn set(&self, place: Place) {
        let word = match place {
            Place::Queued => 0,
            Place::With(worker, entry) => WITH | u64::from(worker) << 32 | u64::from(entry),
            Place::Withdrawn => WITHDRAWN,
        };
        // ORDERING: Relaxed. The pool's lock orders it.
        self.place.store(word, Ordering::Relaxed);
    }
}

impl Control for Ticket {
    fn withdraw(&self) -> bool {
        self.shared.upgrade().is_some_and(|shared| shared.withdraw(self))
    }

    fn is_running(&self) -> bool {
        self.shared.upgrade().is_some_and(|shared| shared.is_running(self))
    }

    fn kill(&self) -> Result<(), KillError> {
        self.shared.upgrade().map_or(Err(KillError::Finished), |shared| shared.kill(self))
    }
}
