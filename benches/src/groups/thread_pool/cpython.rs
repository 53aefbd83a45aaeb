//! CPython's two pools of threads: `concurrent.futures` and `multiprocessing.pool`.
//!
//! Each run is a process of its own; `cpython.py` measures inside of it.

use super::WORKERS;
use super::cases::{heavy, nested, skewed, tiny_map, tiny_submit};
use crate::harness::{Bench, Contender, Group, Jobs, Outcome, PerJob, Script};

const EXECUTOR: &str = "cpython_ThreadPoolExecutor";
const POOL: &str = "cpython_ThreadPool";

const SCRIPT: Script = Script { source: include_str!("cpython.py") };

pub(super) fn register(group: &mut Group) {
    let how = "submit for each of 10,000 jobs, then result of each future";
    group.add(tiny_submit::NAME, Contender::new(EXECUTOR, how, |bench| submit(bench, "executor")));
    let how = "apply_async for each of 10,000 jobs, then get of each result";
    group.add(tiny_submit::NAME, Contender::new(POOL, how, |bench| submit(bench, "pool")));

    let how = "list(map(f, range(10_000))): a future for each job";
    group.add(tiny_map::NAME, Contender::new(EXECUTOR, how, map_executor));
    let how = "map(f, range(100_000)), its default chunks";
    group.add(tiny_map::NAME, Contender::new(POOL, how, map_pool));

    let how = "map over 20 jobs; one interpreter lock for both workers";
    group.add(heavy::NAME, Contender::new(EXECUTOR, how, |bench| map_heavy(bench, "executor")));
    group.add(heavy::NAME, Contender::new(POOL, how, |bench| map_heavy(bench, "pool")));

    for name in [EXECUTOR, POOL] {
        let reason = "1 us is less than its own cost of a job, and its lock runs one job at a time";
        group.add(skewed::NAME, Contender::absent(name, reason));
        let reason = "deadlocks: a job that waits holds its worker, and there are two";
        group.add(nested::NAME, Contender::absent(name, reason));
    }
}

fn submit(bench: &Bench, pool: &str) -> Outcome {
    run(bench, pool, "tiny_submit", tiny_submit::JOBS_FEWER, tiny_submit::METRICS)
}

fn map_executor(bench: &Bench) -> Outcome {
    run(bench, "executor", "tiny_map", tiny_map::JOBS_PYTHON, tiny_map::METRICS)
}

fn map_pool(bench: &Bench) -> Outcome {
    run(bench, "pool", "tiny_map", tiny_map::JOBS, tiny_map::METRICS)
}

fn map_heavy(bench: &Bench, pool: &str) -> Outcome {
    run(bench, pool, "heavy", heavy::JOBS_PYTHON, heavy::METRICS)
}

fn run(bench: &Bench, pool: &str, case: &str, jobs: Jobs, metrics: PerJob) -> Outcome {
    let jobs = bench.jobs(jobs);
    let timing = SCRIPT.run(bench, &[pool, case, &jobs.to_string(), &WORKERS.to_string()])?;
    Ok(metrics.samples(&timing, jobs))
}
