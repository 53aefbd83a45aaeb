//! Jobs keep their laws, wherever they come from.
#![cfg(all(unix, not(conc_loom)))]

use conc_core::{Capabilities, Control, Executor, Job, JoinError, KillError, Promise};
use conc_tests::laws::{
    InlineJobs, JobSource, Lever, Outcome, PackagedJobs, PromisedJobs, judge_jobs, scripted,
};
use conc_tests::watchdog;
use conc_thread::ThreadPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

/// Jobs of a pool of one thread; those that are to stay pending wait behind another.
struct PoolJobs;

fn pool() -> ThreadPool {
    ThreadPool::builder().workers(1).build().unwrap()
}

impl JobSource for PoolJobs {
    fn capabilities(&self) -> Capabilities {
        pool().capabilities()
    }

    fn ending(&self, outcome: Outcome<u64>) -> Job<u64> {
        let pool = pool();
        let job = pool.submit(move || match outcome {
            Outcome::Value(value) => value,
            Outcome::Panic(message) => panic!("{message}"),
        });
        pool.close();
        // The threads end when they have done what was accepted; dropping the pool would cancel it.
        thread::spawn(move || pool.shutdown());
        job.unwrap()
    }

    fn pending<T: Send + 'static>(&self) -> (Box<dyn Lever<T>>, Job<T>) {
        let (lever, job) = scripted(|work| {
            let pool = pool();
            let (release, released) = channel::<()>();
            let (run, runs) = channel();
            let before = pool.submit(move || {
                run.send(()).unwrap();
                let _ = released.recv();
            });
            drop(before.unwrap());
            runs.recv().unwrap();
            let job = pool.submit(work).unwrap();
            // If the lever is dropped: first the pool, so that the queued job is cancelled.
            let held = (pool, release);
            let start = move || {
                let (pool, release) = held;
                drop(release);
                thread::spawn(move || pool.shutdown());
            };
            (Box::new(start), job)
        });
        (Box::new(lever), job)
    }
}

#[test]
fn jobs_of_promises_keep_the_laws() {
    let _watchdog = watchdog();
    judge_jobs("jobs of Promise", &|| PromisedJobs).compare_with_table();
}

#[test]
fn jobs_of_packages_keep_the_laws() {
    let _watchdog = watchdog();
    judge_jobs("jobs of Package", &|| PackagedJobs).compare_with_table();
}

#[test]
fn jobs_of_the_inline_executor_keep_the_laws() {
    let _watchdog = watchdog();
    judge_jobs("jobs of InlineExecutor", &|| InlineJobs).compare_with_table();
}

#[test]
fn jobs_of_a_pool_keep_the_laws() {
    let _watchdog = watchdog();
    judge_jobs("jobs of ThreadPool", &|| PoolJobs).compare_with_table();
}

#[test]
fn a_promise_of_a_cancelled_job_gives_the_result_back() {
    let _watchdog = watchdog();
    let (mut promise, job) = Promise::new();
    assert!(!promise.is_cancelled());
    assert!(job.cancel());
    assert!(promise.is_cancelled() && !promise.start());
    assert_eq!(promise.finish(Ok(1)), Err(Ok(1)));
    assert_eq!(job.join(), Err(JoinError::Cancelled));
}

#[test]
fn a_broken_promise_abandons_its_job_whatever_its_stage() {
    let _watchdog = watchdog();
    let (promise, job) = Promise::<u8>::new();
    drop(promise);
    assert_eq!(job.join(), Err(JoinError::Abandoned));
    let (mut promise, job) = Promise::<u8>::new();
    promise.start();
    drop(promise);
    assert_eq!(job.join(), Err(JoinError::Abandoned));
    let (promise, job) = Promise::<u8>::new();
    let kept = thread::spawn(move || {
        let _promise = promise;
        panic!("a runner that panics breaks its promise");
    });
    assert_eq!(job.join(), Err(JoinError::Abandoned));
    assert!(kept.join().is_err());
}

#[derive(Default)]
struct Calls {
    cancelled: AtomicUsize,
    killed: AtomicUsize,
}

struct Recorder(Arc<Calls>);

impl Control for Recorder {
    fn cancelled(&self) {
        self.0.cancelled.fetch_add(1, Ordering::SeqCst);
    }

    fn kill(&self) -> Result<(), KillError> {
        self.0.killed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn the_control_hears_of_a_cancellation_once() {
    let _watchdog = watchdog();
    let calls = Arc::new(Calls::default());
    let (promise, job) = Promise::<u8>::with_control(Recorder(Arc::clone(&calls)));
    assert!(job.cancel() && job.cancel());
    drop(promise);
    assert_eq!(calls.cancelled.load(Ordering::SeqCst), 1);
    let (mut promise, job) = Promise::<u8>::with_control(Recorder(Arc::clone(&calls)));
    promise.start();
    assert!(!job.cancel());
    assert_eq!(calls.cancelled.load(Ordering::SeqCst), 1, "this one runs");
}

#[test]
fn the_control_kills_what_has_not_ended() {
    let _watchdog = watchdog();
    let calls = Arc::new(Calls::default());
    let (mut promise, job) = Promise::<u8>::with_control(Recorder(Arc::clone(&calls)));
    promise.start();
    assert_eq!(job.kill(), Ok(()));
    promise.finish(Err(JoinError::TimedOut)).unwrap();
    assert_eq!(job.kill(), Err(KillError::Finished));
    assert_eq!(calls.killed.load(Ordering::SeqCst), 1);
    assert_eq!(job.join(), Err(JoinError::TimedOut));
}

#[test]
fn a_job_may_be_born_finished() {
    let _watchdog = watchdog();
    let job = Job::finished(Ok("done"));
    assert!(job.is_finished() && !job.cancel());
    assert_eq!(job.join(), Ok("done"));
    let cancelled = Job::<u8>::finished(Err(JoinError::Cancelled));
    assert!(cancelled.is_finished());
    assert_eq!(cancelled.join(), Err(JoinError::Cancelled));
}
