//! A few long jobs among many short ones: whoever hands out too much at once waits in the end.

use super::super::{WORKERS, spin};
use crate::harness::{Bench, Case, Jobs, Metric, Outcome, Unit};
use std::time::{Duration, Instant};

pub(in crate::groups) const NAME: &str = "skewed";
pub(in crate::groups) const JOBS: Jobs = Jobs { full: 20_000, quick: 4_000 };

/// One job of so many is long.
const BLOCK: u64 = 1_000;
const LONG: Duration = Duration::from_millis(5);
const SHORT: Duration = Duration::from_micros(1);

const MAKESPAN: Metric = Metric::new("makespan", Unit::Milliseconds);
const TO_IDEAL: Metric = Metric::new("to_ideal", Unit::Ratio);
const CPU: Metric = Metric::new("cpu", Unit::Milliseconds);

pub(in crate::groups) fn case() -> Case {
    Case {
        name: NAME,
        about: "20,000 jobs of 1 us, but 1 in 1,000 takes 5 ms; ideal = the serial sum / 2",
        ranked_by: MAKESPAN,
        contenders: Vec::new(),
    }
}

/// The job: busy for its time, gives its index back.
pub(in crate::groups) fn job(index: u64) -> u64 {
    spin::busy_for(if is_long(index) { LONG } else { SHORT });
    index
}

/// How much work a microsecond is. For workers in processes of their own, which would each find out
/// for themselves, and during their first job; see [`set_pace`].
pub(in crate::groups) fn pace() -> f64 {
    spin::pace()
}

/// Takes over the [`pace`] of the process whose serial sum counts.
pub(in crate::groups) fn set_pace(pace: f64) {
    spin::set_pace(pace);
}

/// Exactly one of each block, always the same one, at a place that no chunk size can like.
fn is_long(index: u64) -> bool {
    // Knuth's multiplicative hash; the upper half is the mixed one.
    let hash = (index / BLOCK + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    index % BLOCK == hash % BLOCK
}

/// `work` runs [`job`] for all indexes below its argument and gives the sum of the indexes.
pub(in crate::groups) fn measure(bench: &Bench, mut work: impl FnMut(u64) -> u64) -> Outcome {
    let jobs = bench.jobs(JOBS);
    // What a process finds out once is no part of the sum.
    pace();
    // Measured next to the contender, so that both see the same clock rate of the machine.
    let serial = Instant::now();
    let expected: u64 = (0..jobs).map(job).sum();
    let ideal = serial.elapsed() / WORKERS as u32;
    let timing = bench.repeat(|| work(jobs), |sum| assert_eq!(sum, expected, "a wrong sum"));
    Ok(vec![
        MAKESPAN.sample_time(timing.typical),
        TO_IDEAL.sample(timing.typical.as_secs_f64() / ideal.as_secs_f64()),
        CPU.sample_time(timing.cpu),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_of_each_block_is_long() {
        let block = |block: u64| (block * BLOCK..(block + 1) * BLOCK).filter(|i| is_long(*i));
        assert!((0..20).all(|number| block(number).count() == 1));
        let places: Vec<_> = (0..20).flat_map(block).map(|index| index % BLOCK).collect();
        assert!(places.windows(2).all(|pair| pair[0] != pair[1]), "{places:?}");
    }
}
