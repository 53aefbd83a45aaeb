//! What all threads of the parent share: the queue, the workers, and how work gets to them.

use super::bytes::Bytes;
use super::cargo::{Cargo, Item};
use super::force::{Ending, Force};
use super::lane::{Lane, Refused};
use super::outcome;
use super::reply::Reply;
use super::ring::{Shape, Sleeper, Stage};
use super::settings::Settings;
use super::stats::Place as Seat;
use super::store::Store;
use super::ticket::{Place, Ticket};
use super::worker::Farewell;
use crate::client::{Family, Kin};
use crate::sys::{bell, clock};
use conc_core::{JoinError, KillError};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// What all threads of the parent share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) family: &'static Family,
    pub(super) born: Instant,
    /// Where long arguments lie.
    pub(super) store: Arc<Store>,
    pub(super) state: Mutex<State>,
    /// Something ended: a job, a worker, the pool.
    pub(super) news: Condvar,
    /// Wakes the foreman.
    pub(super) bell: OwnedFd,
    pub(super) foreman: Sleeper,
    /// Workers that have ended, as the supervisor heard of it.
    pub(super) ends: Mutex<Vec<(u32, Result<Farewell, JoinError>)>>,
    /// The foreman is to panic when it looks around next.
    #[cfg(test)]
    pub(super) is_sabotaged: conc_core::sync::AtomicU32,
}

/// What did not go out of the queue to a worker. To be settled outside of the lock.
#[derive(Default)]
pub(super) struct Refusals {
    pub(super) never: Vec<(Cargo, JoinError)>,
    pub(super) withdrawn: Vec<Cargo>,
}

/// Work that nobody has begun, and nobody will.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) queued: Vec<Item>,
    /// Of these, the jobs have ended.
    withdrawn: Vec<Item>,
}

impl Refusals {
    pub(super) fn append(&mut self, more: Self) {
        self.never.extend(more.never);
        self.withdrawn.extend(more.withdrawn);
    }
}

impl Taken {
    /// Those that were not withdrawn; the others' jobs have ended.
    pub(super) fn into_items(self) -> Vec<Item> {
        for item in self.withdrawn {
            item.cargo.reply.withdrawn();
        }
        self.queued
    }

    /// Runs callbacks: never under the lock.
    pub(super) fn cancel(self) {
        self.end(|reply| reply.cancel());
    }

    /// Runs callbacks: never under the lock.
    pub(super) fn fail(self, error: &JoinError) {
        self.end(|reply| reply.fail(error.clone()));
    }

    fn end(self, mut end: impl FnMut(Reply)) {
        for item in self.queued {
            end(item.cargo.reply);
        }
        for item in self.withdrawn {
            item.cargo.reply.withdrawn();
        }
    }
}

/// How far the pool has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// No new work.
    Closed,
    /// Workers that run are ended.
    Terminating,
    /// All is over, or the pool cannot go on: for this reason.
    Over(Option<JoinError>),
}

/// What the pool's lock protects.
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) queue: VecDeque<Item>,
    pub(super) workers: Vec<Worker>,
    pub(super) seats: Vec<Seat>,
    /// Jobs that are accepted and not settled.
    pub(super) outstanding: usize,
    /// Workers that are being started, outside of the lock.
    pub(super) starting: usize,
    /// Attempts to start a worker that failed, since one became ready.
    pub(super) failed_starts: u32,
    pub(super) last_failure: Option<JoinError>,
    pub(super) next_worker: u32,
    /// The foreman has gone home.
    pub(super) is_over: bool,
}

/// One worker, for as long as its process lives.
pub(super) struct Worker {
    pub(super) lane: Lane,
    pub(super) kin: Arc<Kin>,
    pub(super) force: Force,
    pub(super) seat: usize,
    pub(super) stage: Life,
    /// Jobs and items that it was given.
    pub(super) tasks: u64,
    pub(super) idle_since: Instant,
    /// What is kept until it has unpacked its briefing.
    pub(super) keepsakes: Vec<conc_core::courier::Keepsake>,
}

/// What is to become of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// It runs its initializer.
    Starting,
    Ready,
    /// It gets no more work, and ends when it has none.
    Leaving,
    /// It was told to end.
    Stopped,
    /// It was ended by force.
    Doomed(Doom),
}

/// Why a worker was ended by force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doom {
    Killed,
    TimedOut,
    Memory { limit: u64, seen: u64 },
}

impl Worker {
    fn takes_work(&self) -> bool {
        matches!(self.stage, Life::Ready | Life::Starting) && self.lane.has_place()
    }

    /// It gets no more work.
    pub(super) fn leave(&mut self) {
        if matches!(self.stage, Life::Ready | Life::Starting) {
            self.stage = Life::Leaving;
        }
    }

    /// Tells it to end.
    pub(super) fn stop(&mut self) {
        self.stage = Life::Stopped;
        let header = self.lane.ring.header();
        header.stop();
        header.worker.wake(conc_core::sys::futex::Scope::Shared);
    }

    /// Whether it runs jobs, or will.
    pub(super) fn is_present(&self) -> bool {
        match self.stage {
            Life::Starting | Life::Ready => true,
            Life::Leaving => self.lane.load() > 0,
            Life::Stopped | Life::Doomed(_) => false,
        }
    }

    /// Whether it has nothing to do, and would do something.
    pub(super) fn is_idle(&self) -> bool {
        self.lane.load() == 0 && self.stage == Life::Ready
    }
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Open,
            queue: VecDeque::new(),
            workers: Vec::new(),
            seats: Vec::new(),
            outstanding: 0,
            starting: 0,
            failed_starts: 0,
            last_failure: None,
            next_worker: 0,
            is_over: false,
        }
    }

    /// Whom the next piece of work goes to: the one with the least of it.
    fn least_loaded(&self) -> Option<usize> {
        let takers = self.workers.iter().enumerate().filter(|(_, worker)| worker.takes_work());
        // Whoever still starts comes behind all who are idle.
        let best =
            takers.min_by_key(|(_, worker)| (worker.lane.load(), worker.stage == Life::Starting));
        best.map(|(index, _)| index)
    }

    /// Looks for a worker that takes a piece of work now; then it has to [get](Self::give) it.
    fn find_taker(&self, bytes: &mut Bytes<'_>, cargo: &Cargo) -> Result<(usize, Shape), Refused> {
        let index = self.least_loaded().ok_or(Refused::NoRoom)?;
        let shape = self.workers[index].lane.admit(bytes, cargo)?;
        Ok((index, shape))
    }

    fn give(
        &mut self,
        settings: &Settings,
        (index, shape): (usize, Shape),
        bytes: Bytes<'_>,
        cargo: Cargo,
    ) {
        let worker = &mut self.workers[index];
        worker.tasks += match &cargo.reply {
            Reply::Call(_) => 1,
            Reply::Batch(batch) => u64::from(batch.len()),
        };
        worker.lane.put(shape, bytes, cargo);
        if settings.max_tasks.is_some_and(|most| worker.tasks >= most) {
            worker.leave();
        }
    }

    /// Hands over what waits, as far as there are places. What can never go out is given back.
    pub(super) fn refill(&mut self, settings: &Settings) -> Refusals {
        let mut refused = Refusals::default();
        while let Some(Item { mut bytes, cargo }) = self.queue.pop_front() {
            if cargo.ticket().place() == Place::Withdrawn {
                refused.withdrawn.push(cargo);
                continue;
            }
            match self.find_taker(&mut bytes, &cargo) {
                Ok(taker) => self.give(settings, taker, bytes, cargo),
                Err(Refused::NoRoom) => {
                    self.queue.push_front(Item { bytes, cargo });
                    break;
                }
                Err(Refused::Never(message)) => {
                    cargo.ticket().set(Place::Withdrawn);
                    let error = JoinError::NotEncoded { message: message.into() };
                    refused.never.push((cargo, error));
                }
            }
        }
        refused
    }

    fn position(&self, ticket: &Ticket) -> Option<usize> {
        self.queue.iter().position(|item| std::ptr::eq(item.cargo.ticket(), ticket))
    }

    /// Takes a job that is withdrawn out of the queue. From a long queue only now and then: others
    /// stay until it is their turn, so that to cancel all of it does not take for ever.
    fn take_out(&mut self, ticket: &Ticket) -> Option<Item> {
        if self.queue.len() > LONG_QUEUE {
            return None;
        }
        self.position(ticket).and_then(|place| self.queue.remove(place))
    }

    pub(super) fn worker(&mut self, number: u32) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|worker| worker.lane.worker == number)
    }

    /// Ends a worker by force. What it has not begun goes back into the queue first, so that
    /// nothing else can begin to run meanwhile. The rest is to be carried out outside of the lock.
    /// `false`: it runs nothing any more.
    pub(super) fn doom(
        &mut self,
        number: u32,
        entry: u64,
        doom: Doom,
        endings: &mut Vec<Ending>,
    ) -> bool {
        let Some(worker) = self.worker(number) else { return false };
        let stolen = worker.lane.steal(usize::MAX);
        let runs = worker.lane.stage(entry) == Stage::Running;
        if runs && !matches!(worker.stage, Life::Doomed(_)) {
            worker.stage = Life::Doomed(doom);
            let seat = worker.seat;
            endings.extend(worker.force.kill());
            self.seats[seat].is_taken = false;
        }
        stolen.into_iter().for_each(|item| self.queue.push_front(item));
        runs
    }
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Result<Arc<Self>, nix::errno::Errno> {
        Ok(Arc::new(Self {
            settings,
            family: Family::own(),
            born: Instant::now(),
            store: Store::create()?,
            state: Mutex::new(State::new()),
            news: Condvar::new(),
            bell: bell::new()?,
            foreman: Sleeper::new(),
            ends: Mutex::default(),
            #[cfg(test)]
            is_sabotaged: conc_core::sync::AtomicU32::new(0),
        }))
    }

    #[cfg(test)]
    pub(super) fn sabotage(&self) {
        // ORDERING: Relaxed. A flag alone.
        let is_sabotaged = self.is_sabotaged.load(conc_core::sync::Ordering::Relaxed) != 0;
        assert!(!is_sabotaged, "sabotage");
    }

    /// Lets the foreman look around.
    pub(super) fn call_foreman(&self) {
        if self.foreman.is_to_be_woken() {
            bell::ring(self.bell.as_fd());
        }
    }

    /// Accepts a piece of work; it comes back if the pool is closed.
    pub(super) fn accept(&self, mut bytes: Bytes<'_>, cargo: Cargo) -> Result<(), Box<Cargo>> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(Box::new(cargo));
        }
        state.outstanding += 1;
        // Who sleeps without a job to watch over has no deadline: it has to see the first one, and
        // whatever it has to look at before it is done.
        let watched = state.outstanding == 1
            || cargo.is_batch() && state.workers.iter().any(Worker::is_idle)
            || cargo.terms.timeout.is_some()
            || self.settings.memory_limit.is_some();
        if state.queue.is_empty() {
            if let Ok(taker) = state.find_taker(&mut bytes, &cargo) {
                state.give(&self.settings, taker, bytes, cargo);
                let calls = watched || self.wants_to_grow(&state);
                drop(state);
                if calls {
                    self.call_foreman();
                }
                return Ok(());
            }
        }
        state.queue.push_back(Item { bytes: bytes.into_owned(), cargo });
        drop(state);
        self.call_foreman();
        Ok(())
    }

    /// Whether another worker would have something to do.
    pub(super) fn wants_to_grow(&self, state: &State) -> bool {
        let present = state.workers.iter().filter(|worker| worker.is_present()).count();
        present + state.starting < self.settings.max
            && !state.workers.iter().any(Worker::is_idle)
            && state.workers.iter().all(|worker| worker.stage != Life::Starting)
    }

    /// Accepts work that was accepted before, and goes before all other.
    pub(super) fn push_again(&self, item: Item) {
        let mut state = self.state.lock();
        state.outstanding += 1;
        state.queue.push_front(item);
        drop(state);
        self.call_foreman();
    }

    /// Takes a job that nobody has begun out of the pool.
    pub(super) fn withdraw(&self, ticket: &Ticket) -> bool {
        if !self.family.is_own() {
            return false;
        }
        let mut state = self.state.lock();
        let taken = match ticket.place() {
            Place::Withdrawn => return true,
            Place::Queued => state.take_out(ticket),
            Place::With(worker, low) => {
                let Some(worker) = state.worker(worker) else { return false };
                let lane = &mut worker.lane;
                let Some(item) = lane.number(low).and_then(|number| lane.take_back(number)) else {
                    return false;
                };
                Some(item)
            }
        };
        ticket.set(Place::Withdrawn);
        self.settled(&mut state, 1);
        drop(state);
        // What it owns goes outside of the lock.
        if let Some(item) = taken {
            item.cargo.reply.withdrawn();
        }
        true
    }

    /// So many jobs have ended.
    pub(super) fn settled(&self, state: &mut MutexGuard<'_, State>, jobs: usize) {
        state.outstanding -= jobs;
        if state.outstanding == 0 && state.phase != Phase::Open {
            self.news.notify_all();
            self.call_foreman();
        }
    }

    /// Whether a worker has begun a job.
    pub(super) fn is_running(&self, ticket: &Ticket) -> bool {
        if !self.family.is_own() {
            return false;
        }
        let mut state = self.state.lock();
        let Place::With(worker, low) = ticket.place() else { return false };
        state.worker(worker).is_none_or(|worker| {
            let lane = &worker.lane;
            lane.number(low)
                .is_none_or(|number| matches!(lane.stage(number), Stage::Running | Stage::Done))
        })
    }

    /// Ends a job: cancels what is queued, kills what runs.
    pub(super) fn kill(&self, ticket: &Ticket) -> Result<(), KillError> {
        if !self.family.is_own() {
            return Err(KillError::Unsupported);
        }
        let mut state = self.state.lock();
        let item = match ticket.place() {
            Place::Withdrawn => return Err(KillError::Finished),
            Place::Queued => state.position(ticket).and_then(|place| state.queue.remove(place)),
            Place::With(worker, low) => {
                let Some(worker) = state.worker(worker) else { return Err(KillError::Finished) };
                let Some(entry) = worker.lane.number(low) else {
                    return Err(KillError::Finished);
                };
                match worker.lane.take_back(entry) {
                    Some(item) => Some(item),
                    None => {
                        let number = worker.lane.worker;
                        let mut endings = Vec::new();
                        let hit = state.doom(number, entry, Doom::Killed, &mut endings);
                        drop(state);
                        endings.into_iter().for_each(Ending::carry_out);
                        self.call_foreman();
                        return if hit { Ok(()) } else { Err(KillError::Finished) };
                    }
                }
            }
        };
        let Some(item) = item else { return Err(KillError::Finished) };
        ticket.set(Place::Withdrawn);
        self.settled(&mut state, 1);
        drop(state);
        item.cargo.reply.cancel();
        Ok(())
    }

    /// Takes everything that nobody has begun.
    pub(super) fn take_queued(&self, state: &mut State) -> Taken {
        let mut taken = Taken::default();
        let mut items: Vec<Item> = state.queue.drain(..).collect();
        for worker in &mut state.workers {
            items.extend(worker.lane.steal(usize::MAX));
        }
        for item in items {
            if item.cargo.ticket().place() == Place::Withdrawn {
                // It was counted when it was withdrawn.
                taken.withdrawn.push(item);
            } else {
                item.cargo.ticket().set(Place::Withdrawn);
                taken.queued.push(item);
            }
        }
        taken
    }

    /// Cancels everything that nobody has begun; how much that was.
    pub(super) fn cancel_queued(&self) -> usize {
        let taken = self.take_queued(&mut self.state.lock());
        let count = taken.queued.len();
        taken.cancel();
        let mut state = self.state.lock();
        self.settled(&mut state, count);
        count
    }

    /// Divides a batch that runs for long, if somebody is without work.
    pub(super) fn cut_a_batch(self: &Arc<Self>, state: &mut State) -> Option<Item> {
        let now = clock::monotonic_nanos();
        let mut best: Option<(usize, u64, u64)> = None;
        for (index, worker) in state.workers.iter().enumerate() {
            let Some((number, Stage::Running, cargo)) = worker.lane.present() else { continue };
            // Descriptors have gone to this worker, with their one item.
            if !cargo.is_batch() || !cargo.baggage.is_empty() {
                continue;
            }
            let slot = worker.lane.slot(number);
            let progress = slot.span.progress();
            let left = u64::from(progress.end.saturating_sub(progress.next));
            let spent = now.saturating_sub(slot.started.get());
            let work = spent / u64::from(progress.next.max(1)) * left;
            if left > 0 && work >= WORTH_CUTTING && best.is_none_or(|(.., most)| work > most) {
                best = Some((index, number, work));
            }
        }
        let (index, number, _) = best?;
        let lane = &mut state.workers.get_mut(index)?.lane;
        let (cut, end) = lane.slot(number).span.cut(1)?;
        let cargo = lane.cargo(number)?;
        let (work, terms) = (cargo.work, cargo.terms);
        let Reply::Batch(reply) = &cargo.reply else { return None };
        let bytes = |range| lane.part(number, range).unwrap_or_else(|| Bytes::Heap(Vec::new()));
        let (item, part) = outcome::part(self, work, terms, reply, cut..end, bytes);
        let Reply::Batch(reply) = &mut lane.cargo_mut(number)?.reply else { return None };
        reply.cut_off.push(part);
        state.outstanding += 1;
        Some(item)
    }
}

/// In a queue that is longer, nobody is looked for who is cancelled.
const LONG_QUEUE: usize = 4096;

/// Less work than this, in nanoseconds, is not worth the way.
const WORTH_CUTTING: u64 = 20_000;
