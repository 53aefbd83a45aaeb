//! Round trips one after another, with or without a gap between them.

use super::super::super::queue::clock;
use super::super::super::queue::meeting::Meeting;
use super::super::super::queue::message::STOP;
use super::super::super::queue::placement::Placement;
use super::super::super::queue::sides::Side;
use super::super::hogs::Hogs;
use super::super::link::{Answerer, Caller, Link};
use super::super::rest;
use crate::harness::{Bench, Case, Metric, Outcome, Sample, Scale, Unit};
use serde::{Deserialize, Serialize};
use std::hint;
use std::sync::Arc;
use std::time::Duration;

const P50: Metric = Metric::new("p50", Unit::Nanoseconds);
const MEAN: Metric = Metric::new("mean", Unit::Nanoseconds);
const P99: Metric = Metric::new("p99", Unit::Nanoseconds);
/// Of the side that calls, for a round trip; computing in a gap does not count.
const CPU_CALLER: Metric = Metric::new("cpu_caller", Unit::Nanoseconds);
/// Of the side that answers.
const CPU_ANSWERER: Metric = Metric::new("cpu_answerer", Unit::Nanoseconds);

const TRIPS_MAX: usize = 500_000;
const WARM_UP: u64 = 50;

/// Under which circumstances.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Ping {
    pub(in super::super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) placement: Placement,
    pub(super) gap: Gap,
    /// How many processes that never wait run beside.
    pub(super) hogs: usize,
}

/// What the caller does before each round trip.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gap {
    None,
    Busy(Duration),
    Asleep(Duration),
}

/// What a side reports.
#[derive(Debug, Serialize, Deserialize)]
enum Report {
    Caller { p50: f64, mean: f64, p99: f64, cpu: f64, trips: usize },
    Answerer { cpu: u64 },
}

impl Ping {
    pub(super) fn case(&self) -> Case {
        let Self { name, about, .. } = *self;
        // Beside hogs, most round trips are quick and some wait for whole time slices.
        let ranked_by = if self.hogs > 0 { MEAN } else { P50 };
        Case { name, about, ranked_by, contenders: Vec::new() }
    }

    /// Makes round trips through a link of its own, in a process that has done nothing else.
    pub(in super::super) fn measure<K: Link>(&self, bench: &Bench) -> Outcome {
        let Self { gap, .. } = *self;
        let [first, second] = self.placement.cpus()?;
        let time = self.time(bench);
        let link = Arc::new(K::new()?);
        let other = Arc::clone(&link);
        let both = Meeting::new(2);
        let _hogs = Hogs::start(self.hogs);
        let sides = vec![
            Side::new(first, move || call(&*link, both, gap, time)),
            Side::new(second, move || answer(&*other, both)),
        ];
        let reports = K::SIDES.run(sides)?;
        let [Report::Caller { p50, mean, p99, cpu, trips }, Report::Answerer { cpu: answering }] =
            reports[..]
        else {
            unreachable!("a caller and an answerer")
        };
        Ok(Self::samples([p50, mean, p99, cpu, answering as f64 / trips as f64]))
    }

    /// For how long round trips are made; beside hogs, one takes milliseconds at times.
    pub(in super::super) fn time(&self, bench: &Bench) -> Duration {
        Duration::from_millis(match bench.scale {
            Scale::Full if self.hogs > 0 => 1_000,
            Scale::Full => 200,
            Scale::Quick => 30,
        })
    }

    /// What a script is told: the placement, the gap in seconds, how it is spent, the hogs, and for
    /// how long to go on.
    pub(in super::super) fn arguments(&self, bench: &Bench) -> [String; 5] {
        let (gap, how) = match self.gap {
            Gap::None => (Duration::ZERO, "busy"),
            Gap::Busy(gap) => (gap, "busy"),
            Gap::Asleep(gap) => (gap, "asleep"),
        };
        [
            format!("{:?}", self.placement),
            gap.as_secs_f64().to_string(),
            how.to_owned(),
            self.hogs.to_string(),
            self.time(bench).as_secs_f64().to_string(),
        ]
    }

    /// p50, mean, p99, CPU time of the caller and of the answerer, in nanoseconds of a round trip.
    pub(in super::super) fn samples(values: [f64; 5]) -> Vec<Sample> {
        let metrics = [P50, MEAN, P99, CPU_CALLER, CPU_ANSWERER];
        metrics.iter().zip(values).map(|(metric, value)| metric.sample(value)).collect()
    }
}

fn call<K: Link>(link: &K, both: Meeting, gap: Gap, time: Duration) -> Report {
    let mut caller = link.caller();
    (0..WARM_UP).for_each(|number| caller.call(number));
    caller.call(STOP);
    // Touched in advance: a fault of a page would be blamed on a round trip.
    let mut trips = vec![u64::MAX; TRIPS_MAX];
    both.meet();

    let (begin, cpu) = (clock::now(), K::SIDES.cpu_time());
    let until = begin + time.as_nanos() as u64;
    let (mut count, mut computed, mut now) = (0, 0, begin);
    while now < until && count < TRIPS_MAX {
        let start = match gap {
            Gap::None => now,
            Gap::Busy(gap) => {
                let end = compute(now, gap);
                computed += end - now;
                end
            }
            Gap::Asleep(gap) => {
                rest(gap);
                clock::now()
            }
        };
        caller.call(count as u64);
        now = clock::now();
        trips[count] = now - start;
        count += 1;
    }
    let cpu = (K::SIDES.cpu_time() - cpu).saturating_sub(computed);
    caller.call(STOP);
    both.meet();

    trips.truncate(count);
    trips.sort_unstable();
    Report::Caller {
        p50: trips[count / 2] as f64,
        mean: trips.iter().sum::<u64>() as f64 / count as f64,
        p99: trips[(count * 99).div_ceil(100) - 1] as f64,
        cpu: cpu as f64 / count as f64,
        trips: count,
    }
}

/// Keeps the CPU busy without a system call; gives the time at which it was done.
fn compute(begin: u64, gap: Duration) -> u64 {
    loop {
        let now = clock::now();
        if now >= begin + gap.as_nanos() as u64 {
            return now;
        }
        hint::spin_loop();
    }
}

fn answer<K: Link>(link: &K, both: Meeting) -> Report {
    let mut answerer = link.answerer();
    while answerer.answer() != STOP {}
    both.meet();
    let cpu = K::SIDES.cpu_time();
    while answerer.answer() != STOP {}
    let cpu = K::SIDES.cpu_time() - cpu;
    both.meet();
    Report::Answerer { cpu }
}
