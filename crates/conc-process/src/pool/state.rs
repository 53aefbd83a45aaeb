//! What the pool's lock protects: the queue, the workers, and who gets what.

use super::bytes::Bytes;
use super::cargo::{Cargo, Item};
use super::force::Force;
use super::lane::{Lane, Refused};
use super::reply::Reply;
use super::ring::{Shape, Stage};
use super::settings::Settings;
use super::shared::Refusals;
use super::stats::Place as Seat;
use super::ticket::{Place, Ticket};
use crate::client::Kin;
use conc_core::JoinError;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A worker that has not begun anything for so long does not run.
pub(super) const STUCK: Duration = Duration::from_millis(5);

/// For so long others come before one that was stuck.
const STALLED: Duration = Duration::from_millis(100);

/// The binary logarithm of the longest pause between attempts to start a worker, in milliseconds.
const LONGEST_PAUSE: u32 = 10;

/// In a queue that is longer, nobody is looked for who is cancelled.
const LONG_QUEUE: usize = 4096;

/// How far the pool has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// No new work.
    Closed,
    /// Workers that run are ended.
    Terminating,
    Over,
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
    /// When the next attempt may be made.
    pub(super) hire_at: Option<Instant>,
    /// Nobody is hired any more, for this reason: what is queued fails with it.
    pub(super) gave_up: Option<JoinError>,
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
    /// When it was given something while it had nothing.
    pub(super) busy_since: Instant,
    /// It did not run when it had something, then.
    pub(super) stalled: bool,
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
    pub(super) fn takes_work(&self) -> bool {
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

    /// Whether it has no work, and nothing of what it has done is still to be read.
    pub(super) fn has_nothing(&self) -> bool {
        self.lane.load() == 0 && self.lane.is_read()
    }

    /// Whether it runs jobs, or will.
    pub(super) fn is_present(&self) -> bool {
        match self.stage {
            Life::Starting | Life::Ready => true,
            Life::Leaving => !self.has_nothing(),
            Life::Stopped | Life::Doomed(_) => false,
        }
    }

    /// Entries that can be taken back for somebody without work: those behind the one that it runs.
    /// All, if it does not run: it still starts, or was stopped.
    pub(super) fn spare(&self) -> usize {
        let load = self.lane.load();
        let all = load > 0 && (self.stage == Life::Starting || self.is_stuck());
        if all { load } else { load.saturating_sub(1) }
    }

    /// It does not begin what it has: somebody has stopped it, or others have the processors.
    pub(super) fn is_stuck(&self) -> bool {
        self.lane.load() > 0
            && self.busy_since.elapsed() > STUCK
            && matches!(self.lane.present(), Some((_, Stage::Pending, _)))
    }

    /// It was stuck a moment ago: others come first.
    fn is_stalled(&self) -> bool {
        self.stalled && self.busy_since.elapsed() < STALLED
    }

    /// Whether it has nothing to do, and would do something.
    pub(super) fn is_idle(&self) -> bool {
        self.lane.load() == 0 && self.stage == Life::Ready && !self.is_stalled()
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
            hire_at: None,
            gave_up: None,
            next_worker: 0,
            is_over: false,
        }
    }

    /// Another attempt to start a worker has failed; `weight` says how much that tells of the next.
    pub(super) fn start_failed(&mut self, weight: u32, error: JoinError) {
        self.failed_starts += weight;
        self.last_failure = Some(error);
        // What the machine is short of may come back: twice as long each time.
        let millis = 1_u64 << self.failed_starts.min(LONGEST_PAUSE);
        self.hire_at = Some(Instant::now() + Duration::from_millis(millis));
    }

    /// Whether a job whose worker died may run again at all.
    pub(super) fn tries_again(&self) -> bool {
        self.gave_up.is_none() && matches!(self.phase, Phase::Open | Phase::Closed)
    }

    /// Whom the next piece of work goes to: the one with the least of it.
    fn least_loaded(&self) -> Option<usize> {
        let takers = self.workers.iter().enumerate().filter(|(_, worker)| worker.takes_work());
        // Whoever still starts comes behind all who are idle.
        let best = takers.min_by_key(|(_, worker)| {
            (worker.is_stalled(), worker.lane.load(), worker.stage == Life::Starting)
        });
        best.map(|(index, _)| index)
    }

    /// Looks for a worker that takes a piece of work now; then it has to [get](Self::give) it.
    pub(super) fn find_taker(
        &self,
        bytes: &mut Bytes<'_>,
        cargo: &Cargo,
    ) -> Result<(usize, Shape), Refused> {
        let index = self.least_loaded().ok_or(Refused::NoRoom)?;
        match self.workers[index].lane.admit(bytes, cargo) {
            Ok(shape) => Ok((index, shape)),
            Err(Refused::NoRoom) => self.find_other(index, bytes, cargo),
            Err(never) => Err(never),
        }
    }

    /// The best has no room for it, for descriptors or a file: perhaps another.
    #[cold]
    fn find_other(
        &self,
        best: usize,
        bytes: &mut Bytes<'_>,
        cargo: &Cargo,
    ) -> Result<(usize, Shape), Refused> {
        for (index, worker) in self.workers.iter().enumerate() {
            if index == best || !worker.takes_work() {
                continue;
            }
            match worker.lane.admit(bytes, cargo) {
                Ok(shape) => return Ok((index, shape)),
                Err(Refused::NoRoom) => {}
                Err(never) => return Err(never),
            }
        }
        Err(Refused::NoRoom)
    }

    pub(super) fn give(
        &mut self,
        settings: &Settings,
        (index, shape): (usize, Shape),
        bytes: Bytes<'_>,
        cargo: Cargo,
    ) {
        let worker = &mut self.workers[index];
        if worker.lane.load() == 0 {
            worker.busy_since = Instant::now();
        }
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

    pub(super) fn position(&self, ticket: &Ticket) -> Option<usize> {
        self.queue.iter().position(|item| std::ptr::eq(item.cargo.ticket(), ticket))
    }

    /// Takes a job that is withdrawn out of the queue. From a long queue only now and then: others
    /// stay until it is their turn, so that to cancel all of it does not take for ever.
    pub(super) fn take_out(&mut self, ticket: &Ticket) -> Option<Item> {
        if self.queue.len() > LONG_QUEUE {
            return None;
        }
        self.position(ticket).and_then(|place| self.queue.remove(place))
    }

    pub(super) fn worker(&mut self, number: u32) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|worker| worker.lane.worker == number)
    }
}
