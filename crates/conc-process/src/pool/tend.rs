//! The foreman looks after the workers: time, memory, who is to go, how many are missing, the end.

use super::foreman::{Foreman, Found};
use super::ring::Stage;
use super::settings::Settings;
use super::state::{Doom, Life, Phase, State};
use crate::sys::{clock, memory};
use conc_core::JoinError;
use std::time::{Duration, Instant};

/// How often memory is looked at while jobs run.
const MEMORY_TICK: Duration = Duration::from_millis(5);
/// No sleep is longer while jobs are out: a worker that was stopped after it had finished one, and
/// before it rang the bell, must not keep its result.
const SLICE: Duration = Duration::from_millis(250);
/// Attempts to start a worker, one after the other, before the pool gives up. More if the worker
/// was killed: that says little about the next.
pub(super) const MOST_FAILED_STARTS: u32 = 24;

impl Foreman {
    /// Looks after the workers themselves.
    pub(super) fn supervise(&mut self, state: &mut State, found: &mut Found) {
        self.look_at_times(state, found);
        self.look_at_memory(state, found);
        self.retire(state, found);
        self.look_at_phase(state, found);
        self.look_at_strength(state, found);
        if state.workers.iter().any(|worker| worker.lane.load() > 0) {
            self.wake_in(SLICE);
        }
    }

    pub(super) fn wake_in(&mut self, time: Duration) {
        // What no clock can count is never.
        let Some(at) = Instant::now().checked_add(time) else { return };
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
            let started = if cargo.is_batch() {
                // Not before it is known which item that is of.
                slot.span.progress();
                slot.item_started.get()
            } else {
                slot.started.get()
            };
            let spent = match stage {
                Stage::Running if started > 0 => Duration::from_nanos(now.saturating_sub(started)),
                // It has not begun, and cannot be late before it has had its time.
                _ => {
                    self.wake_in(timeout);
                    continue;
                }
            };
            match timeout.checked_sub(spent) {
                Some(left) if !left.is_zero() => self.wake_in(left),
                _ => {
                    let item = cargo.is_batch().then_some(started);
                    late.push((worker.lane.worker, number, item));
                }
            }
        }
        for (worker, entry, item) in late {
            let ended = (Doom::TimedOut, item);
            found.moved |= self.shared.doom(state, worker, entry, ended, &mut found.endings);
        }
    }

    /// Ends jobs that use too much memory, and lets workers leave that have kept too much.
    fn look_at_memory(&mut self, state: &mut State, found: &mut Found) {
        let Settings { max_memory, memory_limit, .. } = self.shared.settings;
        if max_memory.is_none() && memory_limit.is_none() {
            return;
        }
        let busy = state.workers.iter().any(|worker| worker.lane.load() > 0);
        let harvested = self.has_harvest();
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
            let ended = (doom, None);
            found.moved |= self.shared.doom(state, worker, entry, ended, &mut found.endings);
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
            if worker.stage == Life::Leaving && worker.has_nothing() {
                worker.stop();
                seats[worker.seat].is_taken = false;
                found.moved = true;
            }
        }
        wakes.into_iter().for_each(|left| self.wake_in(left));
    }

    /// Brings the pool to its end.
    fn look_at_phase(&mut self, state: &mut State, found: &mut Found) {
        // Also what has come back since, from the dead.
        if let Some(cause) = state.gave_up.clone() {
            found.ended.push((self.shared.take_queued(state), Some(cause)));
        } else if state.phase == Phase::Terminating {
            found.ended.push((self.shared.take_queued(state), None));
        }
        if state.phase == Phase::Open {
            return;
        }
        let is_terminating = state.phase == Phase::Terminating;
        if state.outstanding == 0 || is_terminating {
            for worker in &mut state.workers {
                if worker.has_nothing() && !matches!(worker.stage, Life::Stopped) {
                    // One that runs its initializer does not look. Where all is to end, what a
                    // worker has started must not be left behind by one that ends by itself.
                    if is_terminating || worker.stage == Life::Starting {
                        found.endings.extend(worker.force.ask());
                    }
                    worker.stop();
                }
            }
        }
        if is_terminating {
            self.terminate(state, found);
        }
        found.over = state.outstanding == 0 && state.workers.is_empty() && state.starting == 0;
    }

    fn terminate(&mut self, state: &mut State, found: &mut Found) {
        let now = Instant::now();
        let kill_at = *self.kill_at.get_or_insert(now + self.shared.settings.grace);
        for worker in &mut state.workers {
            // A stopped one hears of it when it goes on.
            found.endings.extend(worker.force.ask());
            if now >= kill_at {
                found.endings.extend(worker.force.kill());
            }
        }
        self.wake_in(kill_at.saturating_duration_since(now).max(Duration::from_millis(1)));
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
            Phase::Terminating | Phase::Over => 0,
        };
        let missing = wanted.saturating_sub(present);
        let pause = state.hire_at.and_then(|at| at.checked_duration_since(Instant::now()));
        match pause.filter(|pause| missing > 0 && !pause.is_zero()) {
            Some(pause) => self.wake_in(pause),
            None => {
                found.hires = missing;
                state.starting += missing;
            }
        }
    }

    /// No worker can be had.
    fn give_up(&mut self, state: &mut State, found: &mut Found) {
        if state.gave_up.is_some() {
            return;
        }
        let cause = state.last_failure.clone().unwrap_or(JoinError::Abandoned);
        state.gave_up = Some(cause.clone());
        if state.phase == Phase::Open {
            state.phase = Phase::Closed;
        }
        found.ended.push((self.shared.take_queued(state), Some(cause)));
        found.moved = true;
        self.shared.news.notify_all();
    }
}
