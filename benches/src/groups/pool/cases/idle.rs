//! A pool that has worked and has nothing to do: what does it cost that it is there?

use super::super::super::latency::rest;
use crate::harness::{Bench, Case, Metric, Outcome, Sample, Scale, Unit, children_of};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::fs;
use std::ops::{Add, Sub};
use std::time::Duration;

pub(in super::super) const NAME: &str = "idle";

const CPU: Metric = Metric::new("cpu", Unit::Microseconds);
const CPU_PARENT: Metric = Metric::new("cpu_parent", Unit::Microseconds);
const SWITCHES: Metric = Metric::new("voluntary", Unit::Switches);
const SWITCHES_PARENT: Metric = Metric::new("voluntary_parent", Unit::Switches);

/// A pool may be busy for so long after its last job: somebody may come with another.
const SETTLING: Duration = Duration::from_millis(250);

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "two workers that have worked, and nothing to do for 10 s",
        ranked_by: CPU,
        contenders: Vec::new(),
    }
}

/// For how long there is nothing to do.
pub(in super::super) fn time(bench: &Bench) -> Duration {
    match bench.scale {
        Scale::Full => Duration::from_secs(10),
        Scale::Quick => Duration::from_secs(1),
    }
}

/// Microseconds of CPU time, and how often somebody gave up a CPU: the threads of the pool in the
/// parent, and all processes that the parent has started.
pub(in super::super) fn samples([parent, others]: [Usage; 2]) -> Vec<Sample> {
    let all = parent + others;
    vec![
        CPU.sample(all.micros),
        SWITCHES.sample(all.switches),
        CPU_PARENT.sample(parent.micros),
        SWITCHES_PARENT.sample(parent.switches),
    ]
}

/// `work` squares all numbers below its argument by a pool that outlives this call, and gives the
/// sum.
///
/// The caller's thread is the main thread of a process without threads and children of others.
pub(in super::super) fn measure(bench: &Bench, work: impl Fn(u64) -> u64) -> Outcome {
    const JOBS: u64 = 100;
    assert_eq!(work(JOBS), (0..JOBS).map(|n| n * n).sum::<u64>(), "a wrong sum");
    rest(SETTLING);
    let family = descendants(Pid::this());
    let (parent, others) = (Usage::of_other_threads(), Usage::of_all(&family));
    rest(time(bench));
    let parent = Usage::of_other_threads() - parent;
    let others = Usage::of_all(&family) - others;
    assert_eq!(descendants(Pid::this()), family, "a process came or went");
    Ok(samples([parent, others]))
}

/// What somebody has used.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Usage {
    /// Of CPU time.
    pub(in super::super) micros: f64,
    /// Voluntary context switches.
    pub(in super::super) switches: f64,
}

impl Usage {
    /// Of a process with all its threads.
    fn of(pid: Pid) -> Self {
        let clock = clock_getcpuclockid(pid).expect("it lives");
        let switches = threads(pid).map(|thread| switches(pid, thread)).sum();
        Self { micros: micros(clock), switches }
    }

    fn of_all(pids: &[Pid]) -> Self {
        pids.iter().map(|pid| Self::of(*pid)).fold(Self::default(), Self::add)
    }

    /// Of the threads of this process without the calling one, which is the main thread.
    fn of_other_threads() -> Self {
        let own = Pid::this();
        let others = threads(own).filter(|thread| *thread != own);
        let usage =
            |thread| Self { micros: micros(clock_of(thread)), switches: switches(own, thread) };
        others.map(usage).fold(Self::default(), Self::add)
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { micros: self.micros + other.micros, switches: self.switches + other.switches }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { micros: self.micros - other.micros, switches: self.switches - other.switches }
    }
}

fn micros(clock: ClockId) -> f64 {
    Duration::from(clock_gettime(clock).expect("the process lives")).as_secs_f64() * 1e6
}

/// The CPU time of a thread of this process: what `pthread_getcpuclockid` makes of its number.
fn clock_of(thread: Pid) -> ClockId {
    const SCHEDULED_PER_THREAD: i32 = 6;
    ClockId::from_raw((!thread.as_raw() << 3) | SCHEDULED_PER_THREAD)
}

fn threads(of: Pid) -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir(format!("/proc/{of}/task")).expect("it lives");
    let names = entries.map(|entry| entry.expect("a folder can be read").file_name());
    names.map(|name| Pid::from_raw(name.to_string_lossy().parse().expect("its number")))
}

/// How often a thread has given up its CPU in order to wait.
fn switches(of: Pid, thread: Pid) -> f64 {
    let status = format!("/proc/{of}/task/{thread}/status");
    let status = fs::read_to_string(status).expect("it lives");
    let value = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    value.and_then(|value| value.trim().parse().ok()).expect("Linux counts them")
}

/// Children, their children, and so on: workers, and who starts them.
fn descendants(of: Pid) -> Vec<Pid> {
    let mut family = children_of(of);
    let mut looked_at = 0;
    while let Some(next) = family.get(looked_at).copied() {
        family.extend(children_of(next));
        looked_at += 1;
    }
    family.sort_unstable();
    family
}
