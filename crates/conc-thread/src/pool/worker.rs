//! A thread of the pool: where it looks for work, how it runs it, when it leaves.

use super::crew::Bench;
use super::idle::{Outcome, Search};
use super::registry::{Registry, take};
use super::slot::Slot;
use conc_core::Deadline;
use conc_core::JoinError;
use conc_core::executor::{Help, Host};
use conc_core::job::{Ran, Runnable, Work, caught, quietly};
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
/// It always waits for so many, to find out whether it pays.
const LINGER_LEAST: u32 = 4;
/// A spare thread leaves after it has found nothing for so long.
const SPARE_PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    static LOCAL: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
}

/// Queues `work` on the current thread, if it belongs to the pool `home`; gives it back if not.
pub(super) fn push_local(home: u64, work: Runnable) -> Option<Runnable> {
    let mut work = Some(work);
    // A thread that is past the destruction of its locals belongs to nobody.
    let _ = LOCAL.try_with(|local| {
        if let Some(local) = local.borrow().as_ref().filter(|local| local.registry.id == home) {
            work.take().into_iter().for_each(|work| local.deque.push(work));
        }
    });
    work
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
            let _ = LOCAL.try_with(|local| {
                if let (Some(local), Some(running)) = (&*local.borrow(), self.0.take()) {
                    local.items_recorded.set(true);
                    local.record(self.1, running, outcome);
                }
            });
        }
    }
    let _item = Item(Some(Running::start()), std::any::type_name_of_val(&run));
    run()
}

/// The whole life of a thread.
pub(super) fn live(
    registry: Arc<Registry>,
    slot: usize,
    report: impl FnOnce(Result<(), JoinError>),
) {
    let deque = registry.slots.get(slot).occupy();
    let ready = caught(|| registry.settings.initialize(slot));
    let failed = ready.is_err();
    report(ready);
    let deque = if failed {
        registry.crew.refuse();
        deque
    } else {
        work(&registry, slot, deque)
    };
    registry.slots.get(slot).vacate(deque);
    registry.crew.left(slot);
    // Work may have come while we made up our mind, and counted on us; or found no free slot.
    if registry.has_queued() {
        registry.idle.announce(true);
        if registry.crew.is_short_handed() {
            registry.add_spare();
        }
    }
}

fn work(registry: &Arc<Registry>, slot: usize, deque: Deque<Runnable>) -> Deque<Runnable> {
    let local = Rc::new(Local {
        registry: Arc::clone(registry),
        index: slot,
        deque,
        stack_base: stack_position(),
        tick: Cell::new(0),
        outside: Cell::new(0),
        linger: Cell::new(LINGER_LEAST),
        blocks: Cell::new(0),
        items_recorded: Cell::new(false),
    });
    LOCAL.set(Some(Rc::clone(&local)));
    let host = <dyn Host>::enter(Rc::clone(&local) as Rc<dyn Host>);
    local.run_until_the_end();
    drop(host);
    LOCAL.set(None);
    Rc::into_inner(local).expect("references to the host are lent, not given").deque
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
    /// Sleeps that the running job is in, one inside the other.
    blocks: Cell<u32>,
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
            quietly(move || drop(work));
        }
        figures.end_busy(self.registry.born);
    }

    fn next(&self) -> Option<Runnable> {
        if self.registry.crew.has_surplus() && !self.sit_out() {
            return None;
        }
        self.take_in_turn().or_else(|| self.search())
    }

    /// Too many threads run: this one waits until it is needed; `false` if it never was.
    #[cold]
    fn sit_out(&self) -> bool {
        while let Some(work) = self.deque.pop() {
            self.registry.injector.push(work);
        }
        self.registry.idle.announce(true);
        let figures = &self.slot().figures;
        figures.end_busy(self.registry.born);
        let bench = self.registry.crew.sit_out();
        figures.begin_busy(self.registry.born);
        bench == Bench::Back
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
        // Not from other workers: what is moved from queue to queue is in neither for a moment,
        // and only a searcher is allowed for (`Idle`, invariant 1).
        self.take_own().or_else(|| self.take_from_outside())
    }

    fn take_own(&self) -> Option<Runnable> {
        let own = self.deque.pop();
        if own.is_some() {
            self.outside.set(self.outside.get().saturating_sub(1));
        }
        own
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
                Outcome::TimedOut if !self.sit_out() => return None,
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
            self.linger.set(if pays { linger * 2 } else { linger / 2 }.clamp(LINGER_LEAST, LINGER));
        }
        let outside = injector.pop_batch(&self.deque, settings.workers);
        self.outside.set(self.deque.len());
        outside
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
        self.take_own().or_else(|| self.take_from_outside()).or_else(|| self.steal_from_others())
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
    /// If there can be none, all but a quarter of the stack is.
    fn help(&self, work: &dyn Work) -> Help {
        let stack_size = self.registry.settings.stack_size;
        let used = self.stack_base.abs_diff(stack_position());
        self.slot().figures.note_stack(used);
        let crew = &self.registry.crew;
        if used >= stack_size / 2 && (used >= stack_size / 4 * 3 || !crew.is_full()) {
            let nobody_else = used >= stack_size / 2 && crew.is_last_hope();
            return if nobody_else { Help::WouldDeadlock } else { Help::Sleep };
        }
        // While it helps, this thread is not asleep, whatever the waiting job has announced.
        let blocks = self.blocks.replace(0);
        if blocks > 0 {
            crew.unblock();
        }
        let ran = self.execute(work);
        self.blocks.set(blocks);
        if blocks > 0 && crew.block() && self.registry.has_queued() {
            self.registry.add_spare();
        }
        if ran { Help::Ran } else { Help::Sleep }
    }

    fn before_block(&self) {
        let blocks = self.blocks.get();
        self.blocks.set(blocks + 1);
        // The fence in `block` orders the mark before this look for work; `announce` orders a push
        // before its look at the mark.
        if blocks == 0 && self.registry.crew.block() && self.registry.has_queued() {
            self.registry.add_spare();
        }
    }

    fn after_block(&self) {
        let blocks = self.blocks.get();
        self.blocks.set(blocks - 1);
        if blocks == 1 {
            self.registry.crew.unblock();
        }
    }
}

/// About where the stack ends at this moment.
#[inline(never)]
fn stack_position() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here).addr()
}
