//! CPython's `multiprocessing.Pool`.
//!
//! Each run is a process of its own; `cpython.py` measures inside of it.

use super::super::thread_pool::cases::{heavy, tiny_map, tiny_submit};
use super::WORKERS;
use crate::harness::{Bench, Contender, Group, Jobs, Outcome, PerJob, Script};

const NAME: &str = "cpython_Pool";
const SCRIPT: Script = Script { source: include_str!("cpython.py") };

pub(super) fn register(group: &mut Group) {
    let how = "map(f, range(100_000)), its default chunks";
    group.add(
        tiny_map::NAME,
        Contender::new(NAME, how, |bench| {
            run(bench, "tiny_map", tiny_map::JOBS, tiny_map::METRICS)
        }),
    );
    let how = "map(f, range(10_000), chunksize=1)";
    group.add(
        tiny_submit::NAME,
        Contender::new(NAME, how, |bench| {
            run(bench, "tiny_submit", tiny_submit::JOBS_PYTHON, tiny_submit::METRICS)
        }),
    );
    let how = "map over 20 jobs, chunksize=1";
    group.add(
        heavy::NAME,
        Contender::new(NAME, how, |bench| run(bench, "heavy", heavy::JOBS_PYTHON, heavy::METRICS)),
    );
}

fn run(bench: &Bench, case: &str, jobs: Jobs, metrics: PerJob) -> Outcome {
    let jobs = bench.jobs(jobs);
    let timing = SCRIPT.run(bench, &[case, &jobs.to_string(), &WORKERS.to_string()])?;
    Ok(metrics.samples(&timing, jobs))
}
