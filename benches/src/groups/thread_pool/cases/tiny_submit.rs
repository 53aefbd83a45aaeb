//! Jobs that cost nothing, handed over one by one.

use super::sum_of_squares;
use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};

pub(in super::super) const NAME: &str = "tiny_submit";
pub(in super::super) const JOBS: Jobs = Jobs { full: 100_000, quick: 10_000 };
/// CPython needs 30 times as long for one.
pub(in super::super) const JOBS_PYTHON: Jobs = Jobs { full: 10_000, quick: 1_000 };
pub(in super::super) const METRICS: PerJob = PerJob::in_unit(Unit::Nanoseconds);

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "100,000 x x*x, submitted one by one by one thread, then all results collected",
        ranked_by: METRICS.time,
        contenders: Vec::new(),
    }
}

/// `work` submits so many jobs, waits for them, and gives the sum of the squares.
pub(in super::super) fn measure(bench: &Bench, mut work: impl FnMut(u64) -> u64) -> Outcome {
    let jobs = bench.jobs(JOBS);
    let expected = sum_of_squares(jobs);
    let timing = bench.repeat(|| work(jobs), |sum| assert_eq!(sum, expected, "a wrong sum"));
    Ok(METRICS.samples(&timing, jobs))
}
