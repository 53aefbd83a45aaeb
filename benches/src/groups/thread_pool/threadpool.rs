//! `threadpool`: one shared channel of boxed closures, no results.

use super::WORKERS;
use super::cases::{heavy, nested, skewed, square, tiny_map, tiny_submit};
use super::tally::TALLY;
use crate::harness::{Bench, Contender, Group, Outcome};
use threadpool::ThreadPool;

const NAME: &str = "threadpool";

pub(super) fn register(group: &mut Group) {
    let how = "execute for each job, a shared sum, ThreadPool::join";
    group.add(tiny_submit::NAME, Contender::new(NAME, how, submit));
    group.add(tiny_map::NAME, Contender::absent(NAME, "has no bulk form"));
    group.add(heavy::NAME, Contender::new(NAME, how, submit_heavy));
    group.add(skewed::NAME, Contender::new(NAME, how, submit_skewed));
    let reason = "deadlocks: a job that waits holds its worker, and there are two";
    group.add(nested::NAME, Contender::absent(NAME, reason));
}

/// Runs `job` for each index and gives the sum of the results.
fn sum(pool: &ThreadPool, jobs: u64, job: fn(u64) -> u64) -> u64 {
    TALLY.expect(jobs);
    for index in 0..jobs {
        pool.execute(move || TALLY.add(job(index)));
    }
    pool.join();
    TALLY.sum()
}

fn submit(bench: &Bench) -> Outcome {
    let pool = ThreadPool::new(WORKERS);
    tiny_submit::measure(bench, |jobs| sum(&pool, jobs, square))
}

fn submit_heavy(bench: &Bench) -> Outcome {
    let pool = ThreadPool::new(WORKERS);
    heavy::measure(bench, |jobs| sum(&pool, jobs, heavy::job))
}

fn submit_skewed(bench: &Bench) -> Outcome {
    let pool = ThreadPool::new(WORKERS);
    skewed::measure(bench, |jobs| sum(&pool, jobs, skewed::job))
}
