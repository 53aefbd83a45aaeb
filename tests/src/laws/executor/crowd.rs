//! Many threads submit, others close.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Journal, note};
use crate::laws::{Law, Make, Needs};
use conc_core::JoinError;
use std::path::PathBuf;
use std::sync::Barrier;
use std::thread;

const THREADS: u64 = 4;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(many_threads_may_submit_at_once, Needs::NOTHING),
        law!(many_threads_may_map_at_once, Needs::NOTHING),
        law!(what_was_accepted_before_shutdown_runs, Needs::NOTHING),
        law!(what_was_accepted_before_shutdown_now_runs_or_is_cancelled, Needs::NOTHING),
    ]
}

fn noted((journal, n): (PathBuf, u64)) -> u64 {
    note(&journal, n);
    n
}

fn many_threads_may_submit_at_once<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let start = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (executor, start) = (&executor, &start);
            scope.spawn(move || {
                start.wait();
                // Not all at once: a job may cost descriptors, of which many have 1,024.
                for portion in (0..500_u64).step_by(50) {
                    let jobs: Vec<_> = (portion..portion + 50)
                        .map(|n| executor.submit(|(t, n)| t << 32 | n, (thread, n)).unwrap())
                        .collect();
                    for (n, job) in (portion..).zip(jobs) {
                        assert_eq!(job.join(), Ok(thread << 32 | n));
                    }
                }
            });
        }
    });
}

fn many_threads_may_map_at_once<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let start = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (executor, start) = (&executor, &start);
            scope.spawn(move || {
                start.wait();
                let results = executor.map(|n: u64| !n, thread * 1_000..thread * 1_000 + 800);
                for (n, result) in (thread * 1_000..).zip(results) {
                    assert_eq!(result, Ok(!n));
                }
            });
        }
    });
}

/// How each accepted job ended.
type Ends = Vec<(u64, Result<u64, JoinError>)>;

/// Threads submit until they are refused, while `close` closes: gives how their jobs ended, and
/// what ran.
fn race<E: Subject>(make: Make<'_, E>, close: fn(&E)) -> (Ends, Vec<u64>) {
    let executor = make();
    let journal = Journal::new();
    let start = Barrier::new(THREADS as usize);
    let ends = thread::scope(|scope| {
        let submitters: Vec<_> = (1..THREADS)
            .map(|thread| {
                let (executor, start, journal) = (&executor, &start, journal.key());
                scope.spawn(move || {
                    start.wait();
                    // All of them have to run, however late the closer is.
                    (0..2_000)
                        .map(|n| thread << 32 | n)
                        .map_while(|n| {
                            Some((n, executor.submit(noted, (journal.clone(), n)).ok()?))
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        start.wait();
        close(&executor);
        let jobs = submitters.into_iter().flat_map(|submitter| submitter.join().unwrap());
        let mut ends: Vec<_> = jobs.map(|(n, job)| (n, job.join())).collect();
        ends.sort_by_key(|(n, _)| *n);
        ends
    });
    (ends, journal.sorted_entries())
}

fn what_was_accepted_before_shutdown_runs<E: Subject>(make: Make<'_, E>) {
    for _ in 0..20 {
        let (ends, ran) = race(make, E::shutdown);
        assert!(ends.iter().all(|(n, result)| *result == Ok(*n)), "{ends:?}");
        assert_eq!(ran, ends.iter().map(|(n, _)| *n).collect::<Vec<_>>());
    }
}

fn what_was_accepted_before_shutdown_now_runs_or_is_cancelled<E: Subject>(make: Make<'_, E>) {
    for _ in 0..20 {
        let (mut ends, ran) = race(make, E::shutdown_now);
        ends.retain(|(_, result)| *result != Err(JoinError::Cancelled));
        assert!(ends.iter().all(|(n, result)| *result == Ok(*n)), "{ends:?}");
        assert_eq!(ran, ends.iter().map(|(n, _)| *n).collect::<Vec<_>>());
    }
}
