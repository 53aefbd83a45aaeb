//! Two things at once, many times. The models of the job's word go through every order of few
//! steps; here the real thing runs.

use super::{JobSource, Outcome};
use crate::laws::judge::law;
use crate::laws::scene::block_on;
use crate::laws::{Law, Make, Needs};
use conc_core::{JobSet, JoinError, Waitable, wait_all, wait_first};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;

const ROUNDS: u64 = 200;

pub(super) fn laws<S: JobSource>() -> Vec<Law<S>> {
    vec![
        law!(beginning_or_cancelling_wins_alone, Needs::QUEUE),
        law!(one_of_several_cancellers_is_first_and_all_are_right, Needs::QUEUE),
        law!(the_end_and_who_waits_do_not_miss_each_other, Needs::QUEUE),
        law!(the_end_and_a_callback_do_not_miss_each_other, Needs::QUEUE),
        law!(the_end_and_who_waits_for_several_do_not_miss_each_other, Needs::QUEUE),
    ]
}

fn beginning_or_cancelling_wins_alone<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    for round in 0..ROUNDS {
        let (mut lever, job) = source.pending();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            let begins = scope.spawn(|| {
                start.wait();
                let begun = lever.begin();
                lever.end(Outcome::Value(round));
                begun
            });
            start.wait();
            let cancelled = job.cancel();
            assert_ne!(begins.join().unwrap(), cancelled);
            let expected = if cancelled { Err(JoinError::Cancelled) } else { Ok(round) };
            assert_eq!(job.join(), expected);
        });
    }
}

fn one_of_several_cancellers_is_first_and_all_are_right<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    for _ in 0..ROUNDS / 4 {
        let (lever, mut job) = source.pending::<u64>();
        let calls = Arc::new(());
        let witness = Arc::clone(&calls);
        job.on_finish(move |_| drop(witness));
        let start = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    start.wait();
                    assert!(job.cancel() && job.is_cancelled());
                });
            }
        });
        assert_eq!(job.join(), Err(JoinError::Cancelled));
        assert_eq!(Arc::strong_count(&calls), 1);
        drop(lever);
    }
}

fn the_end_and_who_waits_do_not_miss_each_other<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    for round in 0..ROUNDS {
        let (lever, job) = source.running();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                lever.end(Outcome::Value(round));
            });
            start.wait();
            let result = if round % 2 == 0 { job.join() } else { block_on(job) };
            assert_eq!(result, Ok(round));
        });
    }
}

fn the_end_and_a_callback_do_not_miss_each_other<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    for round in 0..ROUNDS {
        let (lever, mut job) = source.running();
        let (log, logged) = channel();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                lever.end(Outcome::Value(round));
            });
            start.wait();
            for place in 0..3 {
                let log = log.clone();
                job.on_finish(move |result| log.send((place, result.clone())).unwrap());
            }
            assert_eq!(job.join(), Ok(round));
            let entries: Vec<_> = logged.try_iter().collect();
            assert_eq!(entries, [0, 1, 2].map(|place| (place, Ok(round))));
        });
    }
}

fn the_end_and_who_waits_for_several_do_not_miss_each_other<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    for round in 0..ROUNDS / 2 {
        let (levers, jobs): (Vec<_>, Vec<_>) = (0..3).map(|_| source.running()).unzip();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                levers.into_iter().for_each(|lever| lever.end(Outcome::Value(round)));
            });
            start.wait();
            let waited: Vec<&dyn Waitable> = jobs.iter().map(|job| job as _).collect();
            let first = wait_first(&waited).unwrap();
            assert!(jobs[first].is_finished());
            if round % 2 == 0 {
                wait_all(&waited);
            }
        });
        let mut set: JobSet<_> = jobs.into_iter().collect();
        let results: Vec<_> = std::iter::from_fn(|| set.next_finished()).collect();
        assert_eq!(results.len(), 3);
        assert!(results.iter().all(|(_, result)| *result == Ok(round)));
    }
}
