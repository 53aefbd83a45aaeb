//! Jobs that cost nothing, handed over one by one.

use super::sum_of_squares;
use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};

pub(in crate::groups) const NAME: &str = "tiny_submit";
pub(in crate::groups) const JOBS: Jobs = Jobs { full: 100_000, quick: 10_000 };
/// CPython needs 30 times as long for one.
pub(in crate::groups) const JOBS_PYTHON: Jobs = Jobs { full: 10_000, quick: 1_000 };
pub(in crate::groups) const METRICS: PerJob = PerJob::in_unit(Unit::Nanoseconds);

pub(in crate::groups) fn case() -> Case {
    Case {
        name: NAME,
        about: "100,000 x x*x, submitted one by one by one thread, then all results collected",
        ranked_by: METRICS.time,
        contenders: Vec::new(),
    }
}

/// `work` submits so many jobs, waits for them, and gives the sum of the squares.
pub(in crate::groups) fn measure(bench: &Bench, mut work: impl FnMut(u64) -> u64) -> Outcome {
    let jobs = bench.jobs(JOBS);
    let expected = sum_of_squares(jobs);
    let timing = bench.repeat(|| work(jobs), |sum| assert_eq!(sum, expected, "a wrong sum"));
    Ok(METRICS.samples(&timing, jobs))
}
