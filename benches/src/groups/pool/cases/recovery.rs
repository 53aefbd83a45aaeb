//! How long until a pool is as it was after a worker has died?

use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};

pub(in super::super) const NAME: &str = "recovery";
const JOBS: Jobs = Jobs { full: 50, quick: 5 };
const METRICS: PerJob = PerJob::in_unit(Unit::Microseconds);

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "one worker kills itself by SIGKILL; until the first result of the next one",
        ranked_by: METRICS.time,
        contenders: Vec::new(),
    }
}

/// `work` kills so many workers, one after the other.
pub(in super::super) fn measure(bench: &Bench, mut work: impl FnMut(u64)) -> Outcome {
    let deaths = bench.jobs(JOBS);
    let timing = bench.repeat(|| work(deaths), |()| ());
    Ok(METRICS.samples(&timing, deaths))
}
