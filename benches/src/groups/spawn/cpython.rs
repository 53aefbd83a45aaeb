//! CPython's `multiprocessing.Process`, forked and from its fork server.
//!
//! Each run is a process of its own; `cpython.py` measures inside of it.

use super::cases::parent::{self, ONE_GB, Parent, TEN_MB};
use super::cases::{cold, memory};
use super::proc;
use crate::harness::{self, Bench, Contender, Group, Missing, Outcome, Script};
use serde::Deserialize;

const FORK: &str = "cpython_Process_fork";
const FORK_SERVER: &str = "cpython_Process_forkserver";

const SCRIPT: Script = Script { source: include_str!("cpython.py") };

pub(super) fn register(group: &mut Group) {
    let how = "get_context('fork').Process, start, recv from a Pipe, join";
    group.add(TEN_MB.name, Contender::new(FORK, how, |bench| starts(bench, &TEN_MB, "fork")));
    group.add(ONE_GB.name, Contender::new(FORK, how, |bench| starts(bench, &ONE_GB, "fork")));

    let (name, how) = (FORK_SERVER, "get_context('forkserver').Process, start, recv, join");
    group.add(TEN_MB.name, Contender::new(name, how, |b| starts(b, &TEN_MB, "forkserver")));
    group.add(ONE_GB.name, Contender::new(name, how, |b| starts(b, &ONE_GB, "forkserver")));
    group.add(cold::NAME, Contender::new(name, how, first));

    let how = "a child that sleeps; there is no server";
    group.add(memory::NAME, Contender::new(FORK, how, |_| idle("fork")));
    let how = "a child that sleeps, and its fork server";
    group.add(memory::NAME, Contender::new(FORK_SERVER, how, |_| idle("forkserver")));
}

fn starts(bench: &Bench, parent: &Parent, method: &str) -> Outcome {
    let (mebibytes, starts) = (parent.mebibytes.to_string(), bench.jobs(parent.starts).to_string());
    harness::repeat(bench, || Ok(parent::samples(micros(method, &mebibytes, &starts, "warm")?)))
}

fn first(bench: &Bench) -> Outcome {
    harness::repeat(bench, || Ok(vec![cold::sample(micros("forkserver", "0", "1", "cold")?[0])]))
}

/// What each start took.
fn micros(method: &str, mebibytes: &str, starts: &str, state: &str) -> Result<Vec<f64>, Missing> {
    let seconds: Vec<f64> = SCRIPT.printed(&["starts", method, mebibytes, starts, state])?;
    Ok(seconds.into_iter().map(|seconds| seconds * 1e6).collect())
}

fn idle(method: &str) -> Outcome {
    /// The script reads what `/proc` shows of its processes: they end with it.
    #[derive(Deserialize)]
    struct Rollups {
        child: String,
        server: Option<String>,
    }
    let Rollups { child, server } = SCRIPT.printed(&["memory", method])?;
    Ok(memory::samples(proc::parse(&child), server.map(|server| proc::parse(&server))))
}
