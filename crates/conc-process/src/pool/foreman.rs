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
use super::hire::hire;
use super::lane::{Carried, Lane};
use super::outcome;
use super::ring::{Ring, Stage};
use super::settings::Settings;
use super::shared::{Doom, Life, Phase, Refusals, Shared, State, Worker};
use crate::sys::{bell, clock, memory, poll};
use conc_core::courier::Keepsake;
use conc_core::job::caught;
use conc_core::trace::Outcome as Ended;
use conc_core::wait::Patience;
use conc_core::{Deadline, JoinError};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often memory is looked at while jobs run.
const MEMORY_TICK: Duration = Duration::from_millis(5);
/// How often running batches are looked at while somebody is without work.
const CUT_TICK: Duration = Duration::from_millis(1);
/// No sleep is longer while jobs are out: a worker that was stopped after it had finished one, and
/// before it rang the bell, must not keep its result.
const SLICE: Duration = Duration::from_millis(250);
/// While more calls than this are out, results are collected many at a time.
const FLOOD: usize = 16;
/// So long the foreman lets results pile up then: a fraction of what it takes to fill a ring.
const NAP: Duration = Duration::from_micros(50);
/// Attempts to start a worker, one after the other, before the pool gives up. More if the worker
/// was killed: that says little about the next.
pub(super) const MOST_FAILED_STARTS: u32 = 24;
/// What an attempt that failed by itself counts.
pub(super) const OWN_FAULT: u32 = 8;

/// The foreman's own notes.
pub(super) struct Foreman {
    pub(super) shared: Arc<Shared>,
    memory_at: Instant,
    /// When workers that were asked to end are ended.
    kill_at: Option<Instant>,
    /// When to look again, whatever happens.
    wake_at: Option<Instant>,
    pub(super) out_of_memory_kills: u64,
    /// Results of calls come in, and many more are to come.
    flood: bool,
}

/// Entries of one worker whose outcomes are to be read.
struct Harvest {
    worker: u32,
    ring: Ring,
    post: Arc<OwnedFd>,
    entries: Vec<(u64, Carried)>,
}

/// What one look found, to be done outside of the lock.
#[derive(Default)]
struct Found {
    harvests: Vec<Harvest>,
    refusals: Refusals,
    keepsakes: Vec<Keepsake>,
    hires: usize,
    moved: bool,
    /// Among what is done are calls, and not only batches.
    calls: bool,
    over: bool,
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
    };
    let ended = caught(|| foreman.work());
    let error = ended.err().map(|error| JoinError::NotStarted {
        message: format!("the pool's own thread {error}").into(),
    });
    let mut state = shared.state.lock();
    state.is_over = true;
    if !matches!(state.phase, Phase::Over(Some(_))) {
        state.phase = Phase::Over(error.clone());
    }
    let taken = shared.take_queued(&mut state);
    let workers = std::mem::take(&mut state.workers);
    drop(state);
    let error = error.unwrap_or(JoinError::Abandoned);
    taken.fail(&error);
    for mut worker in workers {
        // It may have ended.
        let _ = worker.kin.signal_group(libc::SIGKILL);
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
                    if patience.pause() {
                        continue;
                    }
                    self.announce();
                    match self.look() {
                        Look::Over => return,
                        Look::Moved => {}
                        Look::Nothing => self.sleep(),
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

    fn sleep(&mut self) {
        let deadline = self.wake_at.map(Deadline::at);
        let bell = self.shared.bell.as_fd();
        // An error is a look too many.
        let _ = poll::readable([bell], deadline);
        bell::silence(bell);
    }

    /// Looks around once, and does what is to be done.
    fn look(&mut self) -> Look {
        let shared = Arc::clone(&self.shared);
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
        let moved = buried || found.moved;
        let Found { harvests, refusals, keepsakes, hires, over, .. } = found;
        drop(keepsakes);
        self.settle(harvests, refusals);
        for _ in 0..hires {
            hire(&shared);
        }
        match (over, moved || hires > 0) {
            (true, _) => Look::Over,
            (false, true) => Look::Moved,
            (false, false) => Look::Nothing,
        }
    }

    /// Takes what is done.
    fn harvest(&self, state: &mut State, found: &mut Found) {
        let clocks = self.shared.settings.trace.then(Clocks::now);
        let State { workers, seats, failed_starts, .. } = state;
        for worker in workers {
            if worker.stage == Life::Starting && worker.lane.ring.header().is_ready() {
                worker.stage = Life::Ready;
                worker.idle_since = Instant::now();
                *failed_starts = 0;
                found.keepsakes.append(&mut worker.keepsakes);
                found.moved = true;
                self.shared.news.notify_all();
            }
            let mut entries = Vec::new();
            while let Some((number, carried)) = worker.lane.harvest() {
                let seat = &mut seats[worker.seat];
                note(seat, &worker.lane, number, &carried.cargo, clocks.as_ref());
                found.calls |= !carried.cargo.is_batch();
                entries.push((number, carried));
            }
            if entries.is_empty() {
                continue;
            }
            if worker.lane.load() == 0 {
                worker.idle_since = Instant::now();
            }
            found.moved = true;
            found.harvests.push(Harvest {
                worker: worker.lane.worker,
                ring: worker.lane.ring.clone(),
                post: Arc::clone(worker.lane.post()),
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
            let behind = |worker: &Worker| worker.lane.load().saturating_sub(1);
            let most = state.workers.iter_mut().max_by_key(|worker| behind(worker));
            let stolen = most
                .filter(|worker| behind(worker) > 0)
                .map(|worker| worker.lane.steal(behind(worker).div_ceil(2)))
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

    /// Looks after the workers themselves.
    fn supervise(&mut self, state: &mut State, found: &mut Found) {
        self.look_at_times(state, found);
        self.look_at_memory(state, found);
        self.retire(state, found);
        self.look_at_phase(state, found);
        self.look_at_strength(state, found);
        if state.workers.iter().any(|worker| worker.lane.load() > 0) {
            self.wake_in(SLICE);
        }
    }

    fn wake_in(&mut self, time: Duration) {
        let at = Instant::now() + time;
        self.wake_at = Some(self.wake_at.map_or(at, |before| before.min(at)));
    }

    /// Ends jobs that have run for too long.
    fn look_at_times(&mut self, state: &mut State, found: &mut Found) {
        let now = clock::monotonic_nanos();
        let mut late = Vec::new();
        for worker in &state.workers {
            if matches!(worker.stage, Life::Doomed(_)) {
                continue;
            }
            let Some((number, stage, cargo)) = worker.lane.present() else { continue };
            let Some(timeout) = cargo.terms.timeout else { continue };
            let slot = worker.lane.slot(number);
            let started = slot.started.get().max(slot.item_started.get());
            let spent = match stage {
                Stage::Running if started > 0 => Duration::from_nanos(now.saturating_sub(started)),
                // It has not begun, and cannot be late before it has had its time.
                _ => Duration::ZERO,
            };
            match timeout.checked_sub(spent) {
                Some(left) if !left.is_zero() => self.wake_in(left),
                _ => late.push((worker.lane.worker, number)),
            }
        }
        for (worker, entry) in late {
            found.moved |= state.doom(worker, entry, Doom::TimedOut);
        }
    }

    /// Ends jobs that use too much memory, and lets workers leave that have kept too much.
    fn look_at_memory(&mut self, state: &mut State, found: &mut Found) {
        let Settings { max_memory, memory_limit, .. } = self.shared.settings;
        if max_memory.is_none() && memory_limit.is_none() {
            return;
        }
        let busy = state.workers.iter().any(|worker| worker.lane.load() > 0);
        let harvested = !found.harvests.is_empty();
        if !busy && !harvested {
            return;
        }
        let now = Instant::now();
        if now < self.memory_at {
            let left = self.memory_at - now;
            return self.wake_in(left);
        }
        self.memory_at = now + MEMORY_TICK;
        self.wake_in(MEMORY_TICK);
        let mut greedy = Vec::new();
        let State { workers, seats, .. } = state;
        for worker in workers {
            let Some(seen) = memory::own_bytes(worker.kin.pid) else { continue };
            let figures = &mut seats[worker.seat].figures;
            figures.peak_memory = figures.peak_memory.max(seen);
            if max_memory.is_some_and(|most| seen > most) {
                worker.leave();
            }
            let Some(limit) = memory_limit.filter(|limit| seen > *limit) else { continue };
            match worker.lane.present() {
                Some((entry, Stage::Running, _)) => {
                    greedy.push((worker.lane.worker, entry, Doom::Memory { limit, seen }));
                }
                _ => worker.leave(),
            }
        }
        for (worker, entry, doom) in greedy {
            found.moved |= state.doom(worker, entry, doom);
        }
    }

    /// Lets those go who are to leave and have no work, and those who were without work for long.
    fn retire(&mut self, state: &mut State, found: &mut Found) {
        let Settings { min, max, idle_timeout, .. } = self.shared.settings;
        let mut present = state.workers.iter().filter(|worker| worker.is_present()).count();
        let mut wakes = Vec::new();
        let State { workers, seats, .. } = state;
        for worker in workers {
            if worker.is_idle() && min < max && present > min {
                let idle = worker.idle_since.elapsed();
                match idle_timeout.checked_sub(idle) {
                    Some(left) if !left.is_zero() => wakes.push(left),
                    _ => {
                        worker.leave();
                        present -= 1;
                    }
                }
            }
            if worker.stage == Life::Leaving && worker.lane.load() == 0 {
                worker.stop();
                seats[worker.seat].is_taken = false;
                found.moved = true;
            }
        }
        wakes.into_iter().for_each(|left| self.wake_in(left));
    }

    /// Brings the pool to its end.
    fn look_at_phase(&mut self, state: &mut State, found: &mut Found) {
        if state.phase == Phase::Open {
            return;
        }
        if state.outstanding == 0 || state.phase == Phase::Terminating {
            for worker in &mut state.workers {
                if worker.lane.load() == 0 && !matches!(worker.stage, Life::Stopped) {
                    // One that runs its initializer does not look.
                    if worker.stage == Life::Starting {
                        let _ = worker.kin.signal_group(libc::SIGTERM);
                    }
                    worker.stop();
                }
            }
        }
        if state.phase == Phase::Terminating {
            self.terminate(state);
        }
        found.over = state.outstanding == 0 && state.workers.is_empty() && state.starting == 0;
    }

    fn terminate(&mut self, state: &State) {
        let grace = self.shared.settings.grace;
        let now = Instant::now();
        let (signal, first) = match self.kill_at {
            None => {
                self.kill_at = Some(now + grace);
                (libc::SIGTERM, true)
            }
            Some(at) => (libc::SIGKILL, now >= at),
        };
        if first {
            for worker in &state.workers {
                // It may have ended.
                let _ = worker.kin.signal_group(signal);
                // A stopped one hears of it when it goes on.
                let _ = worker.kin.signal_group(libc::SIGCONT);
            }
        }
        if let Some(at) = self.kill_at {
            self.wake_in(at.saturating_duration_since(now).max(Duration::from_millis(1)));
        }
    }

    /// Counts how many workers are missing.
    fn look_at_strength(&mut self, state: &mut State, found: &mut Found) {
        let Settings { min, max, .. } = self.shared.settings;
        if state.failed_starts >= MOST_FAILED_STARTS {
            return self.give_up(state, found);
        }
        let present = state.workers.iter().filter(|worker| worker.is_present()).count();
        let wanted = match state.phase {
            Phase::Open if !state.queue.is_empty() || self.shared.wants_to_grow(state) => {
                min.max(state.outstanding.min(present + 1)).min(max)
            }
            Phase::Open => min,
            Phase::Closed => min.min(state.outstanding),
            Phase::Terminating | Phase::Over(_) => 0,
        };
        found.hires = wanted.saturating_sub(present);
        state.starting += found.hires;
    }

    /// No worker can be had.
    fn give_up(&mut self, state: &mut State, found: &mut Found) {
        if matches!(state.phase, Phase::Over(_)) {
            return;
        }
        let cause = state.last_failure.clone().unwrap_or(JoinError::Abandoned);
        state.phase = Phase::Over(Some(cause.clone()));
        let taken = self.shared.take_queued(state);
        for item in taken.into_items() {
            found.refusals.never.push((item.cargo, cause.clone()));
        }
        found.moved = true;
        self.shared.news.notify_all();
    }

    /// Reads outcomes and settles jobs.
    fn settle(&mut self, harvests: Vec<Harvest>, refusals: Refusals) {
        let shared = &self.shared;
        let mut settled = refusals.never.len();
        for cargo in refusals.withdrawn {
            cargo.reply.withdrawn();
        }
        for (cargo, error) in refusals.never {
            cargo.reply.fail(error);
        }
        for Harvest { worker, ring, post, entries } in harvests {
            let count = entries.len();
            for (number, carried) in entries {
                outcome::settle(shared, &ring, post.as_fd(), number, carried);
            }
            let mut state = shared.state.lock();
            if let Some(worker) = state.worker(worker) {
                worker.lane.collect();
            }
            shared.settled(&mut state, count);
        }
        if settled > 0 {
            let mut state = shared.state.lock();
            shared.settled(&mut state, std::mem::take(&mut settled));
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
