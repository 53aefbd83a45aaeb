//! Contenders that need a process of their own: one that is as big as the case wants it, or that
//! has not started anything yet.
//!
//! This program starts itself as `conc-bench __run GROUP CASE CONTENDER SCALE MILLISECONDS`. The copy
//! finds the contender in the registry, runs it once and prints its samples as JSON. A contender that
//! repeats its work does so for the given time in one copy; any other gets a fresh copy each time.

use super::offspring::{Failure, output};
use super::{Bench, Entry, Group, Metric, Missing, Outcome, Sample, Scale, Unit};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// The first argument of a copy.
const RUN: &str = "__run";

const FULL: &str = "full";
const QUICK: &str = "quick";

/// A sample on its way.
#[derive(Debug, Serialize, Deserialize)]
struct Sent {
    metric: String,
    unit: Unit,
    value: f64,
}

/// What stands behind the name of a contender.
type Run = fn(&Bench) -> Outcome;

/// What a copy prints; the error is why the contender is missing.
type Answer = Result<Vec<Sent>, String>;

/// Runs a contender, named by group, case and name, in copies of this program.
pub(super) fn run_alone(bench: &Bench, name: [&str; 3]) -> Outcome {
    let scale = match bench.scale {
        Scale::Full => FULL,
        Scale::Quick => QUICK,
    };
    let millis = bench.at_least.as_millis().to_string();
    repeat(bench, || run_copy(name, scale, &millis))
}

/// Repeats whole runs as [`Bench::repeat`] repeats work: the median of each metric.
pub(crate) fn repeat(bench: &Bench, mut run: impl FnMut() -> Outcome) -> Outcome {
    let begin = Instant::now();
    let mut runs = Vec::new();
    loop {
        runs.push(run()?);
        if begin.elapsed() >= bench.at_least {
            break;
        }
    }
    Ok(medians(&runs))
}

/// The median of each metric of the first run over all runs.
fn medians(runs: &[Vec<Sample>]) -> Vec<Sample> {
    let median = |metric: Metric| {
        let samples = runs.iter().flatten().filter(|sample| sample.metric == metric);
        let mut values: Vec<f64> = samples.map(|sample| sample.value).collect();
        values.sort_unstable_by(f64::total_cmp);
        metric.sample(values[values.len() / 2])
    };
    runs[0].iter().map(|sample| median(sample.metric)).collect()
}

/// # Panics
///
/// If the copy cannot be started or fails.
fn run_copy(name: [&str; 3], scale: &str, millis: &str) -> Outcome {
    let program = std::env::current_exe().expect("a program knows where it is");
    let output = match output(Command::new(program).arg(RUN).args(name).args([scale, millis])) {
        Ok(output) => output,
        Err(hangs @ Failure::Hangs(_)) => return Err(Missing(hangs.to_string())),
        Err(Failure::NotRun(error)) => panic!("a program can start itself: {error}"),
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name:?} failed ({}):\n{errors}", output.status);
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{name:?} printed no samples: {error}"));
    let received = |Sent { metric, unit, value }| {
        // A few bytes for each run: names of metrics live as long as the program.
        let metric: &'static str = metric.leak();
        Metric::new(metric, unit).sample(value)
    };
    answer.map(|sent| sent.into_iter().map(received).collect()).map_err(Missing)
}

/// The arguments after [`RUN`], if this is a copy that shall run a contender.
pub(crate) fn asked_for() -> Option<Vec<String>> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next()? == RUN).then(|| arguments.collect())
}

/// Runs the contender that the arguments name, and prints its samples.
pub(crate) fn play(arguments: &[String], groups: &[Group]) -> ExitCode {
    end_with_parent();
    let Some((run, bench)) = find(arguments, groups) else {
        eprintln!("conc-bench: {RUN} is for conc-bench's own use");
        return ExitCode::from(2);
    };
    let send = |sample: Sample| Sent {
        metric: sample.metric.name.to_owned(),
        unit: sample.metric.unit,
        value: sample.value,
    };
    let answer: Answer = match run(&bench) {
        Ok(samples) => Ok(samples.into_iter().map(send).collect()),
        Err(missing) => Err(missing.0),
    };
    let text = serde_json::to_string(&answer).expect("names and numbers can be encoded");
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A copy that hangs must not outlive the watchdog that ends the program.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::{prctl, signal::Signal};

        // A courtesy: without it, the figures are the same.
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    }
}

fn find(arguments: &[String], groups: &[Group]) -> Option<(Run, Bench)> {
    let [group, case, contender, scale, millis] = arguments else { return None };
    let group = groups.iter().find(|known| known.name == group)?;
    let case = group.cases.iter().find(|known| known.name == case)?;
    let contender = case.contenders.iter().find(|known| known.name == contender)?;
    let scale = match &**scale {
        FULL => Scale::Full,
        QUICK => Scale::Quick,
        _ => return None,
    };
    let at_least = Duration::from_millis(millis.parse().ok()?);
    match contender.entry {
        Entry::RunsAlone(run) => Some((run, Bench { scale, at_least })),
        Entry::Runs(_) | Entry::Absent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Metric = Metric::new("time", Unit::Microseconds);

    #[test]
    fn repeated_runs_give_the_median_of_each_metric() {
        let pss = Metric::new("pss", Unit::Kibibytes);
        let run = |time, size| vec![TIME.sample(time), pss.sample(size)];
        let merged = medians(&[run(9.0, 4.0), run(1.0, 6.0), run(2.0, 5.0)]);
        let values: Vec<_> = merged.iter().map(|sample| sample.value).collect();
        assert_eq!(values, [2.0, 5.0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_contenders_that_run_alone_are_found() {
        let find = |line: &str| {
            let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
            find(&arguments, &crate::groups::all()).is_some()
        };
        assert!(find("spawn parent_10mb conc_fork_server quick 30"));
        assert!(!find("spawn parent_10mb conc_fork_server fast 30"));
        assert!(!find("thread_pool heavy rayon quick 30"));
        assert!(!find("spawn"));
    }
}
