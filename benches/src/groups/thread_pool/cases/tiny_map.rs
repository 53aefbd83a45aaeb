//! Jobs that cost nothing, handed over in bulk.

use super::square;
use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};

pub(in crate::groups) const NAME: &str = "tiny_map";
pub(in crate::groups) const JOBS: Jobs = Jobs { full: 100_000, quick: 10_000 };
/// For the form that makes an object of each job.
pub(in crate::groups) const JOBS_PYTHON: Jobs = Jobs { full: 10_000, quick: 1_000 };
pub(in crate::groups) const METRICS: PerJob = PerJob::in_unit(Unit::Nanoseconds);

pub(in crate::groups) fn case() -> Case {
    Case {
        name: NAME,
        about: "100,000 x x*x through the bulk form, results collected in order",
        ranked_by: METRICS.time,
        contenders: Vec::new(),
    }
}

/// `work` maps `square` over all numbers below its argument; `collected` turns what came out into
/// the results in order, outside of the clock.
pub(in crate::groups) fn measure<R>(
    bench: &Bench,
    mut work: impl FnMut(u64) -> R,
    collected: impl Fn(R) -> Vec<u64>,
) -> Outcome {
    let jobs = bench.jobs(JOBS);
    let check = |squares| {
        let expected = (0..jobs).map(square);
        assert!(expected.eq(collected(squares)), "wrong squares, or in a wrong order");
    };
    let timing = bench.repeat(|| work(jobs), check);
    Ok(METRICS.samples(&timing, jobs))
}
