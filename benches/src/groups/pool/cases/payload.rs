//! One job after the other whose argument and result are large.

use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};
use std::mem;

pub(in super::super) const NAME: &str = "payload_1mib";
pub(in super::super) const JOBS: Jobs = Jobs { full: 200, quick: 20 };
pub(in super::super) const METRICS: PerJob = PerJob::in_unit(Unit::Microseconds);
/// Bytes of the argument, and of the result.
pub(in super::super) const LEN: usize = 1 << 20;

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "200 jobs, one after the other, whose result is their argument, 1 MiB; \
                target: 2.5 x limit_memcpy, which copies each of the two once",
        ranked_by: METRICS.time,
        contenders: Vec::new(),
    }
}

/// `argument` makes the argument of the first job; each other job gets what came back from the one
/// before, so that there are no copies but those of `job`, which sends it there and back.
pub(in super::super) fn measure_in_turn<T: AsRef<[u8]> + Default>(
    bench: &Bench,
    argument: T,
    job: impl Fn(T) -> T,
) -> Outcome {
    let mut argument = argument;
    measure(bench, |jobs| {
        let one = |_| {
            argument = job(mem::take(&mut argument));
            argument.as_ref().len()
        };
        (0..jobs).map(one).sum()
    })
}

/// `work` runs so many jobs and gives the length of all results.
pub(in super::super) fn measure(bench: &Bench, mut work: impl FnMut(u64) -> usize) -> Outcome {
    let jobs = bench.jobs(JOBS);
    let timing = bench
        .repeat(|| work(jobs), |len| assert_eq!(len, jobs as usize * LEN, "a result is cut short"));
    Ok(METRICS.samples(&timing, jobs))
}
