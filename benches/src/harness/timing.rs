//! What came out of repeating a piece of work under the clock.

use super::{Metric, Sample, Unit};
use std::time::Duration;

/// The times of one repetition of some work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// The first repetition: workers asleep, memory untouched.
    pub(crate) first: Duration,
    /// The median of all repetitions.
    pub(crate) typical: Duration,
    /// CPU time of all threads, the mean of all repetitions.
    pub(crate) cpu: Duration,
}

/// The metrics of work that consists of jobs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerJob {
    pub(crate) time: Metric,
    first: Metric,
    cpu: Metric,
}

impl PerJob {
    pub(crate) const fn in_unit(unit: Unit) -> Self {
        Self {
            time: Metric::new("time_per_job", unit),
            first: Metric::new("first_per_job", unit),
            cpu: Metric::new("cpu_per_job", unit),
        }
    }

    /// The samples of a repetition of `jobs` jobs.
    pub(crate) fn samples(&self, timing: &Timing, jobs: u64) -> Vec<Sample> {
        let each = |metric: Metric, whole: Duration| {
            let sample = metric.sample_time(whole);
            metric.sample(sample.value / jobs as f64)
        };
        vec![
            each(self.time, timing.typical),
            each(self.first, timing.first),
            each(self.cpu, timing.cpu),
        ]
    }
}
