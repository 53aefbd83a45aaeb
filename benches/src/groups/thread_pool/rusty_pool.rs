//! `rusty_pool`: one crossbeam channel of boxed closures, results through one-shot channels.

use super::WORKERS;
use super::cases::{heavy, nested, skewed, square, tiny_map, tiny_submit};
use crate::harness::{Bench, Contender, Group, Outcome};
use rusty_pool::{JoinHandle, ThreadPool};

const NAME: &str = "rusty_pool";

pub(super) fn register(group: &mut Group) {
    let how = "evaluate for each job, then await_complete on each handle";
    group.add(tiny_submit::NAME, Contender::new(NAME, how, submit));
    group.add(tiny_map::NAME, Contender::absent(NAME, "has no bulk form"));
    group.add(heavy::NAME, Contender::new(NAME, how, submit_heavy));
    group.add(skewed::NAME, Contender::new(NAME, how, submit_skewed));
    let reason = "deadlocks: a job that waits holds its worker, and there are two";
    group.add(nested::NAME, Contender::absent(NAME, reason));
}

fn pool() -> ThreadPool {
    let pool = rusty_pool::Builder::new().core_size(WORKERS).max_size(WORKERS).build();
    pool.start_core_threads();
    pool
}

/// Runs `job` for each index and gives the sum of the results.
fn sum(pool: &ThreadPool, jobs: u64, job: fn(u64) -> u64) -> u64 {
    let handles: Vec<_> = (0..jobs).map(|index| pool.evaluate(move || job(index))).collect();
    handles.into_iter().map(JoinHandle::await_complete).sum()
}

fn submit(bench: &Bench) -> Outcome {
    let pool = pool();
    let outcome = tiny_submit::measure(bench, |jobs| sum(&pool, jobs, square));
    pool.shutdown_join();
    outcome
}

fn submit_heavy(bench: &Bench) -> Outcome {
    let pool = pool();
    let outcome = heavy::measure(bench, |jobs| sum(&pool, jobs, heavy::job));
    pool.shutdown_join();
    outcome
}

fn submit_skewed(bench: &Bench) -> Outcome {
    let pool = pool();
    let outcome = skewed::measure(bench, |jobs| sum(&pool, jobs, skewed::job));
    pool.shutdown_join();
    outcome
}
