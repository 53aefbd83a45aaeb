//! How much of the machine other processes used during a run.
//!
//! A competing process does not slow all contenders alike: two threads on one remaining core can
//! even look *faster* under contention. So a disturbed run is repeated, not averaged away.

use std::fs;
use std::time::{Duration, Instant};

/// Linux counts CPU time for user space in hundredths of a second on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// The share of one CPU that others may use in a run that counts.
const SHARE_MAX: f64 = 0.10;

/// The counters advance by whole ticks, and the two files do not advance together: a run of a few
/// milliseconds must not be blamed for that.
const GRACE: Duration = Duration::from_millis(20);

/// Busy ticks of the whole machine and of this process with its ended children.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    machine: u64,
    own: u64,
}

/// Watches others from [`start`](Self::start) on.
#[derive(Debug)]
pub(super) struct Watch {
    begin: Instant,
    /// `None` where there is no `/proc`: nothing is known, nothing is disturbed.
    before: Option<Ticks>,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { begin: Instant::now(), before: Ticks::read() }
    }

    /// Whether others used more of the machine than a run that counts allows.
    pub(super) fn is_disturbed(&self) -> bool {
        let (Some(before), Some(after)) = (self.before, Ticks::read()) else { return false };
        let others = others(before, after);
        others > self.begin.elapsed().mul_f64(SHARE_MAX) + GRACE
    }
}

fn others(before: Ticks, after: Ticks) -> Duration {
    let machine = after.machine.saturating_sub(before.machine);
    let own = after.own.saturating_sub(before.own);
    Duration::from_secs_f64(machine.saturating_sub(own) as f64 / TICKS_PER_SECOND)
}

impl Ticks {
    fn read() -> Option<Self> {
        let machine = machine(&fs::read_to_string("/proc/stat").ok()?)?;
        let own = own(&fs::read_to_string("/proc/self/stat").ok()?)?;
        Some(Self { machine, own })
    }
}

/// `cpu  user nice system idle iowait irq softirq steal guest guest_nice`; guests are part of user
/// and nice already. Stolen time is time that somebody else used.
fn machine(stat: &str) -> Option<u64> {
    let first = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = first.split_whitespace().map_while(|n| n.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = fields[..] else {
        return None;
    };
    Some(user + nice + system + irq + softirq + steal)
}

/// Fields 14 to 17 of `/proc/PID/stat`: utime, stime, cutime, cstime. The name in field 2 may hold
/// anything, so counting begins after its closing bracket, at field 3.
fn own(stat: &str) -> Option<u64> {
    const UTIME_AFTER_NAME: usize = 14 - 3;
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u64> = fields
        .split_whitespace()
        .skip(UTIME_AFTER_NAME)
        .take(4)
        .map_while(|n| n.parse().ok())
        .collect();
    (times.len() == 4).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_time_of_the_machine_leaves_out_idle_and_guests() {
        let stat = "cpu  100 20 30 9999 888 4 5 6 70 7\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(machine(stat), Some(165));
        assert_eq!(machine("intr 1 2"), None);
    }

    #[test]
    fn a_process_name_may_hold_brackets_and_spaces() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99";
        assert_eq!(own(stat), Some(100));
        assert_eq!(own("7 (a) S 1"), None);
    }

    #[test]
    fn only_the_others_count() {
        let before = Ticks { machine: 1_000, own: 100 };
        let after = Ticks { machine: 1_070, own: 150 };
        assert_eq!(others(before, after), Duration::from_millis(200));
        let own_runs_ahead = Ticks { machine: 1_010, own: 150 };
        assert_eq!(others(before, own_runs_ahead), Duration::ZERO);
    }
}
