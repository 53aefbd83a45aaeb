//! `conc` beside its rivals: one binary, every contender in the same run.
//!
//! `cargo run --release -p conc-bench -- --list` says what there is; `README.md` says how a figure
//! comes about and how to add a group, a case or a contender.
//!
//! | folder or file | holds |
//! |---|---|
//! | `harness` | what knows nothing of any contender: registry, rounds, figures, tables |
//! | `groups` | the contenders, a folder for each group |
//! | `cli` | the command line |
//! | `app` | from the command line to the tables |

mod app;
mod cli;
mod groups;
mod harness;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The copies that `procspawn` starts end here.
    #[cfg(all(feature = "rivals", target_os = "linux"))]
    procspawn::init();

    if let Some(arguments) = harness::asked_for() {
        return harness::play(&arguments, &groups::all());
    }
    let arguments = cli::Arguments::parse();
    match app::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conc-bench: {error}");
            error.exit_code()
        }
    }
}
