//! From the command line to the tables.

use crate::cli::Arguments;
use crate::groups;
use crate::harness::{self, Plan, Scale, Selected, Selection, UsageError};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use thiserror::Error;

const ROUNDS: usize = 5;
const ROUNDS_QUICK: usize = 3;

/// Why the program ends early.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error("cannot write {}: {source}", path.display())]
    Json { path: PathBuf, source: io::Error },
    #[error("cannot write the tables: {0}")]
    Console(#[from] io::Error),
}

impl Failure {
    /// 2 for what was asked wrongly, 1 for what went wrong.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::Usage(_)) { 2 } else { 1 })
    }

    /// Whether the reader of the tables has had enough (`| head`).
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Console(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Lists or measures what the arguments ask for.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let groups = groups::all();
    let selection = Selection {
        group: arguments.group.as_deref(),
        cases: &arguments.cases,
        contender: arguments.contender.as_deref(),
    };
    let selected = selection.apply(&groups)?;
    if arguments.list {
        return Ok(harness::write_list(&mut io::stdout().lock(), &selected)?);
    }
    let mut json = arguments.json.clone().map(JsonFile::create).transpose()?;
    let plan = plan(arguments);
    writeln!(io::stdout(), "{plan}")?;
    for Selected { group, case, contenders } in selected {
        let report = harness::run_case(&plan, group.name, case, &contenders);
        if let Some(json) = &mut json {
            json.append(&report.json_lines(group.name))?;
        }
        report.write_table(&mut io::stdout().lock(), group.name)?;
    }
    Ok(())
}

fn plan(arguments: &Arguments) -> Plan {
    let (scale, default) =
        if arguments.quick { (Scale::Quick, ROUNDS_QUICK) } else { (Scale::Full, ROUNDS) };
    Plan { scale, rounds: arguments.rounds.map_or(default, usize::from) }
}

/// Opened before anything is measured, so that a wrong path costs no time.
struct JsonFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl JsonFile {
    fn create(path: PathBuf) -> Result<Self, Failure> {
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file) }),
            Err(source) => Err(Failure::Json { path, source }),
        }
    }

    /// Flushed after each case: what has been measured survives a contender that panics later.
    fn append(&mut self, lines: &str) -> Result<(), Failure> {
        self.file
            .write_all(lines.as_bytes())
            .and_then(|()| self.file.flush())
            .map_err(|source| Failure::Json { path: self.path.clone(), source })
    }
}
