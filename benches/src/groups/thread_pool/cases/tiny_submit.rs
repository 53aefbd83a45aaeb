//! Jobs that cost nothing, handed over one by one.

use super::sum_of_squares;
use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};

pub(in crate::groups) const NAME: &str = "tiny_submit";
pub(in crate::groups) const JOBS: Jobs = Jobs { full: 100_000, quick: 10_000 };
/// CPython needs 30 times as long for one, `procspawn` 300 times.
pub(in crate::groups) const JOBS_FEWER: Jobs = Jobs { full: 10_000, quick: 1_000 };
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
pub(in crate::groups) fn measure(bench: &Bench, work: impl FnMut(u64) -> u64) -> Outcome {
    measure_jobs(bench, JOBS, work)
}

/// [`measure`] for those who cannot do so many jobs in the time.
pub(in crate::groups) fn measure_jobs(
    bench: &Bench,
    jobs: Jobs,
    mut work: impl FnMut(u64) -> u64,
) -> Outcome {
    let jobs = bench.jobs(jobs);
    let expected = sum_of_squares(jobs);
    let timing = bench.repeat(|| work(jobs), |sum| assert_eq!(sum, expected, "a wrong sum"));
    Ok(METRICS.samples(&timing, jobs))
}
