//! Waits end when the job does, and not before.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Gate, Journal, note, pass};
use crate::laws::{Law, Make, Needs};
use conc_core::Job;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(join_returns_when_and_only_when_it_has_ended, Needs::PARALLEL),
        law!(a_running_job_says_so, Needs::PARALLEL),
        law!(a_bounded_wait_is_never_early, Needs::PARALLEL),
        law!(all_who_wait_are_woken, Needs::PARALLEL),
        law!(a_job_can_be_joined_on_another_thread, Needs::NOTHING),
        law!(waits_for_what_has_ended_return_at_once, Needs::NOTHING),
    ]
}

/// Waits at the gate, then notes that it is through.
fn held_up((gate, journal, n): (PathBuf, PathBuf, u64)) -> u64 {
    pass(&gate, n);
    note(&journal, n);
    n
}

fn join_returns_when_and_only_when_it_has_ended<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    for round in 0..20 {
        let (gate, journal) = (Gate::new(), Journal::new());
        let job = executor.submit(held_up, (gate.key(), journal.key(), round)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let result = job.join();
                assert_eq!((result, journal.entries()), (Ok(round), vec![round]));
            });
            let visitor = gate.visitor();
            assert_eq!(journal.entries(), []);
            visitor.let_go();
        });
    }
}

fn a_running_job_says_so<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (gate, journal) = (Gate::new(), Journal::new());
    let job = executor.submit(held_up, (gate.key(), journal.key(), 1)).unwrap();
    let visitor = gate.visitor();
    assert!(job.is_running() && !job.is_finished() && !job.is_cancelled());
    let job = job.try_join().expect_err("it has not ended");
    visitor.let_go();
    job.wait();
    assert!(!job.is_running() && job.is_finished() && !job.is_cancelled());
    assert_eq!(job.try_join().unwrap(), Ok(1));
}

fn a_bounded_wait_is_never_early<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (gate, journal) = (Gate::new(), Journal::new());
    let job = executor.submit(held_up, (gate.key(), journal.key(), 1)).unwrap();
    let visitor = gate.visitor();
    for micros in [0, 1, 20, 300, 5_000] {
        let timeout = Duration::from_micros(micros);
        let started = Instant::now();
        assert!(!job.wait_timeout(timeout), "it runs");
        assert!(started.elapsed() >= timeout, "{:?} is early", started.elapsed());
        let deadline = Instant::now() + timeout;
        assert!(!job.wait_deadline(deadline), "it runs");
        assert!(Instant::now() >= deadline, "early");
    }
    assert!(!job.wait_deadline(Instant::now() - Duration::from_secs(1)), "it looks once");
    visitor.let_go();
    assert!(job.wait_timeout(Duration::MAX), "further away than the clock counts is never");
    assert!(job.is_finished());
}

fn all_who_wait_are_woken<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (gate, journal) = (Gate::new(), Journal::new());
    let job = executor.submit(held_up, (gate.key(), journal.key(), 1)).unwrap();
    let visitor = gate.visitor();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| job.wait());
            scope.spawn(|| assert!(job.wait_timeout(Duration::from_secs(3600))));
        }
        visitor.let_go();
    });
    assert_eq!(job.join(), Ok(1));
}

fn a_job_can_be_joined_on_another_thread<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let job = executor.submit(|text: String| text + "!", "there".to_owned()).unwrap();
    let elsewhere = thread::spawn(move || job.join());
    assert_eq!(elsewhere.join().unwrap().as_deref(), Ok("there!"));
}

fn waits_for_what_has_ended_return_at_once<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let jobs: [Job<u64>; 2] = [
        executor.submit(|n: u64| n, 1).unwrap(),
        executor.submit(|n: u64| -> u64 { panic!("{n}") }, 2).unwrap(),
    ];
    for job in jobs {
        job.wait();
        assert!(job.is_finished() && !job.is_running() && !job.is_cancelled());
        assert!(job.wait_timeout(Duration::ZERO));
        assert!(job.wait_timeout(Duration::MAX));
        assert!(job.wait_deadline(Instant::now() - Duration::from_secs(1)));
        assert!(job.try_join().is_ok());
    }
}
