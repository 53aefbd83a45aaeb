//! `conc_thread::ThreadPool`: the same without isolation.

use super::super::thread_pool::cases::{square, tiny_map, tiny_submit};
use super::WORKERS;
use super::cases::idle;
use crate::harness::{Bench, Contender, Group, Outcome};
use conc_core::{Executor, Job, JoinError};
use conc_thread::ThreadPool;

const NAME: &str = "conc_threads";

pub(super) fn register(group: &mut Group) {
    let how = "Executor::map of a pool of threads, collected";
    group.add(tiny_map::NAME, Contender::new(NAME, how, map));
    let how = "Executor::submit of a pool of threads for each job, then join of each";
    group.add(tiny_submit::NAME, Contender::new(NAME, how, submit));
    let how = "a pool of threads, which has run a map: two threads";
    group.add(idle::NAME, Contender::alone(NAME, how, at_rest));
}

fn pool() -> ThreadPool {
    ThreadPool::builder().workers(WORKERS).build().expect("threads can be started")
}

fn map(bench: &Bench) -> Outcome {
    let pool = pool();
    let work = |jobs| Executor::map(&pool, square, 0..jobs).collect();
    tiny_map::measure(bench, work, |squares: Result<Vec<u64>, JoinError>| {
        squares.expect("the work does not panic")
    })
}

fn submit(bench: &Bench) -> Outcome {
    let pool = pool();
    tiny_submit::measure(bench, |jobs| {
        let submit = |n| Executor::submit(&pool, square, n).expect("the pool is open");
        let jobs: Vec<Job<u64>> = (0..jobs).map(submit).collect();
        jobs.into_iter().map(|job| job.join().expect("the work does not panic")).sum()
    })
}

fn at_rest(bench: &Bench) -> Outcome {
    let pool = pool();
    idle::measure(bench, |jobs| {
        let results = Executor::map(&pool, square, 0..jobs);
        results.map(|result| result.expect("the work does not panic")).sum()
    })
}
