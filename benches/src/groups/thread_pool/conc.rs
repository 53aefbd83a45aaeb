//! `conc_thread::ThreadPool`: ours.

use super::WORKERS;
use super::cases::{heavy, nested, skewed, square, tiny_map, tiny_submit};
use crate::harness::{Bench, Contender, Group, Outcome};
use conc_core::{Executor, Job, JoinError};
use conc_thread::ThreadPool;
use std::sync::Arc;

pub(super) fn register(group: &mut Group) {
    let how = "ThreadPool::submit for each job, then join of each";
    group.add(tiny_submit::NAME, Contender::new("conc_submit", how, submit));

    let how = "ThreadPool::map, inlined as a closure would be, collected";
    group.add(tiny_map::NAME, Contender::new("conc_map", how, map));
    let how = "Executor::map of a function pointer, collected";
    group.add(tiny_map::NAME, Contender::new("conc_executor_map", how, map_portable));

    let how = "ThreadPool::map, summed up";
    group.add(heavy::NAME, Contender::new("conc_map", how, map_heavy));
    group.add(skewed::NAME, Contender::new("conc_map", how, map_skewed));
    let how = "ThreadPool::map_unordered, summed up";
    group.add(skewed::NAME, Contender::new("conc_map_unordered", how, map_unordered_skewed));
    let how = "ThreadPool::submit for each job, then join of each";
    group.add(skewed::NAME, Contender::new("conc_submit", how, submit_skewed));

    let how = "ThreadPool::submit and Job::join inside of each job";
    group.add(nested::NAME, Contender::new("conc_submit", how, submit_nested));
}

/// A pool for one run; nothing of it is under way when this returns.
fn with_pool(measure: impl FnOnce(&Arc<ThreadPool>) -> Outcome) -> Outcome {
    let pool = ThreadPool::builder().workers(WORKERS).build().expect("threads can be started");
    let pool = Arc::new(pool);
    let outcome = measure(&pool);
    pool.shutdown();
    outcome
}

/// Runs `job` for each index and gives the sum of the results.
fn sum_of_jobs(pool: &ThreadPool, jobs: u64, job: fn(u64) -> u64) -> u64 {
    let submit = |index| pool.submit(move || job(index)).expect("the pool is open");
    let jobs: Vec<Job<u64>> = (0..jobs).map(submit).collect();
    jobs.into_iter().map(|job| job.join().expect(NO_PANIC)).sum()
}

const NO_PANIC: &str = "the work does not panic";

fn submit(bench: &Bench) -> Outcome {
    with_pool(|pool| tiny_submit::measure(bench, |jobs| sum_of_jobs(pool, jobs, square)))
}

fn map(bench: &Bench) -> Outcome {
    with_pool(|pool| {
        let work = |jobs| pool.map(square, 0..jobs).collect();
        tiny_map::measure(bench, work, all_ok)
    })
}

fn map_portable(bench: &Bench) -> Outcome {
    with_pool(|pool| {
        let work = |jobs| Executor::map(&**pool, square, 0..jobs).collect();
        tiny_map::measure(bench, work, all_ok)
    })
}

fn all_ok(squares: Result<Vec<u64>, JoinError>) -> Vec<u64> {
    squares.expect(NO_PANIC)
}

fn map_heavy(bench: &Bench) -> Outcome {
    with_pool(|pool| {
        heavy::measure(bench, |jobs| {
            pool.map(heavy::job, 0..jobs).map(|r| r.expect(NO_PANIC)).sum()
        })
    })
}

fn map_skewed(bench: &Bench) -> Outcome {
    with_pool(|pool| {
        skewed::measure(bench, |jobs| {
            pool.map(skewed::job, 0..jobs).map(|index| index.expect(NO_PANIC)).sum()
        })
    })
}

fn map_unordered_skewed(bench: &Bench) -> Outcome {
    with_pool(|pool| {
        skewed::measure(bench, |jobs| {
            let results = pool.map_unordered(skewed::job, 0..jobs);
            results.map(|(_, index)| index.expect(NO_PANIC)).sum()
        })
    })
}

fn submit_skewed(bench: &Bench) -> Outcome {
    with_pool(|pool| skewed::measure(bench, |jobs| sum_of_jobs(pool, jobs, skewed::job)))
}

fn submit_nested(bench: &Bench) -> Outcome {
    // A level lets go of the pool before its job ends, so no worker is the last to hold it.
    fn level(pool: &Arc<ThreadPool>, left: u64) -> u64 {
        if left == 0 {
            return 0;
        }
        submit_level(pool, left - 1).join().expect(NO_PANIC) + 1
    }
    fn submit_level(pool: &Arc<ThreadPool>, left: u64) -> Job<u64> {
        let own = Arc::clone(pool);
        pool.submit(move || level(&own, left)).expect("the pool is open")
    }
    with_pool(|pool| {
        let extra = || {
            let stats = pool.stats();
            vec![
                nested::PEAK_THREADS.sample(stats.peak_threads as f64),
                nested::PEAK_STACK.sample(stats.peak_stack as f64 / 1024.0),
            ]
        };
        // The first level is a job as well: the caller's thread has no part in it.
        nested::measure(bench, |levels| submit_level(pool, levels).join().expect(NO_PANIC), extra)
    })
}
