//! Jobs that wait: for jobs of their own pool, for anything else, for ever.
#![cfg(not(conc_loom))]

use conc_core::JoinError;
use conc_tests::watchdog;
use conc_thread::ThreadPool;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

fn pool(workers: usize) -> ThreadPool {
    ThreadPool::builder().workers(workers).build().unwrap()
}

#[test]
fn a_thousand_nested_waits_on_two_workers_complete() {
    let _watchdog = watchdog();
    fn nest(pool: &Arc<ThreadPool>, levels: u32) -> u32 {
        if levels == 0 {
            return 0;
        }
        let inner = Arc::clone(pool);
        pool.submit(move || nest(&inner, levels - 1)).unwrap().join().unwrap() + 1
    }
    let pool = Arc::new(pool(2));
    assert_eq!(nest(&pool, 1_000), 1_000);
    let stats = pool.stats();
    assert!(stats.peak_stack > 0, "some of it ran in place");
    assert!(stats.peak_threads <= 34, "{stats:?}");
}

#[test]
fn a_job_that_waits_for_the_future_of_the_pool_is_replaced_by_a_spare() {
    let _watchdog = watchdog();
    let pool = Arc::new(pool(1));
    let (send, receive) = mpsc::channel();
    let waiter =
        pool.submit(move || conc_core::executor::blocking(|| receive.recv().unwrap())).unwrap();
    // The only worker sleeps in the first job: the second needs a thread of its own.
    let sender = pool.submit(move || send.send(42).unwrap()).unwrap();
    sender.join().unwrap();
    assert_eq!(waiter.join(), Ok(42));
}

#[test]
fn spares_leave_when_they_are_not_needed() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (send, receive) = mpsc::channel::<()>();
    let waiter =
        pool.submit(move || conc_core::executor::blocking(|| receive.recv().is_err())).unwrap();
    pool.run(|| ()).unwrap();
    assert_eq!(pool.stats().threads, 2);
    drop(send);
    assert_eq!(waiter.join(), Ok(true));
    while pool.stats().threads > 1 {
        std::thread::yield_now();
    }
    assert_eq!(pool.run(|| 1), Ok(1), "the one that stayed still works");
}

#[test]
fn shutdown_inside_a_job_does_not_wait_for_itself() {
    let _watchdog = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let job = pool
        .submit(move || {
            inner.shutdown();
            inner.shutdown_timeout(Duration::from_secs(3600))
        })
        .unwrap();
    assert_eq!(job.join(), Ok(false), "it said so, at once");
    pool.shutdown();
}

#[test]
fn nested_sleeps_of_one_job_count_once() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let job = pool
        .submit(|| {
            conc_core::executor::blocking(|| {
                let (_promise, other) = conc_core::Promise::<()>::new();
                other.wait_timeout(Duration::from_millis(1))
            })
        })
        .unwrap();
    assert_eq!(job.join(), Ok(false));
    assert_eq!(pool.run(|| 1), Ok(1));
    assert_eq!(pool.stats().blocked, 0);
}

#[test]
fn after_sleepers_wake_no_more_jobs_run_than_there_are_workers() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (wake, sleepers) = mpsc::channel::<()>();
    let sleepers = Arc::new(Mutex::new(sleepers));
    let asleep: Vec<_> = (0..8)
        .map(|_| {
            let sleepers = Arc::clone(&sleepers);
            pool.submit(move || {
                conc_core::executor::blocking(|| {
                    let _ = sleepers.lock().unwrap().recv();
                });
            })
            .unwrap()
        })
        .collect();
    while pool.stats().blocked < 8 {
        std::thread::yield_now();
    }
    drop(wake);
    asleep.into_iter().for_each(|job| job.join().unwrap());
    // Those that woke find out before their next job; let them.
    while pool.stats().threads > 1 {
        pool.run(|| ()).unwrap();
    }
    let running = Arc::new(AtomicUsize::new(0));
    let jobs: Vec<_> = (0..500)
        .map(|_| {
            let running = Arc::clone(&running);
            pool.submit(move || {
                let at_once = running.fetch_add(1, Ordering::SeqCst) + 1;
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
                at_once
            })
            .unwrap()
        })
        .collect();
    let most = jobs.into_iter().map(|job| job.join().unwrap()).max();
    assert_eq!(most, Some(1));
}

#[test]
fn waiting_for_the_first_of_several_runs_none_of_them_in_place() {
    let _watchdog = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let outer = pool.submit(move || {
        let (send, receive) = mpsc::channel::<()>();
        // Ends only after this frame has gone on.
        let slow =
            inner.submit(move || conc_core::executor::blocking(|| receive.recv().is_ok())).unwrap();
        let quick = inner.submit(|| true).unwrap();
        let first = conc_core::wait_first(&[&slow, &quick]);
        send.send(()).unwrap();
        (first, slow.join(), quick.join())
    });
    assert_eq!(outer.unwrap().join(), Ok((Some(1), Ok(true), Ok(true))));
}

#[test]
fn a_wait_that_can_never_end_is_an_error() {
    let _watchdog = watchdog();
    fn nest(pool: &Arc<ThreadPool>, levels: u32) -> Result<u32, JoinError> {
        let ballast = std::hint::black_box([0_u8; 4096]);
        if levels == 0 {
            return Ok(u32::from(ballast[0]));
        }
        let inner = Arc::clone(pool);
        pool.submit(move || nest(&inner, levels - 1)).unwrap().join()?.map(|depth| depth + 1)
    }
    let pool = Arc::new(
        ThreadPool::builder().workers(1).max_spares(2).stack_size(256 << 10).build().unwrap(),
    );
    assert_eq!(nest(&pool, 10), Ok(10));
    assert_eq!(nest(&pool, 10_000), Err(JoinError::WouldDeadlock));
    assert_eq!(pool.run(|| 1), Ok(1), "the pool goes on");
}
