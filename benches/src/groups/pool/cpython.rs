//! CPython's `multiprocessing.Pool`.
//!
//! Each run is a process of its own; `cpython.py` measures inside of it.

use super::super::thread_pool::cases::{heavy, skewed, tiny_map, tiny_submit};
use super::WORKERS;
use super::cases::idle::Usage;
use super::cases::{idle, payload, recovery};
use crate::harness::{Bench, Contender, Group, Jobs, Outcome, PerJob, Script};

const NAME: &str = "cpython_Pool";
const ASYNC: &str = "cpython_Pool_async";
const SCRIPT: Script = Script { source: include_str!("cpython.py") };

pub(super) fn register(group: &mut Group) {
    let how = "map(f, range(100_000)), its default chunks";
    group.add(tiny_map::NAME, Contender::new(NAME, how, map));
    let how = "map(f, range(10_000), chunksize=1)";
    group.add(tiny_submit::NAME, Contender::new(NAME, how, |bench| submit(bench, "map")));
    let how = "apply_async for each of 10,000 jobs, then get of each result";
    group.add(tiny_submit::NAME, Contender::new(ASYNC, how, |bench| submit(bench, "async")));
    let how = "map over 20 jobs, chunksize=1";
    group.add(heavy::NAME, Contender::new(NAME, how, map_heavy));
    let reason = "1 us is less than its own cost of a job";
    group.add(skewed::NAME, Contender::absent(NAME, reason));
    let how = "apply(f, (str,))";
    group.add(payload::NAME, Contender::new(NAME, how, texts));
    let reason = "a job whose worker dies never ends, and neither does waiting for it";
    group.add(recovery::NAME, Contender::absent(NAME, reason));
    let how = "a Pool, which has run a map: three threads in the parent, and workers";
    group.add(idle::NAME, Contender::new(NAME, how, at_rest));
}

fn map(bench: &Bench) -> Outcome {
    run(bench, "tiny_map", tiny_map::JOBS, tiny_map::METRICS)
}

fn submit(bench: &Bench, form: &str) -> Outcome {
    let case = format!("tiny_submit_{form}");
    run(bench, &case, tiny_submit::JOBS_FEWER, tiny_submit::METRICS)
}

fn map_heavy(bench: &Bench) -> Outcome {
    run(bench, "heavy", heavy::JOBS_PYTHON, heavy::METRICS)
}

fn texts(bench: &Bench) -> Outcome {
    run(bench, "payload", payload::JOBS, payload::METRICS)
}

fn run(bench: &Bench, case: &str, jobs: Jobs, metrics: PerJob) -> Outcome {
    let jobs = bench.jobs(jobs);
    let timing = SCRIPT.run(bench, &[case, &jobs.to_string(), &WORKERS.to_string()])?;
    Ok(metrics.samples(&timing, jobs))
}

fn at_rest(bench: &Bench) -> Outcome {
    let seconds = idle::time(bench).as_secs_f64().to_string();
    let figures: [[f64; 2]; 2] =
        SCRIPT.printed(&["idle", "100", &WORKERS.to_string(), &seconds])?;
    Ok(idle::samples(figures.map(|[micros, switches]| Usage { micros, switches })))
}
