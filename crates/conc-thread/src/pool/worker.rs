//! A thread of the pool: where it looks for work, how it runs it, when it leaves.

use super::idle::{Outcome, Search};
use super::registry::{Registry, take};
use super::slot::Slot;
use conc_core::Deadline;
use conc_core::JoinError;
use conc_core::executor::Host;
use conc_core::job::{Ran, Runnable, Work, caught};
use conc_core::sync::spin_loop;
use conc_core::trace::{self, Running};
use crossbeam_deque::Worker as Deque;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Every so many jobs a worker looks at the work from outside first, so that jobs which submit
/// jobs cannot starve it. A prime, as in tokio: not in step with anybody's pattern.
const OUTSIDE_FIRST: u32 = 61;
/// A worker does not wait for more work from outside when there is so much.
const ENOUGH: usize = 16;
/// Nor for longer than so many pauses: about 3 µs.
const LINGER: u32 = 256;
/// A spare thread leaves after it has found nothing for so long.
const SPARE_PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    static LOCAL: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
}

/// Queues `work` on the current thread, if it belongs to the pool `home`; gives it back if not.
pub(super) fn push_local(home: u64, work: Runnable) -> Option<Runnable> {
    LOCAL.with_borrow(|local| match local {
        Some(local) if local.registry.id == home => {
            local.deque.push(work);
            None
        }
        _ => Some(work),
    })
}

/// Runs one item of a batch; in a pool that records, as an entry of its own.
pub(super) fn run_item<R>(registry: &Registry, run: impl FnOnce() -> R) -> R {
    if !registry.settings.trace {
        return run();
    }
    /// Records when it goes, that is also when the item panics.
    struct Item(Option<Running>, &'static str);
    impl Drop for Item {
        fn drop(&mut self) {
            let panicked = std::thread::panicking();
            let outcome = if panicked { trace::Outcome::Failed } else { trace::Outcome::Completed };
            LOCAL.with_borrow(|local| {
                if let (Some(local), Some(running)) = (local, self.0.take()) {
                    local.items_recorded.set(true);
                    local.record(self.1, running, outcome);
                }
            });
        }
    }
    let _item = Item(Some(Running::start()), std::any::type_name_of_val(&run));
    run()
}

/// A thread that is about to start.
pub(super) struct Worker {
    registry: Arc<Registry>,
    index: usize,
    deque: Deque<Runnable>,
}

impl Worker {
    pub(super) fn new(registry: Arc<Registry>, index: usize) -> Self {
        let deque = registry.slots.get(index).occupy();
        Self { registry, index, deque }
    }

    /// The thread's whole life.
    pub(super) fn run(self, report: impl FnOnce(Result<(), JoinError>)) {
        let registry = Arc::clone(&self.registry);
        let index = self.index;
        let deque = Self::work(self, report);
        registry.slots.get(index).vacate(deque);
        registry.crew.give_vacancy(index);
        registry.crew.left();
        // Work may have come while we made up our mind, and counted on us.
        if registry.has_queued() {
            registry.idle.announce(true);
        }
    }

    fn work(self, report: impl FnOnce(Result<(), JoinError>)) -> Deque<Runnable> {
        let Self { registry, index, deque } = self;
        let ready = caught(|| registry.settings.initialize(index));
        let failed = ready.is_err();
        report(ready);
        if failed {
            registry.crew.leave();
            return deque;
        }
        let local = Rc::new(Local {
            registry,
            index,
            deque,
            stack_base: stack_position(),
            tick: Cell::new(0),
            outside: Cell::new(0),
            linger: Cell::new(4),
            items_recorded: Cell::new(false),
        });
        LOCAL.set(Some(Rc::clone(&local)));
        let host = <dyn Host>::enter(Rc::clone(&local) as Rc<dyn Host>);
        local.run_until_the_end();
        drop(host);
        LOCAL.set(None);
        Rc::into_inner(local).expect("the thread's own references are gone").deque
    }
}

/// What a worker knows while it runs; lives on its thread.
struct Local {
    registry: Arc<Registry>,
    index: usize,
    deque: Deque<Runnable>,
    stack_base: usize,
    tick: Cell<u32>,
    /// At most so many entries at the front of the queue came from outside.
    outside: Cell<usize>,
    /// Pauses to wait for more work from outside.
    linger: Cell<u32>,
    /// The job that ran last was a batch whose items have been recorded.
    items_recorded: Cell<bool>,
}

impl Local {
    fn slot(&self) -> &Slot {
        self.registry.slots.get(self.index)
    }

    fn run_until_the_end(&self) {
        let figures = &self.slot().figures;
        figures.begin_busy(self.registry.born);
        while let Some(work) = self.next() {
            self.execute(work.work());
            // If the handle is gone, the result goes here; its panic is nobody's.
            let _ = caught(move || drop(work));
        }
        figures.end_busy(self.registry.born);
    }

    fn next(&self) -> Option<Runnable> {
        self.take_in_turn().or_else(|| self.search())
    }

    fn take_in_turn(&self) -> Option<Runnable> {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        if tick % OUTSIDE_FIRST == 0 && self.outside.get() == 0 {
            let outside = self.registry.injector.pop();
            if outside.is_some() {
                return outside;
            }
        }
        self.find()
    }

    #[cold]
    fn search(&self) -> Option<Runnable> {
        let registry = &self.registry;
        let figures = &self.slot().figures;
        figures.end_busy(registry.born);
        loop {
            let spare = registry.crew.has_spares();
            let deadline = if spare { Deadline::after(SPARE_PATIENCE) } else { None };
            match registry.idle.search(self, deadline) {
                Outcome::Found(work) => {
                    figures.begin_busy(registry.born);
                    return Some(work);
                }
                Outcome::Ended => {
                    registry.crew.leave();
                    return None;
                }
                Outcome::TimedOut if registry.crew.leave_if_spare() => return None,
                Outcome::TimedOut => {}
            }
        }
    }

    /// Takes a batch of what came from outside; waits a moment for more of it if that pays.
    ///
    /// A worker that takes each job as it comes fights the submitter for the cache lines of the
    /// queue, and both lose. In a stream the next jobs come while it waits, and the wait grows; if
    /// nothing comes, as when somebody submits and joins in turn, it shrinks to a few pauses.
    fn take_from_outside(&self) -> Option<Runnable> {
        let Registry { injector, settings, .. } = &*self.registry;
        let before = injector.len();
        if before == 0 {
            return None;
        }
        if before < ENOUGH {
            let linger = self.linger.get();
            for _ in 0..linger {
                spin_loop();
            }
            let pays = injector.len() > before;
            self.linger.set(if pays { linger * 2 } else { linger / 2 }.clamp(4, LINGER));
        }
        injector.pop_batch(&self.deque, settings.workers)
    }

    fn steal_from_others(&self) -> Option<Runnable> {
        // Everybody begins with the next neighbour, so that thieves spread.
        self.registry.slots.others(self.index).find_map(|slot| {
            let stealer = slot.stealer()?;
            take(|| stealer.steal_batch_and_pop(&self.deque))
        })
    }

    /// Runs `work` here; counts and records it.
    fn execute(&self, work: &dyn Work) -> bool {
        let running = self.registry.settings.trace.then(Running::start);
        let ran = work.run();
        if ran == Ran::Not {
            return false;
        }
        self.slot().figures.count_job(ran);
        if let Some(running) = running {
            self.record_job(work, running, ran);
        }
        true
    }

    fn record_job(&self, work: &dyn Work, running: Running, ran: Ran) {
        if self.items_recorded.take() {
            drop(running.stop());
            return;
        }
        let outcome = match ran {
            Ran::Panicked => trace::Outcome::Failed,
            Ran::Completed | Ran::Not => trace::Outcome::Completed,
        };
        self.record(work.name(), running, outcome);
    }

    fn record(&self, unnamed: &'static str, running: Running, outcome: trace::Outcome) {
        let mut recorder = self.slot().recorder.lock();
        recorder
            .get_or_insert_with(|| {
                let lane = std::thread::current().name().unwrap_or("worker").to_owned();
                trace::Recorder::new(lane, self.registry.born)
            })
            .finish(running, unnamed, outcome);
    }
}

impl Search for Local {
    type Found = Runnable;

    fn find(&self) -> Option<Runnable> {
        let own = self.deque.pop();
        if own.is_some() {
            self.outside.set(self.outside.get().saturating_sub(1));
            return own;
        }
        let outside = self.take_from_outside();
        if outside.is_some() {
            self.outside.set(self.deque.len());
            return outside;
        }
        self.outside.set(0);
        self.steal_from_others()
    }

    fn more(&self) -> usize {
        self.deque.len() + self.registry.queued_elsewhere(self.index)
    }

    fn has_ended(&self) -> bool {
        self.registry.is_closed()
    }

    fn workers(&self) -> usize {
        self.registry.settings.workers
    }
}

impl Host for Local {
    fn id(&self) -> u64 {
        self.registry.id
    }

    /// Half of the stack is for jobs that run inside jobs; beyond that a spare thread takes over.
    fn help(&self, work: &dyn Work) -> bool {
        let used = self.stack_base.abs_diff(stack_position());
        self.slot().figures.note_stack(used);
        used < self.registry.settings.stack_size / 2 && self.execute(work)
    }

    fn before_block(&self) {
        self.registry.before_block();
    }

    fn after_block(&self) {
        self.registry.after_block();
    }
}

/// About where the stack ends at this moment.
#[inline(never)]
fn stack_position() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here).addr()
}
