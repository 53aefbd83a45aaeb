//! What all handles and workers of a pool share.

use super::builder::Settings;
use super::crew::{Crew, Hired};
use super::idle::{BACKLOG, Idle};
use super::injector::Injector;
use super::slot::{Slot, Slots};
use super::worker;
use conc_core::executor::Host;
use conc_core::job::{Call, Package, Runnable};
use conc_core::sync::{AtomicBool, Ordering, unique_id};
use conc_core::{CachePadded, Job, JoinError, SubmitError};
use crossbeam_deque::Steal;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Whether work from outside may wait for workers that are awake while another one naps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hurry {
    /// It may be tiny: unless it piles up, it waits for a moment.
    MayWait,
    /// It is known to be worth a worker's while.
    AtOnce,
}

/// What all handles and workers of a pool share.
pub(super) struct Registry {
    /// Marks this pool's work and this pool's threads; never 0.
    pub(super) id: u64,
    pub(super) settings: Settings,
    pub(super) born: Instant,
    /// Work from outside, and what workers give up.
    pub(super) injector: CachePadded<Injector>,
    pub(super) idle: CachePadded<Idle>,
    /// Once true, always true: no more work is accepted.
    closed: CachePadded<AtomicBool>,
    pub(super) slots: Slots,
    pub(super) crew: Crew,
}

impl Registry {
    pub(super) fn new(settings: Settings) -> Self {
        let threads = settings.workers.saturating_add(settings.max_spares);
        let born = Instant::now();
        Self {
            id: unique_id(),
            born,
            injector: CachePadded::new(Injector::new()),
            idle: CachePadded::new(Idle::new()),
            closed: CachePadded::new(AtomicBool::new(false)),
            slots: Slots::new(threads),
            crew: Crew::new(settings.workers, threads),
            settings,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        // ORDERING: Relaxed. Fences order it where order matters: `Idle::announce` between a push
        // and this, `EventCount::notify_all` after `close`.
        self.closed.load(Ordering::Relaxed)
    }

    /// Accepts no more work. Workers end when they find nothing more to do.
    pub(super) fn close(&self) {
        // ORDERING: Relaxed. `wake_all` begins with a fence.
        self.closed.store(true, Ordering::Relaxed);
        self.idle.wake_all();
        self.crew.dismiss();
    }

    /// Queues a piece of work.
    pub(super) fn submit<T, F>(
        self: &Arc<Self>,
        work: F,
        hurry: Hurry,
    ) -> Result<Job<T>, SubmitError<F>>
    where
        T: Send + 'static,
        F: Call<Output = T> + Send + 'static,
    {
        if self.is_closed() {
            return Err(SubmitError::Closed(work));
        }
        let package = Package::new(self.id, work);
        self.push(package.runnable(), hurry);
        // `push` announced, and so put a fence between the push and this look: either we see that
        // the pool was closed meanwhile, or who closed it sees our work before the last worker
        // leaves. In the first case take the work back, if nobody runs it yet.
        let refused = if self.is_closed() { package.reclaim() } else { None };
        if let Some(work) = refused {
            return Err(SubmitError::Closed(work));
        }
        Ok(package.into_job())
    }

    /// Queues work and makes sure that somebody looks for it.
    pub(super) fn push(self: &Arc<Self>, work: Runnable, hurry: Hurry) {
        let at_once = match worker::push_local(self.id, work) {
            // A job divides itself: others should take part.
            None => true,
            Some(work) => self.injector.push(work) > BACKLOG || hurry == Hurry::AtOnce,
        };
        self.idle.announce(at_once);
        if self.crew.is_short_handed() {
            self.add_spare();
        }
    }

    /// Starts one of the pool's own workers; `report` learns how its initializer went.
    pub(super) fn start_worker(
        self: &Arc<Self>,
        report: impl FnOnce(Result<(), JoinError>) + Send + 'static,
    ) -> io::Result<()> {
        self.start_thread(self.crew.hire_worker(), report)
    }

    /// Puts one thread in place of one that sleeps, if one is missing.
    #[cold]
    pub(super) fn add_spare(self: &Arc<Self>) {
        if let Hired::New(slot) = self.crew.hire_spare() {
            // If the system refuses: go on with fewer, and try again after a while.
            let _ = self.start_thread(slot, |_| {});
        }
    }

    /// Starts a thread that the crew has counted already.
    fn start_thread(
        self: &Arc<Self>,
        slot: usize,
        report: impl FnOnce(Result<(), JoinError>) + Send + 'static,
    ) -> io::Result<()> {
        let registry = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name(format!("{}_{slot}", self.settings.name))
            .stack_size(self.settings.stack_size)
            .spawn(move || worker::live(registry, slot, report));
        if spawned.is_err() {
            self.crew.refuse();
            self.crew.left(slot);
        }
        spawned.map(drop)
    }

    /// Whether work lies in any queue.
    pub(super) fn has_queued(&self) -> bool {
        !self.injector.is_empty() || self.slots.iter().any(Slot::has_queued)
    }

    /// How many entries lie in queues other than the one of `index`.
    pub(super) fn queued_elsewhere(&self, index: usize) -> usize {
        self.injector.len() + self.slots.others(index).map(Slot::queued).sum::<usize>()
    }

    /// How many entries lie in the queues. A hint; cancelled ones count until they are found.
    pub(super) fn queued(&self) -> usize {
        self.injector.len() + self.slots.iter().map(Slot::queued).sum::<usize>()
    }

    /// Cancels whatever lies in the queues.
    pub(super) fn cancel_queued(&self) -> usize {
        let mut cancelled = 0;
        while let Some(work) = self.steal_one() {
            cancelled += usize::from(work.work().cancel());
        }
        cancelled
    }

    fn steal_one(&self) -> Option<Runnable> {
        self.injector.pop().or_else(|| self.slots.iter().find_map(|slot| take(|| slot.steal())))
    }

    /// Whether the current thread is one of this pool's.
    pub(super) fn owns_current_thread(&self) -> bool {
        <dyn Host>::with_current(|host| host.id() == self.id).unwrap_or(false)
    }
}

/// Repeats an attempt that lost a race.
pub(super) fn take<T>(mut steal: impl FnMut() -> Steal<T>) -> Option<T> {
    loop {
        match steal() {
            Steal::Success(found) => return Some(found),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}
