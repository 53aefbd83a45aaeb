//! Jobs that wait for jobs, far more levels deep than there are workers.

use crate::harness::{Bench, Case, Jobs, Metric, Outcome, Sample, Unit};

pub(in crate::groups) const NAME: &str = "nested";
pub(in crate::groups) const LEVELS: Jobs = Jobs { full: 1_000, quick: 1_000 };

pub(in crate::groups) const PEAK_THREADS: Metric = Metric::new("peak_threads", Unit::Threads);
pub(in crate::groups) const PEAK_STACK: Metric = Metric::new("peak_stack", Unit::Kibibytes);
const TIME: Metric = Metric::new("time", Unit::Milliseconds);
const FIRST: Metric = Metric::new("first", Unit::Milliseconds);
const CPU: Metric = Metric::new("cpu", Unit::Milliseconds);

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "a job that submits a job and joins it, 1,000 levels deep, on two workers",
        ranked_by: TIME,
        contenders: Vec::new(),
    }
}

/// `work` goes so many levels down and gives the number of levels it saw; `extra` reports what
/// else the pool knows afterwards.
pub(in crate::groups) fn measure(
    bench: &Bench,
    mut work: impl FnMut(u64) -> u64,
    extra: impl FnOnce() -> Vec<Sample>,
) -> Outcome {
    let levels = bench.jobs(LEVELS);
    let timing = bench.repeat(|| work(levels), |seen| assert_eq!(seen, levels, "levels got lost"));
    let mut samples = vec![
        TIME.sample_time(timing.typical),
        FIRST.sample_time(timing.first),
        CPU.sample_time(timing.cpu),
    ];
    samples.extend(extra());
    Ok(samples)
}
