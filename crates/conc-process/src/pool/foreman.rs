//! The one thread that collects results, replaces the dead, and watches over time and memory.
//!
//! It looks around as long as there is something to do, then a moment longer, and then sleeps on
//! the pool's bell. Workers ring it when they have finished something, those who submit when nobody
//! can take what they bring, the supervisor when a worker has ended. All announce first and look
//! again afterwards: see [`Sleeper`](super::ring::Sleeper).
//!
//! Callbacks of jobs run here, outside of the lock.

use super::bury;
use super::cargo::Cargo;
use super::force::Ending;
use super::hire::hire;
use super::lane::{Carried, Lane};
use super::outcome;
use super::ring::Ring;
use super::shared::{Refusals, Shared, Taken};
use super::state::{Life, Phase, STUCK, State, Worker};
use crate::sys::{bell, clock, memory, poll};
use conc_core::courier::Keepsake;
use conc_core::job::{caught, quietly};
use conc_core::trace::Outcome as Ended;
use conc_core::wait::Patience;
use conc_core::{Deadline, JoinError};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often running batches are looked at while somebody is without work.
const CUT_TICK: Duration = Duration::from_millis(1);
/// While more calls than this are out, results are collected many at a time.
const FLOOD: usize = 16;
/// After a sleep of so long it does not look again for a moment before it sleeps: that would take
/// time from jobs that take long.
const LONG: Duration = Duration::from_micros(200);
/// So long the foreman lets results pile up then: a fraction of what it takes to fill a ring.
const NAP: Duration = Duration::from_micros(30);
/// What an attempt that failed by itself counts.
pub(super) const OWN_FAULT: u32 = 8;

/// The foreman's own notes.
pub(super) struct Foreman {
    pub(super) shared: Arc<Shared>,
    pub(super) memory_at: Instant,
    /// When workers that were asked to end are ended.
    pub(super) kill_at: Option<Instant>,
    /// When to look again, whatever happens.
    pub(super) wake_at: Option<Instant>,
    pub(super) out_of_memory_kills: u64,
    /// Results of calls come in, and many more are to come.
    flood: bool,
    /// What was taken from the workers and is to be read.
    at_hand: VecDeque<Harvest>,
    /// Where an outcome is read: a worker that has gone mad may still write what it has given.
    pub(super) scratch: Vec<u8>,
}

/// Entries of one worker whose outcomes are to be read.
struct Harvest {
    worker: u32,
    ring: Ring,
    post: Arc<OwnedFd>,
    entries: VecDeque<(u64, Carried)>,
    /// So many there were.
    count: usize,
}

/// What one look found, to be done outside of the lock.
#[derive(Default)]
pub(super) struct Found {
    pub(super) refusals: Refusals,
    /// What nobody will run: it fails with the cause, or is cancelled.
    pub(super) ended: Vec<(Taken, Option<JoinError>)>,
    keepsakes: Vec<Keepsake>,
    /// Workers that are to be ended by force.
    pub(super) endings: Vec<Ending>,
    pub(super) hires: usize,
    pub(super) moved: bool,
    /// Among what is done are calls, and not only batches.
    calls: bool,
    pub(super) over: bool,
}

/// The thread's life. Whatever happens to it, no job waits for ever.
pub(super) fn run(shared: Arc<Shared>) {
    let mut foreman = Foreman {
        shared: Arc::clone(&shared),
        memory_at: Instant::now(),
        kill_at: None,
        wake_at: None,
        out_of_memory_kills: memory::out_of_memory_kills(),
        flood: false,
        at_hand: VecDeque::new(),
        scratch: Vec::new(),
    };
    let ended = caught(|| foreman.work());
    let error = ended.err().map(|error| JoinError::NotStarted {
        message: format!("the pool's own thread {error}").into(),
    });
    let mut state = shared.state.lock();
    state.is_over = true;
    state.phase = Phase::Over;
    if error.is_some() {
        state.gave_up.clone_from(&error);
    }
    let taken = shared.take_queued(&mut state);
    let workers = std::mem::take(&mut state.workers);
    drop(state);
    let error = error.unwrap_or(JoinError::Abandoned);
    taken.fail(&error);
    for (_, carried) in foreman.at_hand.into_iter().flat_map(|harvest| harvest.entries) {
        carried.cargo.reply.fail(error.clone());
    }
    for mut worker in workers {
        worker.force.kill().into_iter().for_each(Ending::carry_out);
        for (_, carried) in worker.lane.remains() {
            carried.cargo.reply.fail(error.clone());
        }
    }
    shared.state.lock().outstanding = 0;
    shared.news.notify_all();
}

impl Foreman {
    fn work(&mut self) {
        clock::sharpen();
        let mut patience = Patience::new();
        // Jobs tend to take as long as those before.
        let mut is_patient = true;
        loop {
            match self.look() {
                Look::Over => return,
                Look::Moved => {
                    patience.reset();
                    if self.flood {
                        // To be woken for each of them would cost more than it is worth.
                        std::thread::park_timeout(NAP);
                    }
                }
                Look::Nothing => {
                    if is_patient && patience.pause() {
                        continue;
                    }
                    self.announce();
                    match self.look() {
                        Look::Over => return,
                        Look::Moved => {}
                        Look::Nothing => is_patient = self.sleep() < LONG,
                    }
                    self.shared.foreman.retract();
                    patience.reset();
                }
            }
        }
    }

    /// Lets everybody who has news ring the bell.
    fn announce(&self) {
        self.shared.foreman.announce();
        for worker in &self.shared.state.lock().workers {
            worker.lane.ring.header().parent.announce();
        }
    }

    /// Sleeps until the bell rings or something is due; how long that was.
    fn sleep(&mut self) -> Duration {
        let asleep = Instant::now();
        let deadline = self.wake_at.map(Deadline::at);
        let bell = self.shared.bell.as_fd();
        // An error is a look too many.
        let _ = poll::readable([bell], deadline);
        bell::silence(bell);
        asleep.elapsed()
    }

    /// Looks around once, and does what is to be done.
    fn look(&mut self) -> Look {
        let shared = Arc::clone(&self.shared);
        #[cfg(test)]
        shared.sabotage();
        let buried = bury::all(self);
        let mut found = Found::default();
        {
            let mut state = shared.state.lock();
            self.wake_at = None;
            self.harvest(&mut state, &mut found);
            self.distribute(&mut state, &mut found);
            self.supervise(&mut state, &mut found);
            self.flood = found.calls && state.outstanding > FLOOD;
        }
        let mut moved = buried || found.moved;
        let Found { refusals, ended, keepsakes, endings, hires, over, .. } = found;
        endings.into_iter().for_each(Ending::carry_out);
        keepsakes.into_iter().for_each(|keepsake| quietly(move || drop(keepsake)));
        self.refuse(refusals);
        let ended = ended.into_iter().map(|(taken, cause)| self.end(taken, cause)).sum::<usize>();
        self.settle();
        if self.flood {
            // The places of what was read are free: nobody is to be without work during the nap.
            let refusals = shared.state.lock().refill(&shared.settings);
            self.refuse(refusals);
        }
        for _ in 0..hires {
            hire(&shared);
        }
        moved |= ended > 0;
        match (over, moved || hires > 0) {
            (true, _) => Look::Over,
            (false, true) => Look::Moved,
            (false, false) => Look::Nothing,
        }
    }

    /// Takes what is done.
    fn harvest(&mut self, state: &mut State, found: &mut Found) {
        let clocks = self.shared.settings.trace.then(Clocks::now);
        let State { workers, seats, failed_starts, hire_at, .. } = state;
        for worker in workers {
            if worker.stage == Life::Starting && worker.lane.ring.header().is_ready() {
                worker.stage = Life::Ready;
                worker.idle_since = Instant::now();
                *failed_starts = 0;
                *hire_at = None;
                found.keepsakes.append(&mut worker.keepsakes);
                found.moved = true;
                self.shared.news.notify_all();
            }
            let mut entries = VecDeque::new();
            while let Some((number, carried)) = worker.lane.harvest() {
                let seat = &mut seats[worker.seat];
                note(seat, &worker.lane, number, &carried.cargo, clocks.as_ref());
                found.calls |= !carried.cargo.is_batch();
                entries.push_back((number, carried));
            }
            if entries.is_empty() {
                // Entries that were taken back leave no outcome to be read. Of earlier ones nothing
                // is at hand any more.
                worker.lane.collect();
                continue;
            }
            if worker.lane.load() == 0 {
                worker.idle_since = Instant::now();
            }
            worker.stalled = false;
            found.moved = true;
            self.at_hand.push_back(Harvest {
                worker: worker.lane.worker,
                ring: worker.lane.ring.clone(),
                post: Arc::clone(worker.lane.post()),
                count: entries.len(),
                entries,
            });
        }
    }

    /// Gives work to who has none: out of the queue, from behind others' long jobs, out of long
    /// batches.
    fn distribute(&mut self, state: &mut State, found: &mut Found) {
        let settings = &self.shared.settings;
        if !state.queue.is_empty() {
            let before = state.queue.len();
            found.refusals = state.refill(settings);
            found.moved |= state.queue.len() != before;
        }
        let mut idle = state.workers.iter().filter(|worker| worker.is_idle()).count();
        while idle > 0 && state.queue.is_empty() {
            let most = state.workers.iter_mut().max_by_key(|worker| worker.spare());
            let stolen = most
                .map(|worker| (worker.spare(), worker))
                .filter(|(spare, _)| *spare > 0)
                .map(|(spare, worker)| {
                    worker.stalled = worker.is_stuck();
                    worker.lane.steal(if worker.stalled { spare } else { spare.div_ceil(2) })
                })
                .unwrap_or_default();
            if stolen.is_empty() {
                let Some(item) = self.shared.cut_a_batch(state) else { break };
                state.queue.push_front(item);
            } else {
                stolen.into_iter().for_each(|item| state.queue.push_front(item));
            }
            let refusals = state.refill(settings);
            found.refusals.append(refusals);
            found.moved = true;
            idle = state.workers.iter().filter(|worker| worker.is_idle()).count();
        }
        let waits = |worker: &Worker| {
            matches!(worker.lane.present(), Some((_, super::ring::Stage::Pending, _)))
        };
        if idle > 0 && state.workers.iter().any(waits) {
            self.wake_in(STUCK);
        }
        let is_batch_out = || {
            state
                .workers
                .iter()
                .any(|worker| worker.lane.present().is_some_and(|(_, _, cargo)| cargo.is_batch()))
        };
        if idle > 0 && is_batch_out() {
            self.wake_in(CUT_TICK);
        }
    }

    /// Whether something has come from the workers that is not read yet.
    pub(super) fn has_harvest(&self) -> bool {
        !self.at_hand.is_empty()
    }

    /// Ends what can never go out to a worker.
    fn refuse(&self, refusals: Refusals) {
        for cargo in refusals.withdrawn {
            cargo.reply.withdrawn();
        }
        let count = refusals.never.len();
        for (cargo, error) in refusals.never {
            cargo.reply.fail(error);
        }
        if count > 0 {
            let mut state = self.shared.state.lock();
            self.shared.settled(&mut state, count);
        }
    }

    /// Ends what nobody will run; how much that was.
    fn end(&self, taken: Taken, cause: Option<JoinError>) -> usize {
        let count = taken.queued.len();
        match cause {
            Some(cause) => taken.fail(&cause),
            None => taken.cancel(),
        }
        if count > 0 {
            let mut state = self.shared.state.lock();
            self.shared.settled(&mut state, count);
        }
        count
    }

    /// Reads outcomes and settles jobs.
    fn settle(&mut self) {
        while let Some(harvest) = self.at_hand.front_mut() {
            while let Some((number, carried)) = harvest.entries.pop_front() {
                let (shared, ring, post) = (&self.shared, &harvest.ring, harvest.post.as_fd());
                // Whatever panics there harms this one alone: it is abandoned.
                let scratch = &mut self.scratch;
                quietly(|| outcome::settle(shared, ring, post, number, carried, scratch));
            }
            let (number, count) = (harvest.worker, harvest.count);
            self.at_hand.pop_front();
            let mut state = self.shared.state.lock();
            if let Some(worker) = state.worker(number) {
                worker.lane.collect();
            }
            self.shared.settled(&mut state, count);
        }
    }
}

/// What a look around found.
enum Look {
    Nothing,
    Moved,
    Over,
}

/// The same moment on two clocks.
struct Clocks {
    instant: Instant,
    nanos: u64,
}

impl Clocks {
    fn now() -> Self {
        Self { instant: Instant::now(), nanos: clock::monotonic_nanos() }
    }

    fn instant(&self, nanos: u64) -> Instant {
        let ago = Duration::from_nanos(self.nanos.saturating_sub(nanos));
        self.instant.checked_sub(ago).unwrap_or(self.instant)
    }
}

/// Writes down what an entry has cost.
fn note(
    seat: &mut super::stats::Place,
    lane: &Lane,
    number: u64,
    cargo: &Cargo,
    clocks: Option<&Clocks>,
) {
    let slot = lane.slot(number);
    let (started, ended) = (slot.started.get(), slot.ended.get());
    seat.figures.busy += Duration::from_nanos(ended.saturating_sub(started));
    seat.figures.jobs += match cargo.is_batch() {
        true => u64::from(slot.span.progress().done),
        false => 1,
    };
    if let (Some(recorder), Some(clocks)) = (&mut seat.recorder, clocks) {
        let failed = super::ring::Shape::decode(slot.outcome.get()).is_failure;
        let outcome = if failed { Ended::Failed } else { Ended::Completed };
        let name = lane.label(number).unwrap_or_else(|| cargo.name().to_owned());
        recorder.record_span(name, clocks.instant(started), clocks.instant(ended), outcome);
    }
}
