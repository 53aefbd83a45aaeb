//! Callbacks run once, in order, in the thread that ends the job.

use super::{JobSource, Outcome};
use crate::laws::judge::law;
use crate::laws::{Law, Make, Needs};
use conc_core::{Job, JoinError};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ThreadId};
use std::time::Duration;

pub(super) fn laws<S: JobSource>() -> Vec<Law<S>> {
    vec![
        law!(late_callbacks_run_here_and_now, Needs::NOTHING),
        law!(early_callbacks_run_in_order_before_who_waits_goes_on, Needs::QUEUE),
        law!(callbacks_of_a_cancelled_job_run_in_the_canceller, Needs::QUEUE),
        law!(a_job_runs_its_callbacks_even_if_it_is_dropped, Needs::QUEUE),
        law!(a_callback_that_panics_leaves_the_others, Needs::QUEUE),
        law!(a_callback_that_panics_with_a_payload_that_panics_leaves_the_others, Needs::QUEUE),
        law!(a_late_callback_that_panics_leaves_the_result, Needs::NOTHING),
        law!(a_job_is_not_finished_while_its_callbacks_run, Needs::QUEUE),
        law!(a_callback_may_cancel_another_job, Needs::QUEUE),
    ]
}

type Entry = (u64, Result<u64, JoinError>, ThreadId);

fn add(job: &mut Job<u64>, place: u64, log: &Sender<Entry>) {
    let log = log.clone();
    job.on_finish(move |result| {
        let _ = log.send((place, result.clone(), thread::current().id()));
    });
}

fn places(logged: &Receiver<Entry>) -> Vec<u64> {
    logged.try_iter().map(|(place, ..)| place).collect()
}

fn late_callbacks_run_here_and_now<S: JobSource>(make: Make<'_, S>) {
    for outcome in [Outcome::Value(1), Outcome::Panic("no")] {
        let mut job = make().ending(outcome);
        job.wait();
        let (log, logged) = channel();
        for place in 0..3 {
            add(&mut job, place, &log);
            let (seen, result, thread) = logged.try_recv().unwrap();
            assert_eq!((seen, thread), (place, thread::current().id()));
            assert_eq!(result.is_ok(), outcome == Outcome::Value(1));
        }
        drop((job, log));
        assert!(logged.recv().is_err(), "once");
    }
}

fn early_callbacks_run_in_order_before_who_waits_goes_on<S: JobSource>(make: Make<'_, S>) {
    for _ in 0..20 {
        let (log, logged) = channel();
        let (mut lever, mut job) = make().pending();
        add(&mut job, 0, &log);
        add(&mut job, 1, &log);
        lever.begin();
        add(&mut job, 2, &log);
        assert_eq!(places(&logged), []);
        lever.end(Outcome::Value(9));
        job.wait();
        let entries: Vec<_> = logged.try_iter().collect();
        assert!(entries.iter().all(|(_, result, _)| *result == Ok(9)));
        assert_eq!(entries.iter().map(|(place, ..)| *place).collect::<Vec<_>>(), [0, 1, 2]);
        add(&mut job, 3, &log);
        assert_eq!(places(&logged), [3]);
        drop((job, log));
        assert!(logged.recv().is_err(), "once");
    }
}

fn callbacks_of_a_cancelled_job_run_in_the_canceller<S: JobSource>(make: Make<'_, S>) {
    let (log, logged) = channel();
    let (lever, mut job) = make().pending();
    add(&mut job, 0, &log);
    add(&mut job, 1, &log);
    assert!(job.cancel() && job.cancel());
    add(&mut job, 2, &log);
    drop((lever, log));
    let here = thread::current().id();
    let entries: Vec<_> = logged.try_iter().collect();
    assert_eq!(entries, [0, 1, 2].map(|place| (place, Err(JoinError::Cancelled), here)));
}

fn a_job_runs_its_callbacks_even_if_it_is_dropped<S: JobSource>(make: Make<'_, S>) {
    let (log, logged) = channel();
    let (lever, mut job) = make().running();
    add(&mut job, 0, &log);
    drop((job, log));
    assert_eq!(places(&logged), []);
    lever.end(Outcome::Value(4));
    let (place, result, _) = logged.recv().unwrap();
    assert_eq!((place, result), (0, Ok(4)));
    assert!(logged.recv().is_err(), "once");
}

fn a_callback_that_panics_leaves_the_others<S: JobSource>(make: Make<'_, S>) {
    let (log, logged) = channel();
    let (lever, mut job) = make().running();
    for place in 0..3 {
        job.on_finish(|_| panic!("a bad callback"));
        add(&mut job, place, &log);
    }
    lever.end(Outcome::Value(4));
    assert_eq!(job.join(), Ok(4));
    assert_eq!(places(&logged), [0, 1, 2]);
}

/// Panics once more when it is dropped.
struct Sour;

impl Drop for Sour {
    fn drop(&mut self) {
        assert!(thread::panicking(), "sour to the end");
    }
}

fn a_callback_that_panics_with_a_payload_that_panics_leaves_the_others<S: JobSource>(
    make: Make<'_, S>,
) {
    let (log, logged) = channel();
    let (lever, mut job) = make().running();
    job.on_finish(|_| std::panic::panic_any(Sour));
    add(&mut job, 1, &log);
    // On a thread of its own: where the lever is pulled by hand, callbacks run there.
    let ender = thread::spawn(move || lever.end(Outcome::Value(4)));
    // Bounded, so that other laws are judged even if this one is broken.
    assert!(job.wait_timeout(Duration::from_secs(60)), "nobody ends the job");
    assert_eq!(job.join(), Ok(4));
    assert_eq!(places(&logged), [1]);
    ender.join().expect("it is nobody else's panic");
}

fn a_late_callback_that_panics_leaves_the_result<S: JobSource>(make: Make<'_, S>) {
    let mut job = make().ending(Outcome::Value(4));
    job.wait();
    job.on_finish(|_| panic!("a bad callback"));
    assert_eq!(job.join(), Ok(4));
}

fn a_job_is_not_finished_while_its_callbacks_run<S: JobSource>(make: Make<'_, S>) {
    let (entered, enters) = channel();
    let (leave, leaves) = channel::<()>();
    let (lever, mut job) = make().running();
    job.on_finish(move |_| {
        entered.send(()).unwrap();
        let _ = leaves.recv();
    });
    let ender = thread::spawn(move || lever.end(Outcome::Value(4)));
    enters.recv().unwrap();
    assert!(!job.is_finished() && !job.cancel());
    let (log, logged) = channel();
    // Added while others run: its turn comes.
    add(&mut job, 1, &log);
    let job = job.try_join().expect_err("whoever joins sees what callbacks did");
    drop(leave);
    assert_eq!(job.join(), Ok(4));
    assert_eq!(places(&logged), [1]);
    ender.join().unwrap();
}

fn a_callback_may_cancel_another_job<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    let (lever, mut job) = source.running::<u64>();
    let (other_lever, other) = source.pending::<u64>();
    let (pass, passed) = channel();
    job.on_finish(move |_| {
        assert!(other.cancel());
        pass.send(other).unwrap();
    });
    lever.end(Outcome::Value(1));
    assert_eq!(job.join(), Ok(1));
    assert_eq!(passed.recv().unwrap().join(), Err(JoinError::Cancelled));
    drop(other_lever);
}
