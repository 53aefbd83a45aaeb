//! What is cancelled never runs.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Gate, Journal, Occupied, keep_busy, note, pass};
use crate::laws::{Law, Make, Needs};
use conc_core::{Capabilities, Job, JobSet, JoinError};
use std::path::PathBuf;
use std::time::Duration;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(a_queued_job_that_is_cancelled_never_runs, Needs::QUEUE),
        law!(a_running_job_is_not_cancelled, Needs::PARALLEL),
        law!(a_finished_job_is_not_cancelled, Needs::NOTHING),
        law!(cancelling_half_of_a_queue_leaves_the_other_half, Needs::QUEUE),
        law!(a_job_either_runs_or_is_cancelled, Needs::all(Capabilities::CANCELS_QUEUED)),
        law!(a_set_cancels_what_is_queued, Needs::QUEUE),
        law!(dropping_a_map_cancels_what_is_queued, Needs::QUEUE),
    ]
}

fn noted((journal, n): (PathBuf, u64)) -> u64 {
    note(&journal, n);
    n
}

fn a_queued_job_that_is_cancelled_never_runs<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let journal = Journal::new();
    let occupied = Occupied::all_of(&executor);
    let job = executor.submit(noted, (journal.key(), 1)).unwrap();
    assert!(!job.is_running() && !job.is_finished() && !job.is_cancelled());
    assert!(job.cancel());
    assert!(job.is_cancelled() && job.is_finished() && !job.is_running(), "at once");
    assert!(job.cancel(), "what is cancelled stays so");
    assert_eq!(job.join(), Err(JoinError::Cancelled));
    occupied.release().into_iter().for_each(|job| assert!(job.join().is_ok()));
    assert_eq!(executor.submit(noted, (journal.key(), 2)).unwrap().join(), Ok(2));
    executor.shutdown();
    assert_eq!(journal.entries(), [2]);
}

fn a_running_job_is_not_cancelled<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let gate = Gate::new();
    let wait = |gate: PathBuf| pass(&gate, 0);
    let job = executor.submit(wait, gate.key()).unwrap();
    let visitor = gate.visitor();
    assert!(!job.cancel() && !job.is_cancelled() && job.is_running());
    visitor.let_go();
    assert_eq!(job.join(), Ok(()));
}

fn a_finished_job_is_not_cancelled<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let job = executor.submit(|n: u64| n, 1).unwrap();
    job.wait();
    assert!(!job.cancel() && !job.is_cancelled());
    assert_eq!(job.join(), Ok(1), "its result is still there");
}

fn cancelling_half_of_a_queue_leaves_the_other_half<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let journal = Journal::new();
    let occupied = Occupied::all_of(&executor);
    let jobs: Vec<_> =
        (0..100).map(|n| executor.submit(noted, (journal.key(), n)).unwrap()).collect();
    assert!(jobs.iter().step_by(2).all(Job::cancel));
    drop(occupied);
    for (n, job) in (0..).zip(jobs) {
        let expected = if n % 2 == 0 { Err(JoinError::Cancelled) } else { Ok(n) };
        assert_eq!(job.join(), expected);
    }
    assert_eq!(journal.sorted_entries(), (1..100).step_by(2).collect::<Vec<_>>());
}

fn a_job_either_runs_or_is_cancelled<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let journal = Journal::new();
    let mut ran = Vec::new();
    for n in 0..400 {
        let job = executor.submit(noted, (journal.key(), n)).unwrap();
        if n % 3 == 0 {
            // A head start for the job.
            std::thread::yield_now();
        }
        if job.cancel() {
            assert_eq!(job.join(), Err(JoinError::Cancelled));
        } else {
            assert_eq!(job.join(), Ok(n));
            ran.push(n);
        }
    }
    executor.shutdown();
    assert_eq!(journal.sorted_entries(), ran);
}

fn a_set_cancels_what_is_queued<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let occupied = Occupied::all_of(&executor);
    let finished = Job::finished(Ok(0));
    let queued = (1..=20).map(|n| executor.submit(|n: u64| n, n).unwrap());
    let mut set: JobSet<u64> = std::iter::once(finished).chain(queued).collect();
    assert_eq!(set.cancel_all(), 20);
    assert_eq!(set.next_finished(), Some((0, Ok(0))));
    let mut places: Vec<_> = std::iter::from_fn(|| set.next_finished()).collect();
    places.sort_by_key(|(place, _)| *place);
    let expected: Vec<_> = (1..=20).map(|place| (place, Err(JoinError::Cancelled))).collect();
    assert_eq!(places, expected);
    drop(occupied);
}

fn dropping_a_map_cancels_what_is_queued<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (gate, journal) = (Gate::new(), Journal::new());
    // They cost so much that each is handed over on its own.
    let held_up = |(gate, journal, n): (PathBuf, PathBuf, u64)| {
        note(&journal, n);
        keep_busy(Duration::from_millis(2));
        if n > 0 {
            pass(&gate, n);
        }
    };
    let mut map = executor.map(held_up, (0..).map(|n| (gate.key(), journal.key(), n)));
    assert_eq!(map.next(), Some(Ok(())));
    let workers = executor.parallelism();
    // Once all that can run are held up, the rest is queued.
    let visitors: Vec<_> = (0..workers).map(|_| gate.visitor()).collect();
    drop(map);
    drop(visitors);
    drop(gate);
    executor.shutdown();
    assert_eq!(journal.entries().len(), 1 + workers);
}
