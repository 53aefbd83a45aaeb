//! What all threads of the parent share, and what they do with it: accept, withdraw, kill, divide.

use super::bytes::Bytes;
use super::cargo::{Cargo, Item};
use super::force::Ending;
use super::outcome;
use super::reply::Reply;
use super::ring::{Cut, Sleeper, Stage};
use super::settings::Settings;
use super::state::{Doom, Life, Phase, State, Worker};
use super::store::Store;
use super::ticket::{Place, Ticket};
use super::worker::Farewell;
use crate::client::Family;
use crate::sys::{bell, clock};
use conc_core::{JoinError, KillError};
use parking_lot::{Condvar, Mutex, MutexGuard};
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
        state.outstanding = state.outstanding.saturating_sub(jobs);
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
    pub(super) fn kill(self: &Arc<Self>, ticket: &Ticket) -> Result<(), KillError> {
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
                        let ended = (Doom::Killed, None);
                        let hit = self.doom(&mut state, number, entry, ended, &mut endings);
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

    /// Ends a worker by force for what it runs. What it has not begun goes back into the queue first,
    /// the rest of a batch as well, so that nothing else can begin to run meanwhile; what is left to
    /// be done is to be carried out outside of the lock. `false`: it does not run that any more. An
    /// item of a batch is meant by when it began.
    pub(super) fn doom(
        self: &Arc<Self>,
        state: &mut State,
        number: u32,
        entry: u64,
        (doom, item): (Doom, Option<u64>),
        endings: &mut Vec<Ending>,
    ) -> bool {
        let index = state.workers.iter().position(|worker| worker.lane.worker == number);
        let Some(index) = index else { return false };
        let mut again = state.workers[index].lane.steal(usize::MAX);
        if state.workers[index].lane.slot(entry).span.progress().next > 0 {
            again.extend(self.cut(state, index, entry, Cut::All));
        }
        let worker = &mut state.workers[index];
        let slot = worker.lane.slot(entry);
        let runs = worker.lane.stage(entry) == Stage::Running
            && item.is_none_or(|began| slot.item_started.get() == began && slot.span.is_running());
        if runs && !matches!(worker.stage, Life::Doomed(_)) {
            worker.stage = Life::Doomed(doom);
            let seat = worker.seat;
            endings.extend(worker.force.kill());
            state.seats[seat].is_taken = false;
        }
        again.into_iter().for_each(|item| state.queue.push_front(item));
        runs
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
            if !cargo.is_batch()
                || !cargo.baggage.is_empty()
                || !matches!(worker.stage, Life::Ready | Life::Leaving)
            {
                continue;
            }
            let slot = worker.lane.slot(number);
            let (progress, started) = (slot.span.progress(), slot.started.get());
            // Before it has taken an item, nobody knows what one costs.
            if progress.next == 0 || started == 0 {
                continue;
            }
            let left = u64::from(progress.end.saturating_sub(progress.next));
            let spent = now.saturating_sub(started);
            let work = (spent / u64::from(progress.next)).saturating_mul(left);
            if left > 0 && work >= WORTH_CUTTING && best.is_none_or(|(.., most)| work > most) {
                best = Some((index, number, work));
            }
        }
        let (index, number, _) = best?;
        self.cut(state, index, number, Cut::Half)
    }

    /// Takes items that nobody has begun out of a batch that runs.
    pub(super) fn cut(
        self: &Arc<Self>,
        state: &mut State,
        index: usize,
        number: u64,
        cut: Cut,
    ) -> Option<Item> {
        let lane = &mut state.workers.get_mut(index)?.lane;
        let (from, to) = lane.slot(number).span.cut(cut)?;
        let cargo = lane.cargo(number)?;
        let (work, terms) = (cargo.work, cargo.terms);
        let Reply::Batch(reply) = &cargo.reply else { return None };
        let bytes = |range| lane.part(number, range).unwrap_or_else(|| Bytes::Heap(Vec::new()));
        let (item, part) = outcome::part(self, work, terms, reply, from..to, bytes);
        let Reply::Batch(reply) = &mut lane.cargo_mut(number)?.reply else { return None };
        reply.cut_off.push(part);
        state.outstanding += 1;
        Some(item)
    }
}

/// Less work than this, in nanoseconds, is not worth the way.
const WORTH_CUTTING: u64 = 20_000;
