//! Two of CPython's `multiprocessing.Queue`.
//!
//! Each run is a process of its own; `cpython.py` measures inside of it.

use super::cases::ping::Ping;
use super::cases::{BUSY, CROSS, GAP_20US, GAP_200US, SAME, idle};
use crate::harness::{self, Bench, Contender, Group, Outcome, Script};

const NAME: &str = "cpython_Queue";

const SCRIPT: Script = Script { source: include_str!("cpython.py") };

pub(super) fn register(group: &mut Group) {
    let how = "two of get_context('fork').Queue(maxsize), put and get of bytes";
    group.add(CROSS.name, Contender::new(NAME, how, |bench| ping(bench, &CROSS)));
    group.add(SAME.name, Contender::new(NAME, how, |bench| ping(bench, &SAME)));
    group.add(GAP_20US.name, Contender::new(NAME, how, |bench| ping(bench, &GAP_20US)));
    group.add(GAP_200US.name, Contender::new(NAME, how, |bench| ping(bench, &GAP_200US)));
    group.add(BUSY.name, Contender::new(NAME, how, |bench| ping(bench, &BUSY)));
    group.add(idle::NAME, Contender::new(NAME, how, wait));
}

fn ping(bench: &Bench, ping: &Ping) -> Outcome {
    let [placement, gap, how, hogs, seconds] = ping.arguments(bench);
    harness::repeat(bench, || {
        let values = SCRIPT.printed(&["ping", &placement, &gap, &how, &hogs, &seconds])?;
        Ok(Ping::samples(values))
    })
}

fn wait(bench: &Bench) -> Outcome {
    let seconds = idle::time(bench).as_secs_f64().to_string();
    Ok(idle::samples(SCRIPT.printed(&["idle", &seconds])?))
}
