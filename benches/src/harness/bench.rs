//! Repeats a piece of work under the clock.

use super::Timing;
use super::cpu_time::cpu_time;
use std::time::{Duration, Instant};

/// How much work a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Enough to be compared.
    Full,
    /// Enough to see that it works.
    Quick,
}

/// A number of jobs at each scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jobs {
    pub(crate) full: u64,
    pub(crate) quick: u64,
}

/// What a contender gets: how much to do, and the clock to do it under.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) scale: Scale,
    /// Repetitions go on until so much time has passed; zero for exactly one.
    pub(crate) at_least: Duration,
}

impl Bench {
    /// How many of these jobs to run.
    pub(crate) fn jobs(&self, jobs: Jobs) -> u64 {
        match self.scale {
            Scale::Full => jobs.full,
            Scale::Quick => jobs.quick,
        }
    }

    /// Repeats `work` under the clock; `check` looks at each result outside of it.
    pub(crate) fn repeat<R>(
        &self,
        mut work: impl FnMut() -> R,
        mut check: impl FnMut(R),
    ) -> Timing {
        let begin = Instant::now();
        let mut walls = Vec::new();
        let mut cpu = Duration::ZERO;
        loop {
            let (wall_before, cpu_before) = (Instant::now(), cpu_time());
            let result = work();
            walls.push(wall_before.elapsed());
            cpu += cpu_time().saturating_sub(cpu_before);
            check(result);
            if begin.elapsed() >= self.at_least {
                break;
            }
        }
        let first = walls[0];
        let cpu = cpu.div_f64(walls.len() as f64);
        walls.sort_unstable();
        Timing { first, typical: walls[walls.len() / 2], cpu }
    }
}
