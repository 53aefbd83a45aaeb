//! Shut down, shut down now, drop.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Journal, Occupied, note};
use crate::laws::{Law, Make, Needs};
use conc_core::{Capabilities, Executor, Job, JoinError};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(a_closed_executor_gives_the_argument_back, Needs::NOTHING),
        law!(maps_of_a_closed_executor_are_cancelled_in_place, Needs::NOTHING),
        law!(a_map_may_be_read_after_its_executor_was_closed, Needs::NOTHING),
        law!(shutdown_waits_for_accepted_work, Needs::NOTHING),
        law!(shutdown_waits_for_running_work, Needs::PARALLEL),
        law!(shutting_down_again_is_fine, Needs::NOTHING),
        law!(shutdown_now_cancels_what_is_queued_and_lets_running_work_end, Needs::QUEUE),
        law!(dropping_it_never_blocks_and_cancels_what_is_queued, Needs::QUEUE),
        law!(dropping_a_job_discards_its_result_and_the_work_goes_on, Needs::NOTHING),
        law!(results_outlive_their_executor, Needs::NOTHING),
        law!(executors_come_and_go, Needs::NOTHING),
    ]
}

fn noted((journal, n): (PathBuf, u64)) -> u64 {
    note(&journal, n);
    n
}

fn a_closed_executor_gives_the_argument_back<E: Subject>(make: Make<'_, E>) {
    for close in [E::shutdown, E::shutdown_now] {
        let executor = make();
        close(&executor);
        let argument = vec![String::from("mine"); 3];
        let error = executor.submit(|words: Vec<String>| words.len(), argument).unwrap_err();
        assert!(error.to_string().contains("shut down"), "{error}");
        assert_eq!(error.into_inner(), ["mine"; 3]);
    }
}

fn maps_of_a_closed_executor_are_cancelled_in_place<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    executor.shutdown();
    let cancelled: Vec<Result<u64, _>> = vec![Err(JoinError::Cancelled); 50];
    assert_eq!(executor.map(|n: u64| n, 0..50).collect::<Vec<_>>(), cancelled);
    let pairs = (0..50).map(|n| (n, n));
    assert_eq!(executor.starmap(u64::wrapping_add, pairs).collect::<Vec<_>>(), cancelled);
    let mut places: Vec<_> = executor.map_unordered(|n: u64| n, 0..50).collect();
    places.sort_by_key(|(place, _)| *place);
    assert_eq!(places, cancelled.into_iter().enumerate().collect::<Vec<_>>());
}

fn a_map_may_be_read_after_its_executor_was_closed<E: Subject>(make: Make<'_, E>) {
    for close in [E::shutdown, E::shutdown_now] {
        let executor = make();
        let mut map = executor.map(|n: u64| n, 0..1_000);
        assert!((0..3).all(|n| map.next() == Some(Ok(n))));
        close(&executor);
        let rest: Vec<_> = map.collect();
        assert_eq!(rest.len(), 997);
        for (n, result) in (3..).zip(rest) {
            assert!(result == Ok(n) || result == Err(JoinError::Cancelled), "{n}: {result:?}");
        }
    }
}

fn shutdown_waits_for_accepted_work<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let journal = Journal::new();
    let jobs: Vec<_> =
        (0..100).map(|n| executor.submit(noted, (journal.key(), n)).unwrap()).collect();
    executor.shutdown();
    assert_eq!(journal.sorted_entries(), (0..100).collect::<Vec<_>>());
    assert!(jobs.iter().all(Job::is_finished));
    jobs.into_iter().zip(0..).for_each(|(job, n)| assert_eq!(job.join(), Ok(n)));
}

/// Submits until the executor refuses: then it is being shut down.
fn until_closed(executor: &impl Executor) {
    while let Ok(job) = executor.submit(|n: u64| n, 0) {
        drop(job);
        // Rarely: each of them has to run.
        thread::park_timeout(Duration::from_millis(1));
    }
}

fn shutdown_waits_for_running_work<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let journal = Journal::new();
    let occupied = Occupied::all_of(&executor);
    let queued = executor.submit(noted, (journal.key(), 1)).unwrap();
    thread::scope(|scope| {
        let closer = scope.spawn(|| {
            executor.shutdown();
            assert!(occupied.jobs().iter().all(Job::is_finished));
            assert_eq!(journal.entries(), [1]);
        });
        until_closed(&executor);
        assert!(!closer.is_finished(), "work is running");
        occupied.let_go();
    });
    assert_eq!(queued.join(), Ok(1));
}

fn shutting_down_again_is_fine<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let job = executor.submit(|n: u64| n, 1).unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| executor.shutdown());
        }
    });
    executor.shutdown_now();
    executor.shutdown();
    executor.shutdown_now();
    assert_eq!(job.join(), Ok(1));
}

fn shutdown_now_cancels_what_is_queued_and_lets_running_work_end<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let journal = Journal::new();
    let occupied = Occupied::all_of(&executor);
    let queued: Vec<_> =
        (0..50).map(|n| executor.submit(noted, (journal.key(), n)).unwrap()).collect();
    thread::scope(|scope| {
        let closer = scope.spawn(|| {
            executor.shutdown_now();
            assert!(occupied.jobs().iter().all(Job::is_finished));
        });
        // They end while others still run.
        queued.into_iter().for_each(|job| assert_eq!(job.join(), Err(JoinError::Cancelled)));
        assert!(!closer.is_finished(), "work is running");
        occupied.let_go();
    });
    occupied.release().into_iter().zip(0..).for_each(|(job, n)| assert_eq!(job.join(), Ok(n)));
    assert_eq!(journal.entries(), []);
}

fn dropping_it_never_blocks_and_cancels_what_is_queued<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let lets_running_work_end = !executor.capabilities().contains(Capabilities::ISOLATES);
    let journal = Journal::new();
    let occupied = Occupied::all_of(&executor);
    let queued: Vec<_> =
        (0..50).map(|n| executor.submit(noted, (journal.key(), n)).unwrap()).collect();
    drop(executor);
    queued.into_iter().for_each(|job| assert_eq!(job.join(), Err(JoinError::Cancelled)));
    for (job, n) in occupied.release().into_iter().zip(0..) {
        let result = job.join();
        assert!(!lets_running_work_end || result == Ok(n), "job {n}: {result:?}");
    }
    assert_eq!(journal.entries(), []);
}

fn dropping_a_job_discards_its_result_and_the_work_goes_on<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let journal = Journal::new();
    for n in 0..100 {
        drop(executor.submit(noted, (journal.key(), n)).unwrap());
    }
    executor.shutdown();
    assert_eq!(journal.sorted_entries(), (0..100).collect::<Vec<_>>());
}

fn results_outlive_their_executor<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let jobs: Vec<_> =
        (0..20_u64).map(|n| executor.submit(|n: u64| n.to_string(), n).unwrap()).collect();
    executor.shutdown();
    drop(executor);
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.join(), Ok(n.to_string()));
    }
}

fn executors_come_and_go<E: Subject>(make: Make<'_, E>) {
    for round in 0..30_u64 {
        drop(make());
        let idle = make();
        idle.shutdown_now();
        let executor = make();
        let job = executor.submit(|n: u64| n, round).unwrap();
        drop(executor);
        let result = job.join();
        // It ran, or was queued, or, where that is the executor's way, was ended with its process.
        let isolates = idle.capabilities().contains(Capabilities::ISOLATES);
        assert!(
            result == Ok(round) || result == Err(JoinError::Cancelled) || isolates,
            "{result:?}"
        );
    }
}
