//! Contenders that run in CPython.

use super::offspring::{Failure, output};
use super::{Bench, Missing, Timing};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io;
use std::process::Command;
use std::time::Duration;

const INTERPRETER: &str = "python3";

/// A Python program that measures itself, so that the start of the interpreter does not count.
///
/// It is called with its own arguments followed by the seconds that it should repeat its work
/// for, checks its results, and prints one line of JSON: `{"first", "typical", "cpu"}`, the
/// seconds of a repetition as in [`Timing`].
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) source: &'static str,
}

#[derive(Debug, Deserialize)]
struct Seconds {
    first: f64,
    typical: f64,
    cpu: f64,
}

impl Script {
    /// Runs the program.
    ///
    /// # Panics
    ///
    /// If the program fails, or prints something else than its times.
    pub(crate) fn run(&self, bench: &Bench, arguments: &[&str]) -> Result<Timing, Missing> {
        let at_least = bench.at_least.as_secs_f64().to_string();
        let seconds: Seconds = self.printed(&[arguments, &[&at_least]].concat())?;
        Ok(Timing {
            first: Duration::from_secs_f64(seconds.first),
            typical: Duration::from_secs_f64(seconds.typical),
            cpu: Duration::from_secs_f64(seconds.cpu),
        })
    }

    /// Runs a program that is called with its own arguments only, and gives what it prints.
    ///
    /// # Panics
    ///
    /// If the program fails, or prints something else.
    pub(crate) fn printed<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T, Missing> {
        let mut command = Command::new(INTERPRETER);
        command.arg("-c").arg(self.source).args(arguments);
        let output = match output(&mut command) {
            Ok(output) => output,
            Err(Failure::NotRun(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Missing(format!("{INTERPRETER} is not installed")));
            }
            Err(failure) => return Err(Missing(format!("{INTERPRETER} {failure}"))),
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{INTERPRETER} {arguments:?} failed:\n{errors}");
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{INTERPRETER} {arguments:?} printed no figures: {error}")
        }))
    }
}
