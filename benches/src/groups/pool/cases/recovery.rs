//! How long until a pool is as it was after a worker has died?

use crate::harness::{Bench, Case, Jobs, Outcome, PerJob, Unit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(in super::super) const NAME: &str = "recovery";
const JOBS: Jobs = Jobs { full: 50, quick: 5 };
const METRICS: PerJob = PerJob::in_unit(Unit::Microseconds);

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "a job kills the one worker by SIGKILL; until the next worker's first result is here",
        ranked_by: METRICS.time,
        contenders: Vec::new(),
    }
}

/// The job that does not come back.
pub(in super::super) fn die(number: u64) -> u64 {
    kill(Pid::this(), Signal::SIGKILL).expect("it is this process");
    number
}

/// `work` kills so many workers, one after the other.
pub(in super::super) fn measure(bench: &Bench, mut work: impl FnMut(u64)) -> Outcome {
    let deaths = bench.jobs(JOBS);
    let timing = bench.repeat(|| work(deaths), |()| ());
    Ok(METRICS.samples(&timing, deaths))
}
