//! What there is to measure, as data.

use super::{Bench, Metric, Sample};

/// Cases that belong together, like `thread_pool`.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) cases: Vec<Case>,
}

/// One piece of work that several contenders do.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The metric that the table is sorted by and that ratios are made of; less is better.
    pub(crate) ranked_by: Metric,
    pub(crate) contenders: Vec<Contender>,
}

/// One way to do the work of a case.
///
/// Names: ours begin with `conc`, hand-written limits with `limit`, a rival has the name of its
/// crate or system.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// What exactly is called, for `--list`.
    pub(crate) how: &'static str,
    pub(crate) entry: Entry,
}

/// What stands behind a contender's name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry {
    Runs(fn(&Bench) -> Outcome),
    /// Runs in a copy of this program, a fresh one each time, which runs nothing else.
    RunsAlone(fn(&Bench) -> Outcome),
    /// Known from the start that it cannot run, and why.
    Absent,
}

/// What one round of one contender gave.
pub(crate) type Outcome = Result<Vec<Sample>, Missing>;

/// Why a contender cannot run on this machine.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

impl Group {
    /// Adds a contender to one of the cases.
    ///
    /// # Panics
    ///
    /// If there is no such case: a mistake in the registration.
    pub(crate) fn add(&mut self, case: &str, contender: Contender) {
        let found = self.cases.iter_mut().find(|known| known.name == case);
        let Some(found) = found else { panic!("group {} has no case {case}", self.name) };
        found.contenders.push(contender);
    }
}

impl Contender {
    pub(crate) fn new(name: &'static str, how: &'static str, run: fn(&Bench) -> Outcome) -> Self {
        Self { name, how, entry: Entry::Runs(run) }
    }

    /// A contender whose figures depend on the process that it runs in: `run` is called in a
    /// process of its own.
    #[cfg(target_os = "linux")]
    pub(crate) fn alone(name: &'static str, how: &'static str, run: fn(&Bench) -> Outcome) -> Self {
        Self { name, how, entry: Entry::RunsAlone(run) }
    }

    /// A contender that a reader would look for and that cannot run; `reason` says why.
    pub(crate) fn absent(name: &'static str, reason: &'static str) -> Self {
        Self { name, how: reason, entry: Entry::Absent }
    }

    /// Whether this is one of ours.
    pub(crate) fn is_ours(name: &str) -> bool {
        name.starts_with("conc")
    }
}
