//! Clocks that processes share, and what a side has used of its CPU.

use super::lane::Sides;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Nanoseconds of the clock that is the same in every process.
#[inline]
pub(in crate::groups) fn now() -> u64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock).expect("Linux has this clock");
    Duration::from(time).as_nanos() as u64
}

impl Sides {
    /// Nanoseconds of CPU time that the calling side has used: with all of its threads, if it is a
    /// process.
    pub(in crate::groups) fn cpu_time(self) -> u64 {
        nanoseconds(match self {
            Self::Processes => ClockId::CLOCK_PROCESS_CPUTIME_ID,
            Self::Threads => ClockId::CLOCK_THREAD_CPUTIME_ID,
        })
    }

    /// How often the calling side has given up its CPU in order to wait.
    pub(in crate::groups) fn voluntary_switches(self) -> u64 {
        let who = match self {
            Self::Processes => UsageWho::RUSAGE_SELF,
            Self::Threads => UsageWho::RUSAGE_THREAD,
        };
        let usage: Usage = getrusage(who).expect("Linux counts it");
        u64::try_from(usage.voluntary_context_switches()).expect("a count")
    }
}
