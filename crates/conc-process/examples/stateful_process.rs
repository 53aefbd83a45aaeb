//! A job that carries its state: a struct with a `run`, instead of a subclass of Process (P2).
//!
//! In Python the changed object stays in the child; here the job gives itself back.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::Process;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Counter {
    name: String,
    upto: u32,
    seen: Vec<u32>,
}

impl Counter {
    fn new(name: &str, upto: u32) -> Self {
        Self { name: name.to_owned(), upto, seen: Vec::new() }
    }

    /// What a subclass would override.
    fn run(mut self) -> Self {
        self.seen.extend(1..=self.upto);
        self
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let jobs = [Counter::new("short", 3), Counter::new("long", 5)];
    let running: Vec<_> =
        jobs.into_iter().map(|job| Process::spawn(Counter::run, job)).collect::<Result<_, _>>()?;
    for process in running {
        let done = process.join()?;
        println!("{} counted {:?}", done.name, done.seen);
    }
    Ok(())
}
