//! One job after the other whose argument and result are large.

use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};

pub(in super::super) const NAME: &str = "payload_1mib";
const JOBS: Jobs = Jobs { full: 200, quick: 20 };
const METRICS: PerJob = PerJob::in_unit(Unit::Microseconds);
/// Bytes of the argument, and of the result.
pub(in super::super) const LEN: usize = 1 << 20;

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "200 jobs, one after the other, with a text of 1 MiB as argument and as result",
        ranked_by: METRICS.time,
        contenders: Vec::new(),
    }
}

/// `work` runs so many jobs and gives the length of all results.
pub(in super::super) fn measure(bench: &Bench, mut work: impl FnMut(u64) -> usize) -> Outcome {
    let jobs = bench.jobs(JOBS);
    let timing = bench
        .repeat(|| work(jobs), |len| assert_eq!(len, jobs as usize * LEN, "a result is cut short"));
    Ok(METRICS.samples(&timing, jobs))
}
