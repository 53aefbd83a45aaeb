//! Jobs are futures.

use super::{JobSource, Outcome};
use crate::laws::judge::law;
use crate::laws::scene::{WakeCount, block_on, poll_once};
use crate::laws::{Law, Make, Needs};
use conc_core::{JobSet, JoinError, Waited};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

pub(super) fn laws<S: JobSource>() -> Vec<Law<S>> {
    vec![
        law!(awaiting_gives_the_result_of_a_job, Needs::NOTHING),
        law!(the_end_wakes_who_polled_last, Needs::QUEUE),
        law!(cancelling_wakes_who_polled, Needs::QUEUE),
        law!(a_waker_that_panics_harms_nobody_else, Needs::QUEUE),
        law!(a_polled_job_may_be_joined, Needs::QUEUE),
        law!(a_polled_job_may_be_awaited_on_another_thread, Needs::QUEUE),
        law!(callbacks_come_before_the_end_of_an_await, Needs::QUEUE),
        law!(a_result_is_given_once, Needs::NOTHING),
    ]
}

fn awaiting_gives_the_result_of_a_job<S: JobSource>(make: Make<'_, S>) {
    for n in 0..50 {
        assert_eq!(block_on(make().ending(Outcome::Value(n))), Ok(n));
    }
    assert!(block_on(make().ending(Outcome::Panic("no"))).is_err_and(|error| error.is_panic()));
    let mut job = make().ending(Outcome::Value(1));
    job.wait();
    assert_eq!(poll_once(&mut job, &Arc::default()), Poll::Ready(Ok(1)), "at the first look");
}

fn the_end_wakes_who_polled_last<S: JobSource>(make: Make<'_, S>) {
    let (mut lever, mut job) = make().pending();
    let counts: [Arc<WakeCount>; 3] = Default::default();
    assert!(poll_once(&mut job, &counts[0]).is_pending());
    lever.begin();
    assert!(poll_once(&mut job, &counts[1]).is_pending());
    assert!(poll_once(&mut job, &counts[2]).is_pending());
    assert!(poll_once(&mut job, &counts[2]).is_pending());
    assert!(counts.iter().all(|count| count.get() == 0), "nothing has happened");
    lever.end(Outcome::Value(1));
    // The job has settled a moment before its waker is called.
    while counts[2].get() == 0 {
        thread::yield_now();
    }
    assert_eq!(poll_once(&mut job, &counts[2]), Poll::Ready(Ok(1)));
}

fn cancelling_wakes_who_polled<S: JobSource>(make: Make<'_, S>) {
    let (lever, mut job) = make().pending::<u64>();
    let count = Arc::default();
    assert!(poll_once(&mut job, &count).is_pending());
    assert!(job.cancel());
    assert_eq!(count.get(), 1);
    assert_eq!(poll_once(&mut job, &count), Poll::Ready(Err(JoinError::Cancelled)));
    drop(lever);
}

/// Panics instead of waking.
struct Sour;

impl Wake for Sour {
    fn wake(self: Arc<Self>) {
        panic!("a bad waker");
    }
}

fn a_waker_that_panics_harms_nobody_else<S: JobSource>(make: Make<'_, S>) {
    let source = make();
    let (lever, mut job) = source.running();
    let waker = Waker::from(Arc::new(Sour));
    assert!(Pin::new(&mut job).poll(&mut Context::from_waker(&waker)).is_pending());
    // Told after the waker.
    let mut set = JobSet::from_iter([job]);
    let ender = thread::spawn(move || lever.end(Outcome::Value(1)));
    // Bounded, so that other laws are judged even if this one is broken.
    let waited = set.next_finished_timeout(Duration::from_secs(60));
    assert_eq!(waited, Waited::Ended(0, Ok(1)), "the set is told all the same");
    ender.join().expect("it is nobody else's panic");
}

fn a_polled_job_may_be_joined<S: JobSource>(make: Make<'_, S>) {
    let (lever, mut job) = make().running();
    let count = Arc::<WakeCount>::default();
    assert!(poll_once(&mut job, &count).is_pending());
    lever.end(Outcome::Value(1));
    assert_eq!(job.join(), Ok(1));
}

fn a_polled_job_may_be_awaited_on_another_thread<S: JobSource>(make: Make<'_, S>) {
    for _ in 0..20 {
        let (lever, mut job) = make().running();
        assert!(poll_once(&mut job, &Arc::default()).is_pending());
        let elsewhere = thread::spawn(move || block_on(job));
        lever.end(Outcome::Value(1));
        assert_eq!(elsewhere.join().unwrap(), Ok(1));
    }
}

fn callbacks_come_before_the_end_of_an_await<S: JobSource>(make: Make<'_, S>) {
    for _ in 0..20 {
        let (lever, mut job) = make().running();
        let witness = Arc::new(());
        let seen = Arc::clone(&witness);
        job.on_finish(move |_| drop(seen));
        let ender = thread::spawn(move || lever.end(Outcome::Value(1)));
        assert_eq!(block_on(job), Ok(1));
        assert_eq!(Arc::strong_count(&witness), 1);
        ender.join().unwrap();
    }
}

fn a_result_is_given_once<S: JobSource>(make: Make<'_, S>) {
    let mut job = make().ending(Outcome::Value(1));
    assert_eq!(block_on(&mut job), Ok(1));
    assert!(job.is_finished() && !job.is_running() && !job.cancel());
    job.wait();
    let again = catch_unwind(AssertUnwindSafe(|| poll_once(&mut job, &Arc::default())));
    assert!(again.is_err(), "a programming error is not an endless wait");
    let late = catch_unwind(AssertUnwindSafe(|| job.on_finish(|_| ())));
    assert!(late.is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| job.join())).is_err());
}
