//! Models of the job word, its hooks, the event count and the futex beneath them.
//!
//! `RUSTFLAGS="--cfg conc_loom" cargo test --release -p conc-core --test loom`
#![cfg(conc_loom)]

use conc_core::job::{Package, Ran};
use conc_core::sync::{AtomicU32, AtomicUsize, Ordering};
use conc_core::sys::futex::{Scope, wait, wake};
use conc_core::wait::EventCount;
use conc_core::{Job, JobSet, JoinError, Promise};
use conc_tests::model;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Counts drops: whatever is moved into a job is dropped exactly once.
struct Counted(Arc<std::sync::atomic::AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_result_reaches_who_joins() {
    model("a_result_reaches_who_joins", || {
        let (promise, job) = Promise::new();
        let worker = thread::spawn(move || promise.finish(Ok(Box::new(7))).unwrap());
        assert_eq!(job.join(), Ok(Box::new(7)));
        worker.join().unwrap();
    });
}

#[test]
fn all_who_wait_are_woken() {
    model("all_who_wait_are_woken", || {
        let (promise, job) = Promise::new();
        let job = Arc::new(job);
        let waiter = thread::spawn({
            let job = Arc::clone(&job);
            move || job.wait()
        });
        let worker = thread::spawn(move || promise.finish(Ok(7)).unwrap());
        job.wait();
        worker.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(Arc::into_inner(job).unwrap().join(), Ok(7));
    });
}

#[test]
fn either_it_runs_or_it_is_cancelled() {
    model("either_it_runs_or_it_is_cancelled", || {
        let drops = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Counted(Arc::clone(&drops));
        let package = Package::new(0, move || {
            let _counted = counted;
            7
        });
        let queued = package.runnable();
        let job = package.into_job();
        let worker = thread::spawn(move || queued.run() == Ran::Completed);
        let cancelled = job.cancel();
        let result = job.join();
        assert_eq!(cancelled, result == Err(JoinError::Cancelled));
        assert_eq!(worker.join().unwrap(), !cancelled);
        assert_eq!(drops.load(std::sync::atomic::Ordering::SeqCst), 1);
    });
}

#[test]
fn two_cancellers_and_a_worker_agree() {
    model("two_cancellers_and_a_worker_agree", || {
        let package = Package::new(0, || 7);
        let queued = package.runnable();
        let job = Arc::new(package.into_job());
        let worker = thread::spawn(move || queued.run() == Ran::Completed);
        let other = thread::spawn({
            let job = Arc::clone(&job);
            move || job.cancel()
        });
        let mine = job.cancel();
        let ran = worker.join().unwrap();
        assert_eq!(mine, !ran);
        assert_eq!(other.join().unwrap(), !ran);
    });
}

#[test]
fn work_taken_back_is_not_run() {
    model("work_taken_back_is_not_run", || {
        let package = Package::new(0, || 7);
        let queued = package.runnable();
        let worker = thread::spawn(move || queued.run() == Ran::Completed);
        let taken_back = package.reclaim().is_some();
        let result = package.into_job().join();
        assert_eq!(worker.join().unwrap(), !taken_back);
        assert_eq!(result.is_ok(), !taken_back);
    });
}

#[test]
fn callbacks_run_once_in_order_and_before_join_returns() {
    model("callbacks_run_once_in_order_and_before_join_returns", || {
        let log = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (promise, mut job) = Promise::new();
        let worker = thread::spawn(move || promise.finish(Ok(7)).unwrap());
        for n in 0..2 {
            let log = Arc::clone(&log);
            job.on_finish(move |result: &Result<i32, _>| {
                assert_eq!(*result, Ok(7));
                log.lock().unwrap().push(n);
            });
        }
        assert_eq!(job.join(), Ok(7));
        assert_eq!(*log.lock().unwrap(), [0, 1]);
        worker.join().unwrap();
    });
}

#[test]
fn callbacks_of_a_cancelled_job_run_once() {
    model("callbacks_of_a_cancelled_job_run_once", || {
        let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (mut promise, mut job) = Promise::<i32>::new();
        let count = Arc::clone(&calls);
        job.on_finish(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        let worker = thread::spawn(move || {
            if promise.start() {
                promise.finish(Ok(7)).unwrap();
            }
        });
        let cancelled = job.cancel();
        let expected = if cancelled { Err(JoinError::Cancelled) } else { Ok(7) };
        assert_eq!(job.join(), expected);
        assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
        worker.join().unwrap();
    });
}

struct Flag(AtomicUsize);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_task_is_woken_unless_it_saw_the_result() {
    model("a_task_is_woken_unless_it_saw_the_result", || {
        let (promise, job) = Promise::new();
        let worker = thread::spawn(move || promise.finish(Ok(7)).unwrap());
        let flag = Arc::new(Flag(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut job = pin!(job);
        let first = job.as_mut().poll(&mut Context::from_waker(&waker));
        worker.join().unwrap();
        if first == Poll::Pending {
            assert_eq!(flag.0.load(Ordering::SeqCst), 1, "woken exactly once");
            let second = job.as_mut().poll(&mut Context::from_waker(&waker));
            assert_eq!(second, Poll::Ready(Ok(7)));
        } else {
            assert_eq!(first, Poll::Ready(Ok(7)));
        }
    });
}

#[test]
fn a_dropped_job_leaks_no_result() {
    model("a_dropped_job_leaks_no_result", || {
        let drops = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (promise, job) = Promise::new();
        let counted = Counted(Arc::clone(&drops));
        let worker = thread::spawn(move || drop(promise.finish(Ok(counted))));
        let finished = job.is_finished();
        drop(job);
        assert!(!finished || drops.load(std::sync::atomic::Ordering::SeqCst) <= 1);
        worker.join().unwrap();
        assert_eq!(drops.load(std::sync::atomic::Ordering::SeqCst), 1);
    });
}

#[test]
fn an_abandoned_job_ends() {
    model("an_abandoned_job_ends", || {
        let (promise, job) = Promise::<i32>::new();
        let worker = thread::spawn(move || drop(promise));
        assert_eq!(job.join(), Err(JoinError::Abandoned));
        worker.join().unwrap();
    });
}

#[test]
fn a_set_hears_of_every_job_once() {
    model("a_set_hears_of_every_job_once", || {
        let (one, first) = Promise::new();
        let (two, second) = Promise::new();
        let workers = [
            thread::spawn(move || one.finish(Ok(1)).unwrap()),
            thread::spawn(move || two.finish(Ok(2)).unwrap()),
        ];
        let mut set: JobSet<i32> = [first, second].into_iter().collect();
        let mut sum = 0;
        while let Some((place, result)) = set.next_finished() {
            assert_eq!(result, Ok(place as i32 + 1));
            sum += result.unwrap();
        }
        assert_eq!(sum, 3);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn a_bounded_wait_sees_the_result_or_the_time() {
    model("a_bounded_wait_sees_the_result_or_the_time", || {
        let (promise, job) = Promise::new();
        let worker = thread::spawn(move || promise.finish(Ok(7)).unwrap());
        let ended = job.wait_timeout(std::time::Duration::from_secs(1));
        assert!(!ended || job.is_finished());
        worker.join().unwrap();
        assert_eq!(Job::try_join(job).unwrap(), Ok(7));
    });
}

#[test]
fn the_event_count_loses_no_wake_up() {
    model("the_event_count_loses_no_wake_up", || {
        let shared = Arc::new((AtomicU32::new(0), EventCount::new()));
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let (ready, event) = &*shared;
                    while ready.load(Ordering::Relaxed) == 0 {
                        let ticket = event.prepare();
                        if ready.load(Ordering::Relaxed) == 0 {
                            ticket.wait(None);
                        }
                    }
                })
            })
            .collect();
        shared.0.store(1, Ordering::Relaxed);
        shared.1.notify_all();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn one_notification_for_each_piece_is_enough() {
    model("one_notification_for_each_piece_is_enough", || {
        let shared = Arc::new((AtomicU32::new(0), EventCount::new()));
        let take = |ready: &AtomicU32| {
            ready.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
        };
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let (ready, event) = &*shared;
                    while !take(ready) {
                        let ticket = event.prepare();
                        if take(ready) {
                            break;
                        }
                        ticket.wait(None);
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            shared.0.fetch_add(1, Ordering::Relaxed);
            shared.1.notify_one();
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn a_futex_misses_no_change() {
    model("a_futex_misses_no_change", || {
        let word = Arc::new(AtomicU32::new(0));
        let waker = thread::spawn({
            let word = Arc::clone(&word);
            move || {
                word.store(1, Ordering::Release);
                wake(&raw const *word, 1, Scope::Private);
            }
        });
        while word.load(Ordering::Acquire) == 0 {
            wait(&word, 0, None, Scope::Private);
        }
        waker.join().unwrap();
    });
}
