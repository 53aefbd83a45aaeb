//! The result is there once, and goes away once.

use super::{JobSource, Outcome};
use crate::laws::judge::law;
use crate::laws::scene::{block_on, poll_once};
use crate::laws::{Law, Make, Needs};
use conc_core::{Job, JoinError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

pub(super) fn laws<S: JobSource>() -> Vec<Law<S>> {
    vec![
        law!(join_gives_the_result, Needs::NOTHING),
        law!(a_panic_comes_with_its_message, Needs::NOTHING),
        law!(try_join_gives_the_job_back_until_it_has_ended, Needs::QUEUE),
        law!(a_result_goes_away_once, Needs::QUEUE),
        law!(a_dropped_job_discards_its_result, Needs::QUEUE),
        law!(a_panic_in_the_drop_of_a_discarded_result_harms_nobody, Needs::QUEUE),
        law!(a_result_may_have_no_size, Needs::QUEUE),
    ]
}

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn join_gives_the_result<S: JobSource>(make: Make<'_, S>) {
    for n in 0..50 {
        assert_eq!(make().ending(Outcome::Value(n)).join(), Ok(n));
    }
}

fn a_panic_comes_with_its_message<S: JobSource>(make: Make<'_, S>) {
    match make().ending(Outcome::Panic("no way")).join() {
        Err(JoinError::Panicked { message, .. }) => assert_eq!(&*message, "no way"),
        result => panic!("{result:?}"),
    }
}

fn try_join_gives_the_job_back_until_it_has_ended<S: JobSource>(make: Make<'_, S>) {
    let (mut lever, job) = make().pending();
    let job = job.try_join().expect_err("it is pending");
    lever.begin();
    let job = job.try_join().expect_err("it runs");
    lever.end(Outcome::Value(7));
    job.wait();
    assert_eq!(job.try_join().unwrap(), Ok(7));
}

fn a_result_goes_away_once<S: JobSource>(make: Make<'_, S>) {
    let ways: [fn(Job<Counted>) -> Counted; 3] = [
        |job| job.join().unwrap(),
        |job| {
            job.wait();
            job.try_join().unwrap().unwrap()
        },
        |job| block_on(job).unwrap(),
    ];
    for take in ways {
        let drops = Arc::new(AtomicUsize::new(0));
        let (lever, job) = make().running();
        lever.end(Outcome::Value(Counted(Arc::clone(&drops))));
        let result = take(job);
        assert_eq!(drops.load(Ordering::SeqCst), 0, "it is ours now");
        drop(result);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }
}

/// Sends when it is dropped.
struct Telling(std::sync::mpsc::Sender<u64>, u64);

impl Drop for Telling {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

fn a_dropped_job_discards_its_result<S: JobSource>(make: Make<'_, S>) {
    let (tell, told) = channel();
    // Before it begins, while it runs, after it has ended.
    let (lever, job) = make().pending();
    drop(job);
    lever.end(Outcome::Value(Telling(tell.clone(), 1)));
    assert_eq!(told.recv(), Ok(1));
    let (lever, job) = make().running();
    drop(job);
    lever.end(Outcome::Value(Telling(tell.clone(), 2)));
    assert_eq!(told.recv(), Ok(2));
    let (lever, mut job) = make().running();
    // Keeps nothing of the result, but polls.
    assert!(poll_once(&mut job, &Arc::default()).is_pending());
    lever.end(Outcome::Value(Telling(tell, 3)));
    job.wait();
    drop(job);
    assert_eq!(told.recv(), Ok(3));
    assert!(told.recv().is_err(), "each once, and nothing is left");
}

/// Panics when it is dropped, and says so.
struct Sour(std::sync::mpsc::Sender<u64>);

impl Drop for Sour {
    fn drop(&mut self) {
        let _ = self.0.send(1);
        if !std::thread::panicking() {
            panic!("sour to the end");
        }
    }
}

fn a_panic_in_the_drop_of_a_discarded_result_harms_nobody<S: JobSource>(make: Make<'_, S>) {
    let (tell, told) = channel();
    let source = make();
    let (lever, job) = source.running();
    drop(job);
    // Where the result goes is where its panic comes out: here, or on the thread that ran it.
    let end = std::panic::AssertUnwindSafe(|| lever.end(Outcome::Value(Sour(tell))));
    let _ = std::panic::catch_unwind(end);
    assert_eq!(told.recv(), Ok(1));
    assert!(told.recv().is_err(), "once");
    assert_eq!(source.ending(Outcome::Value(2)).join(), Ok(2));
}

fn a_result_may_have_no_size<S: JobSource>(make: Make<'_, S>) {
    let (lever, job) = make().pending::<()>();
    lever.end(Outcome::Value(()));
    assert_eq!(job.join(), Ok(()));
    let (lever, job) = make().pending::<[u128; 0]>();
    lever.end(Outcome::Value([]));
    assert_eq!(job.join(), Ok([]));
}
