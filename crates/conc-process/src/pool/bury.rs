//! What happens after the death of a worker: who is the victim, and where the rest goes.

use super::cargo::{Cargo, Item, Outcomes};
use super::foreman::{Foreman, OWN_FAULT};
use super::lane::{Carried, Lane};
use super::outcome;
use super::reply::Reply;
use super::ring::Stage;
use super::shared::Shared;
use super::state::{Doom, Life, Phase, Worker};
use super::ticket::Place;
use super::worker::Farewell;
use crate::sys::memory;
use conc_core::JoinError;
use conc_core::job::quietly;
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
        if let Some(left) = take_away(&shared, number) {
            one(foreman, &shared, left, result, &mut shortage);
        }
    }
    true
}

/// A worker that has ended, and what of its work cannot go back into the queue.
struct Left {
    worker: Worker,
    /// What had ended before it did.
    finished: Vec<(u64, Carried)>,
    /// What ran when it ended.
    victim: Option<(u64, Carried)>,
}

/// Takes a worker that has ended away. What it had not begun goes back into the queue at once: so it
/// can be cancelled all the time.
fn take_away(shared: &Shared, number: u32) -> Option<Left> {
    let mut state = shared.state.lock();
    let place = state.workers.iter().position(|worker| worker.lane.worker == number)?;
    let mut worker = state.workers.remove(place);
    let (mut victim, mut finished, mut untouched) = (None, Vec::new(), Vec::new());
    for (number, carried) in worker.lane.remains() {
        match worker.lane.stage(number) {
            Stage::Done => finished.push((number, carried)),
            Stage::Running => victim = Some((number, carried)),
            _ => untouched.push((number, carried)),
        }
    }
    for (number, carried) in untouched.into_iter().rev() {
        let item = carried.into_item(&worker.lane.ring, number);
        item.cargo.ticket().set(Place::Queued);
        state.queue.push_front(item);
    }
    Some(Left { worker, finished, victim })
}

fn one(
    foreman: &mut Foreman,
    shared: &Arc<Shared>,
    Left { worker, finished, victim }: Left,
    result: Result<Farewell, JoinError>,
    shortage: &mut Shortage,
) {
    // What it started may have outlived it.
    let _ = worker.kin.signal_group(libc::SIGKILL);
    let error = cause(worker.stage, result, shortage);
    take_leave(shared, &worker, victim.as_ref(), finished.len(), &error);
    // Results first: they came before the death.
    let mut settled = finished.len();
    for (number, carried) in finished {
        let (ring, post) = (&worker.lane.ring, worker.lane.post().as_fd());
        let scratch = &mut foreman.scratch;
        quietly(|| outcome::settle(shared, ring, post, number, carried, scratch));
    }
    let again = victim.and_then(|victim| mourn(shared, &worker, victim, error));
    let mut state = shared.state.lock();
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
    if worker.stage == Life::Starting && matches!(state.phase, Phase::Open | Phase::Closed) {
        let killed = matches!(error, JoinError::Killed { .. });
        state.start_failed(if killed { 1 } else { OWN_FAULT }, error.clone());
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

/// A batch may so often come to nothing before its first item is charged with it.
const MOST_FRUITLESS: u8 = 2;

/// What becomes of the job that ran.
enum Again {
    /// It is run once more.
    Whole(Box<Item>),
    Settled,
}

fn mourn(
    shared: &Arc<Shared>,
    worker: &Worker,
    (number, carried): (u64, Carried),
    error: JoinError,
) -> Option<Again> {
    let lane = &worker.lane;
    // Who asked for the death of the job does not want it to run again.
    let wanted = worker.stage != Life::Doomed(Doom::Killed);
    let mut item = carried.into_item(&lane.ring, number);
    let again = item.cargo.attempts.len() < item.cargo.terms.retries as usize
        && wanted
        && shared.state.lock().tries_again();
    if let Reply::Batch(reply) = &item.cargo.reply {
        let progress = lane.slot(number).span.progress();
        // Its one item was done, and only the word of it was missing; or it was not even begun.
        let is_whole = progress.done == 0 && progress.next > 0;
        if reply.len() > 1 || !reply.cut_off.is_empty() || !is_whole {
            divide(shared, lane, number, item, error, again);
            return Some(Again::Settled);
        }
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
    let Cargo { work, terms, reply, fruitless, attempts, .. } = cargo;
    let Reply::Batch(reply) = reply else { return };
    let progress = lane.slot(number).span.sane_progress(reply.len());
    let outcomes = progress.and_then(|progress| outcome::salvage(&lane.ring, number, progress));
    let (Some(progress), Some(bytes_of_outcomes)) = (progress, outcomes) else {
        return Reply::Batch(reply).fail(error);
    };
    let count = progress.done;
    let mut outcomes = Outcomes { count, bytes: bytes_of_outcomes, ..Outcomes::default() };
    let mut rest = Vec::new();
    let mut items = Vec::new();
    // To read a batch may be what kills: one that has come no further, time and again, is the
    // fault of its next item.
    let stalled = progress.next == 0 && fruitless >= MOST_FRUITLESS;
    let next = if stalled { progress.end.min(1) } else { progress.next };
    if next > count {
        let victim = count..count + 1;
        if again {
            let (mut item, part) =
                outcome::part(shared, work, terms, &reply, victim, |range| bytes.part(range));
            item.cargo.attempts = attempts;
            item.cargo.attempts.push(error);
            items.push(item);
            rest.push(part);
        } else {
            outcomes.lost = Some(last_error(attempts, error));
        }
    }
    if next < progress.end {
        let left = next..progress.end;
        let (mut item, part) =
            outcome::part(shared, work, terms, &reply, left, |range| bytes.part(range));
        if progress.next == 0 && !stalled {
            item.cargo.fruitless = fruitless + 1;
        }
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
