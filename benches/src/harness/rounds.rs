//! Runs the contenders of a case: warm-up, interleaved rounds, repeats of disturbed runs.

use super::disturbance::Watch;
use super::own_process::run_alone;
use super::watchdog::Watchdog;
use super::{Bench, Case, Contender, Entry, Missing, Outcome, Report, Round, Row, Scale};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// A run is repeated so often, if it is disturbed again and again.
const REPEATS: usize = 2;

/// How long and how often to measure.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) scale: Scale,
    pub(crate) rounds: usize,
}

impl Plan {
    fn warm_up(&self) -> Bench {
        Bench { scale: self.scale, at_least: Duration::ZERO }
    }

    fn timed(&self) -> Bench {
        let millis = match self.scale {
            Scale::Full => 300,
            Scale::Quick => 30,
        };
        Bench { scale: self.scale, at_least: Duration::from_millis(millis) }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let scale = match self.scale {
            Scale::Full => "",
            Scale::Quick => ", quick: not to be compared",
        };
        write!(f, "{cpus} CPUs, 1 warm-up round, {} timed rounds{scale}", self.rounds)
    }
}

/// Runs each contender once per round, in reverse order every other round.
pub(crate) fn run_case(
    plan: &Plan,
    group: &'static str,
    case: &Case,
    contenders: &[&Contender],
) -> Report {
    let mut report = Report::new(case);
    let mut runners = Vec::new();
    for contender in contenders {
        match contender.entry {
            Entry::Absent => report.skip(contender.name, contender.how),
            entry => {
                let row = Row::new(contender.name);
                let runner = Runner { group, case: case.name, entry, row, given_up: None };
                match runner.run_once(&plan.warm_up(), "warm-up") {
                    Ok(_) => runners.push(runner),
                    Err(missing) => report.skip(contender.name, &missing.0),
                }
            }
        }
    }
    let bench = plan.timed();
    for round in 1..=plan.rounds {
        // What one contender leaves behind must not always fall on the same other one.
        let mut order: Vec<_> = runners.iter_mut().collect();
        if round % 2 == 0 {
            order.reverse();
        }
        for runner in order.into_iter().filter(|runner| runner.given_up.is_none()) {
            runner.run_round(&bench, &format!("round {round}/{}", plan.rounds));
        }
    }
    progress("");
    for Runner { row, given_up, .. } in runners {
        match given_up {
            None => report.rows.push(row),
            Some(reason) => report.skip(row.name, &reason),
        }
    }
    report
}

/// A contender that can run, and what it has given so far.
struct Runner {
    group: &'static str,
    case: &'static str,
    entry: Entry,
    row: Row,
    /// Why it has gone missing since the warm-up. What it gave until then does not count.
    given_up: Option<String>,
}

impl Runner {
    fn run_once(&self, bench: &Bench, stage: &str) -> Outcome {
        progress(&format!("{}: {}, {stage}", self.case, self.row.name));
        let _watchdog = Watchdog::watch(self.case, self.row.name);
        match self.entry {
            Entry::Runs(run) => run(bench),
            Entry::RunsAlone(_) => run_alone(bench, [self.group, self.case, self.row.name]),
            Entry::Absent => unreachable!("has no runner"),
        }
    }

    /// Repeats a disturbed run; if no try is clean, the last one stands and is marked.
    fn run_round(&mut self, bench: &Bench, stage: &str) {
        let mut tries = 0;
        loop {
            match self.measured(bench, stage) {
                Err(missing) => {
                    self.given_up = Some(format!("in {stage}: {}", missing.0));
                    return;
                }
                Ok(round) if round.is_disturbed && tries < REPEATS => tries += 1,
                Ok(round) => {
                    self.row.rounds.push(round);
                    return;
                }
            }
        }
    }

    fn measured(&self, bench: &Bench, stage: &str) -> Result<Round, Missing> {
        let watch = Watch::start();
        let samples = self.run_once(bench, stage)?;
        Ok(Round { samples, is_disturbed: watch.is_disturbed() })
    }
}

/// Shows a person what runs at the moment; an empty text wipes it away.
fn progress(text: &str) {
    let mut stderr = io::stderr().lock();
    if stderr.is_terminal() {
        // Progress is a courtesy: if it cannot be shown, the figures count all the same.
        let _ = write!(stderr, "\r\x1b[K{text}");
        let _ = stderr.flush();
    }
}
