//! What happens after the death of a worker: who is the victim, and where the rest goes.

use super::cargo::{Cargo, Item, Outcomes};
use super::foreman::{Foreman, OWN_FAULT};
use super::lane::{Carried, Lane};
use super::outcome;
use super::reply::Reply;
use super::ring::Stage;
use super::shared::{Doom, Life, Phase, Shared, Worker};
use super::ticket::Place;
use super::worker::Farewell;
use crate::sys::memory;
use conc_core::JoinError;
use conc_core::trace::{MarkKind, Outcome as Ended};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Buries all workers that have ended; whether there were any.
pub(super) fn all(foreman: &mut Foreman) -> bool {
    let ends = std::mem::take(&mut *foreman.shared.ends.lock());
    if ends.is_empty() {
        return false;
    }
    let mut shortage = Shortage::since(&mut foreman.out_of_memory_kills);
    for (number, result) in ends {
        let shared = Arc::clone(&foreman.shared);
        let worker = {
            let mut state = shared.state.lock();
            let place = state.workers.iter().position(|worker| worker.lane.worker == number);
            place.map(|place| state.workers.remove(place))
        };
        if let Some(worker) = worker {
            one(&shared, worker, result, &mut shortage);
        }
    }
    true
}

fn one(
    shared: &Arc<Shared>,
    mut worker: Worker,
    result: Result<Farewell, JoinError>,
    shortage: &mut Shortage,
) {
    // What it started may have outlived it.
    let _ = worker.kin.signal_group(libc::SIGKILL);
    let error = cause(worker.stage, result, shortage);
    let lane = &mut worker.lane;
    let (mut victim, mut finished, mut untouched) = (None, Vec::new(), Vec::new());
    for (number, carried) in lane.remains() {
        match lane.stage(number) {
            Stage::Done => finished.push((number, carried)),
            Stage::Running => victim = Some((number, carried)),
            _ => untouched.push((number, carried)),
        }
    }
    take_leave(shared, &worker, victim.as_ref(), finished.len(), &error);
    // Results first: they came before the death.
    let settled = finished.len();
    for (number, carried) in finished {
        let lane = &worker.lane;
        outcome::settle(shared, &lane.ring, lane.post().as_fd(), number, carried);
    }
    let again = victim.and_then(|victim| mourn(shared, &worker.lane, victim, error));
    let mut state = shared.state.lock();
    for (number, carried) in untouched.into_iter().rev() {
        let item = carried.into_item(&worker.lane.ring, number);
        item.cargo.ticket().set(Place::Queued);
        state.queue.push_front(item);
    }
    let mut settled = settled;
    match again {
        Some(Again::Whole(item)) => {
            item.cargo.ticket().set(Place::Queued);
            state.queue.push_front(*item);
        }
        Some(Again::Settled) => settled += 1,
        None => {}
    }
    shared.settled(&mut state, settled);
    shared.news.notify_all();
    drop(state);
}

/// Frees the worker's place, and writes its end down.
fn take_leave(
    shared: &Shared,
    worker: &Worker,
    victim: Option<&(u64, Carried)>,
    finished: usize,
    error: &JoinError,
) {
    let mut state = shared.state.lock();
    if worker.stage == Life::Starting && state.phase == Phase::Open {
        let killed = matches!(error, JoinError::Killed { .. });
        state.failed_starts += if killed { 1 } else { OWN_FAULT };
        state.last_failure = Some(error.clone());
    }
    let seat = &mut state.seats[worker.seat];
    // Somebody else may have taken it already.
    if seat.figures.pid == Some(worker.kin.pid as u32) {
        seat.is_taken = false;
        seat.figures.pid = None;
    }
    seat.figures.jobs += finished as u64;
    let Some((number, carried)) = victim else { return };
    let progress = worker.lane.slot(*number).span.progress();
    let (done, lost) = match carried.cargo.is_batch() {
        true => (progress.done, progress.next > progress.done),
        false => (0, true),
    };
    seat.figures.jobs += u64::from(done);
    seat.figures.lost += u64::from(lost);
    if let Some(recorder) = &mut seat.recorder {
        let started = worker.lane.slot(*number).started.get();
        let nanos = crate::sys::clock::monotonic_nanos().saturating_sub(started);
        let now = Instant::now();
        let started = now.checked_sub(Duration::from_nanos(nanos)).unwrap_or(now);
        recorder.record_span(carried.cargo.name(), started, now, Ended::Killed);
        recorder.mark(error.to_string(), MarkKind::Death);
    }
}

/// Processes that the kernel ended for want of memory, and that nobody has asked for yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shortage(u64);

impl Shortage {
    /// Those since `before`, which becomes now.
    fn since(before: &mut u64) -> Self {
        let now = memory::out_of_memory_kills();
        // Another group counts anew.
        Self(now.saturating_sub(std::mem::replace(before, now)))
    }

    /// Whether one more death can have been this; each explains one.
    fn explains_one(&mut self) -> bool {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Why the worker ended. The kernel tells of a shortage of memory by SIGKILL, as anybody may, and
/// by its count.
fn cause(life: Life, result: Result<Farewell, JoinError>, shortage: &mut Shortage) -> JoinError {
    let error = match result {
        Ok(Farewell::Stopped) => JoinError::Exited { code: 0, report: None },
        Ok(Farewell::Unfounded(failure)) => failure.into(),
        Ok(Farewell::Unprepared(message)) => JoinError::NotStarted { message: message.into() },
        Err(error) => error,
    };
    match life {
        Life::Doomed(Doom::TimedOut) => JoinError::TimedOut,
        Life::Doomed(Doom::Memory { limit, seen }) => JoinError::MemoryLimit { limit, seen },
        Life::Doomed(Doom::Killed) => error,
        _ => match &error {
            JoinError::Killed { signal, .. }
                if signal.number() == libc::SIGKILL && shortage.explains_one() =>
            {
                JoinError::OutOfMemory
            }
            _ => error,
        },
    }
}

/// What becomes of the job that ran.
enum Again {
    /// It is run once more.
    Whole(Box<Item>),
    Settled,
}

fn mourn(
    shared: &Arc<Shared>,
    lane: &Lane,
    (number, carried): (u64, Carried),
    error: JoinError,
) -> Option<Again> {
    let is_over = shared.state.lock().phase == Phase::Terminating;
    let mut item = carried.into_item(&lane.ring, number);
    let again = item.cargo.attempts.len() < item.cargo.terms.retries as usize && !is_over;
    match &item.cargo.reply {
        Reply::Batch(reply) if reply.len() > 1 || !reply.cut_off.is_empty() => {
            divide(shared, lane, number, item, error, again);
            return Some(Again::Settled);
        }
        Reply::Batch(_) if lane.slot(number).span.progress().done > 0 => {
            // Its one item was done; only the word of it was missing.
            divide(shared, lane, number, item, error, again);
            return Some(Again::Settled);
        }
        _ => {}
    }
    if again {
        item.cargo.attempts.push(error);
        return Some(Again::Whole(Box::new(item)));
    }
    let Cargo { reply, attempts, .. } = item.cargo;
    let error = last_error(attempts, error);
    match reply {
        reply @ Reply::Call(_) => reply.fail(error),
        Reply::Batch(reply) => {
            reply.settle(Outcomes { lost: Some(error), ..Outcomes::default() }, Vec::new());
        }
    }
    Some(Again::Settled)
}

fn last_error(mut attempts: Vec<JoinError>, error: JoinError) -> JoinError {
    if attempts.is_empty() {
        return error;
    }
    attempts.push(error);
    JoinError::Exhausted { attempts: attempts.into() }
}

/// A batch whose worker died: what was done is done, one item is lost, the rest goes on.
fn divide(
    shared: &Arc<Shared>,
    lane: &Lane,
    number: u64,
    item: Item,
    error: JoinError,
    again: bool,
) {
    let Item { bytes, cargo } = item;
    let Cargo { work, terms, reply, .. } = cargo;
    let Reply::Batch(reply) = reply else { return };
    let progress = lane.slot(number).span.progress();
    let (count, outcomes) = outcome::salvage(&lane.ring, number);
    let mut outcomes = Outcomes { count, bytes: outcomes, ..Outcomes::default() };
    let mut rest = Vec::new();
    let mut items = Vec::new();
    if progress.next > count {
        let victim = count..count + 1;
        if again {
            let (mut item, part) =
                outcome::part(shared, work, terms, &reply, victim, |range| bytes.part(range));
            item.cargo.attempts.push(error);
            items.push(item);
            rest.push(part);
        } else {
            outcomes.lost = Some(error);
        }
    }
    if progress.next < progress.end {
        let left = progress.next..progress.end;
        let (item, part) =
            outcome::part(shared, work, terms, &reply, left, |range| bytes.part(range));
        items.push(item);
        rest.push(part);
    }
    items.into_iter().rev().for_each(|item| shared.push_again(item));
    reply.settle(outcomes, rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use conc_core::Signal;

    fn killed_by(number: i32) -> Result<Farewell, JoinError> {
        Err(JoinError::Killed { signal: Signal::new(number), core: false, report: None })
    }

    #[test]
    fn each_kill_of_the_kernel_explains_one_death() {
        let _watchdog = conc_tests::watchdog();
        let killed = killed_by(libc::SIGKILL);
        let mut shortage = Shortage(2);
        for expected in [JoinError::OutOfMemory, JoinError::OutOfMemory] {
            assert_eq!(cause(Life::Ready, killed.clone(), &mut shortage), expected);
        }
        // The third was somebody else.
        assert_eq!(Err(cause(Life::Ready, killed.clone(), &mut shortage)), killed);
        assert_eq!(shortage, Shortage(0));
    }

    #[test]
    fn other_deaths_are_not_put_down_to_the_kernel() {
        let _watchdog = conc_tests::watchdog();
        let mut shortage = Shortage(1);
        for number in [libc::SIGSEGV, libc::SIGTERM, libc::SIGABRT] {
            let killed = killed_by(number);
            assert_eq!(Err(cause(Life::Ready, killed.clone(), &mut shortage)), killed);
        }
        let exited = JoinError::Exited { code: 0, report: None };
        assert_eq!(cause(Life::Stopped, Ok(Farewell::Stopped), &mut shortage), exited);
        let killed = killed_by(libc::SIGKILL);
        for (doom, expected) in [
            (Doom::TimedOut, Err(JoinError::TimedOut)),
            (Doom::Memory { limit: 1, seen: 2 }, Err(JoinError::MemoryLimit { limit: 1, seen: 2 })),
            (Doom::Killed, killed.clone()),
        ] {
            assert_eq!(Err(cause(Life::Doomed(doom), killed.clone(), &mut shortage)), expected);
        }
        assert_eq!(shortage, Shortage(1), "it is still to be asked for");
        assert_eq!(cause(Life::Starting, killed, &mut shortage), JoinError::OutOfMemory);
    }

    #[test]
    fn what_was_before_explains_nothing() {
        let _watchdog = conc_tests::watchdog();
        let mut before = memory::out_of_memory_kills();
        // Nobody runs out of memory in these tests; elsewhere somebody may.
        Shortage::since(&mut before);
        let mut later = u64::MAX;
        assert_eq!(Shortage::since(&mut later), Shortage(0), "another group counts anew");
        assert!(later < u64::MAX);
    }
}
