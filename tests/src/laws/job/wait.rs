//! Whoever waits is woken, and not before the end.

use super::{JobSource, Outcome};
use crate::laws::judge::law;
use crate::laws::{Law, Make, Needs};
use conc_core::JoinError;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

pub(super) fn laws<S: JobSource>() -> Vec<Law<S>> {
    vec![
        law!(a_bounded_wait_of_a_job_is_never_early, Needs::QUEUE),
        law!(a_wait_that_gave_up_does_not_disturb_the_next, Needs::QUEUE),
        law!(all_sleepers_wake, Needs::QUEUE),
        law!(all_sleepers_wake_when_it_is_cancelled, Needs::QUEUE),
        law!(a_job_may_be_joined_elsewhere, Needs::NOTHING),
        law!(waits_after_the_end_look_once, Needs::NOTHING),
    ]
}

fn a_bounded_wait_of_a_job_is_never_early<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    let (mut lever, job) = source.pending();
    for begun in [false, true] {
        for micros in [0, 1, 50, 1_000, 4_000] {
            let timeout = Duration::from_micros(micros);
            let started = Instant::now();
            assert!(!job.wait_timeout(timeout), "not ended, begun: {begun}");
            assert!(started.elapsed() >= timeout, "{:?} is early", started.elapsed());
        }
        let deadline = Instant::now() + Duration::from_millis(2);
        assert!(!job.wait_deadline(deadline));
        assert!(Instant::now() >= deadline);
        lever.begin();
    }
    lever.end(Outcome::Value(1));
    assert_eq!(job.join(), Ok(1));
}

fn a_wait_that_gave_up_does_not_disturb_the_next<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    for _ in 0..50 {
        let (lever, job) = source.running();
        thread::scope(|scope| {
            scope.spawn(|| job.wait());
            scope.spawn(|| while !job.wait_timeout(Duration::from_micros(200)) {});
            assert!(!job.wait_timeout(Duration::from_micros(300)));
            lever.end(Outcome::Value(1));
        });
        assert_eq!(job.join(), Ok(1));
    }
}

fn all_sleepers_wake<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    for round in 0..20 {
        let (lever, job) = source.running();
        let start = Barrier::new(5);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (start.wait(), job.wait()));
                scope.spawn(|| {
                    start.wait();
                    assert!(job.wait_timeout(Duration::from_secs(3600)));
                });
            }
            start.wait();
            if round % 2 == 0 {
                // Gives them the time to fall asleep.
                assert!(!job.wait_timeout(Duration::from_millis(1)));
            }
            lever.end(Outcome::Value(round));
        });
        assert_eq!(job.join(), Ok(round));
    }
}

fn all_sleepers_wake_when_it_is_cancelled<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    let (lever, job) = source.pending::<u64>();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (start.wait(), job.wait()));
        }
        start.wait();
        assert!(!job.wait_timeout(Duration::from_millis(1)));
        assert!(job.cancel());
    });
    drop(lever);
    assert_eq!(job.join(), Err(JoinError::Cancelled));
}

fn a_job_may_be_joined_elsewhere<S: JobSource>(make: Make<'_, S>) {
    let job = make().ending(Outcome::Value(5));
    assert_eq!(thread::spawn(move || job.join()).join().unwrap(), Ok(5));
}

fn waits_after_the_end_look_once<S: JobSource>(make: Make<'_, S>) {
    for outcome in [Outcome::Value(1), Outcome::Panic("no")] {
        let job = make().ending(outcome);
        assert!(job.wait_timeout(Duration::MAX));
        assert!(job.wait_timeout(Duration::ZERO));
        assert!(job.wait_deadline(Instant::now() - Duration::from_secs(1)));
        job.wait();
        assert!(job.try_join().is_ok());
    }
}
