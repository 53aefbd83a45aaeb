//! One process after another, by a parent of a certain size.

use super::super::ballast;
use super::START_TO_RESULT;
use crate::harness::{Bench, Case, Jobs, Metric, Outcome, Sample, Unit};
use std::time::Instant;

const P99: Metric = Metric::new("p99", Unit::Microseconds);
/// The whole series by its number: what a process leaves to be done later counts here.
const MEAN: Metric = Metric::new("mean", Unit::Microseconds);

/// How big the parent is, and how many processes it starts.
#[derive(Debug)]
pub(in super::super) struct Parent {
    pub(in super::super) name: &'static str,
    about: &'static str,
    pub(in super::super) mebibytes: usize,
    pub(in super::super) starts: Jobs,
}

pub(in super::super) const TEN_MB: Parent = Parent {
    name: "parent_10mb",
    about: "1,000 in a row by a parent of 10 MiB; \
            targets: 0.8 x limit_fork_wait, 0.25 x procspawn",
    mebibytes: 10,
    starts: Jobs { full: 1_000, quick: 50 },
};

pub(in super::super) const ONE_GB: Parent = Parent {
    name: "parent_1gb",
    about: "100 in a row by a parent of 1 GiB in 4 KiB pages; \
            targets: 0.05 x limit_fork_wait, 0.25 x procspawn",
    mebibytes: 1 << 10,
    starts: Jobs { full: 100, quick: 10 },
};

impl Parent {
    pub(super) fn case(&self) -> Case {
        Case {
            name: self.name,
            about: self.about,
            ranked_by: START_TO_RESULT,
            contenders: Vec::new(),
        }
    }

    /// `start` starts a process, waits for its end or result, and panics if that is wrong. The
    /// first start of all is not timed: `cold` has it.
    pub(in super::super) fn measure(&self, bench: &Bench, mut start: impl FnMut()) -> Outcome {
        ballast::load(self.mebibytes);
        start();
        let starts = bench.jobs(self.starts) as usize;
        let mut micros = Vec::with_capacity(starts);
        for _ in 0..starts {
            let begin = Instant::now();
            start();
            micros.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        Ok(samples(micros))
    }
}

/// The metrics of a series of starts, given in microseconds.
pub(in super::super) fn samples(mut micros: Vec<f64>) -> Vec<Sample> {
    let mean = micros.iter().sum::<f64>() / micros.len() as f64;
    micros.sort_unstable_by(f64::total_cmp);
    let rank = (micros.len() * 99).div_ceil(100);
    vec![
        START_TO_RESULT.sample(micros[micros.len() / 2]),
        P99.sample(micros[rank - 1]),
        MEAN.sample(mean),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_is_slower_than_p99() {
        let samples = samples((1..=1_000).rev().map(f64::from).collect());
        let values: Vec<_> = samples.iter().map(|sample| sample.value).collect();
        assert_eq!(values, [501.0, 990.0, 500.5]);
    }
}
