//! Callbacks run once, in order, and before whoever joins goes on.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Gate, Occupied, pass};
use crate::laws::{Law, Make, Needs};
use conc_core::JoinError;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(callbacks_run_once_in_order_before_join, Needs::NOTHING),
        law!(callbacks_that_come_early_run_before_those_that_come_late, Needs::PARALLEL),
        law!(callbacks_see_the_error, Needs::NOTHING),
        law!(callbacks_of_a_cancelled_job_run, Needs::QUEUE),
        law!(a_panicking_callback_harms_nobody, Needs::NOTHING),
        law!(callbacks_of_a_dropped_job_run, Needs::NOTHING),
        law!(a_callback_may_submit, Needs::NOTHING),
    ]
}

fn callbacks_run_once_in_order_before_join<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    for round in 0..200_u64 {
        let (log, logged) = channel();
        let mut job = executor.submit(|n: u64| n, round).unwrap();
        // Added while it runs or after it has: the race is the point.
        for place in 0..5 {
            let log = log.clone();
            job.on_finish(move |result| log.send((place, result.clone())).unwrap());
        }
        drop(log);
        assert_eq!(job.join(), Ok(round));
        let expected: Vec<_> = (0..5).map(|place| (place, Ok(round))).collect();
        assert_eq!(logged.try_iter().collect::<Vec<_>>(), expected);
        assert!(logged.recv().is_err(), "nobody can call back once more");
    }
}

fn callbacks_that_come_early_run_before_those_that_come_late<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let gate = Gate::new();
    let (log, logged) = channel();
    let wait = |gate: PathBuf| pass(&gate, 0);
    let mut job = executor.submit(wait, gate.key()).unwrap();
    let visitor = gate.visitor();
    for place in 0..3 {
        let log = log.clone();
        job.on_finish(move |_| log.send(place).unwrap());
    }
    assert!(logged.try_recv().is_err(), "it runs");
    visitor.let_go();
    job.wait();
    for place in 3..6 {
        let log = log.clone();
        job.on_finish(move |_| log.send(place).unwrap());
        assert_eq!(logged.try_iter().last(), Some(place), "now, and here");
    }
    drop((job, log));
    assert_eq!(logged.iter().count(), 0);
}

fn callbacks_see_the_error<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (log, logged) = channel();
    let mut job = executor.submit(|n: u64| assert!(n > 1, "only {n}"), 1).unwrap();
    job.on_finish(move |result| log.send(result.clone()).unwrap());
    let error = job.join().unwrap_err();
    assert!(error.to_string().contains("only 1"));
    assert_eq!(logged.try_iter().collect::<Vec<_>>(), [Err(error)]);
}

fn callbacks_of_a_cancelled_job_run<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let occupied = Occupied::all_of(&executor);
    let (log, logged) = channel();
    let mut job = executor.submit(|n: u64| n, 1).unwrap();
    for place in 0..2 {
        let log = log.clone();
        job.on_finish(move |result| log.send((place, result.clone())).unwrap());
    }
    assert!(job.cancel());
    let all: Vec<_> = logged.try_iter().collect();
    assert_eq!(all, [(0, Err(JoinError::Cancelled)), (1, Err(JoinError::Cancelled))]);
    job.on_finish(move |result| log.send((2, result.clone())).unwrap());
    assert!(job.cancel());
    drop((job, occupied));
    executor.shutdown();
    assert_eq!(logged.iter().collect::<Vec<_>>(), [(2, Err(JoinError::Cancelled))]);
}

fn a_panicking_callback_harms_nobody<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    for round in 0..50_u64 {
        let (log, logged) = channel();
        let mut job = executor.submit(|n: u64| n, round).unwrap();
        job.on_finish(|_| panic!("a bad callback"));
        job.on_finish(move |result| log.send(result.clone()).unwrap());
        job.on_finish(|_| panic!("another bad callback"));
        assert_eq!(job.join(), Ok(round));
        assert_eq!(logged.recv(), Ok(Ok(round)));
    }
    assert_eq!(executor.map(|n: u64| n, 0..100).filter(Result::is_ok).count(), 100);
    executor.shutdown();
}

fn callbacks_of_a_dropped_job_run<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (log, logged) = channel();
    for n in 0..100_u64 {
        let log = log.clone();
        let mut job = executor.submit(|n: u64| n, n).unwrap();
        job.on_finish(move |result| log.send(result.clone().unwrap()).unwrap());
    }
    drop(log);
    let mut all: Vec<_> = logged.iter().collect();
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

fn a_callback_may_submit<E: Subject>(make: Make<'_, E>) {
    let executor = Arc::new(make());
    for round in 0..50_u64 {
        let (next, nexts) = channel();
        let mut job = executor.submit(|n: u64| n, round).unwrap();
        let inner = Arc::clone(&executor);
        job.on_finish(move |result| {
            let sequel = inner.submit(|n: u64| n + 1, result.clone().unwrap());
            next.send(sequel.unwrap()).unwrap();
        });
        job.wait();
        assert_eq!(nexts.recv().unwrap().join(), Ok(round + 1));
    }
}
