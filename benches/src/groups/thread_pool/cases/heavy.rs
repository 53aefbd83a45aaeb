//! Jobs that cost far more than handing them over.

use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};

pub(in crate::groups) const NAME: &str = "heavy";
pub(in crate::groups) const JOBS: Jobs = Jobs { full: 200, quick: 40 };
/// CPython needs 40 times as long for one.
pub(in crate::groups) const JOBS_PYTHON: Jobs = Jobs { full: 20, quick: 2 };
pub(in crate::groups) const METRICS: PerJob = PerJob::in_unit(Unit::Microseconds);

const NUMBER: u32 = 27;
const FIB_OF_NUMBER: u64 = 196_418;

pub(in crate::groups) fn case() -> Case {
    Case {
        name: NAME,
        about: "200 x fib(27) through the bulk form; time per job, all workers together",
        ranked_by: METRICS.time,
        contenders: Vec::new(),
    }
}

/// The job. Its index only keeps the compiler from computing it once for all.
pub(in crate::groups) fn job(index: u64) -> u64 {
    fn fib(n: u32) -> u64 {
        if n < 2 { u64::from(n) } else { fib(n - 1) + fib(n - 2) }
    }
    std::hint::black_box(index);
    fib(std::hint::black_box(NUMBER))
}

/// `work` runs [`job`] for all indexes below its argument and gives the sum of the results.
pub(in crate::groups) fn measure(bench: &Bench, mut work: impl FnMut(u64) -> u64) -> Outcome {
    let jobs = bench.jobs(JOBS);
    let expected = jobs * FIB_OF_NUMBER;
    let timing = bench.repeat(|| work(jobs), |sum| assert_eq!(sum, expected, "a wrong sum"));
    Ok(METRICS.samples(&timing, jobs))
}
