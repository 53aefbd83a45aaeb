//! CPython's `multiprocessing.Queue`, with the feeder thread that it starts in each producer.
//!
//! Each run is a process of its own; `cpython.py` measures inside of it.

use super::cases::flow::Flow;
use super::cases::{MPMC_64, SPSC_64, SPSC_1024, SPSC_65536, SPSC_1048576};
use crate::harness::{self, Bench, Contender, Group, Outcome, Script};

const NAME: &str = "cpython_Queue";

const SCRIPT: Script = Script { source: include_str!("cpython.py") };

pub(super) fn register(group: &mut Group) {
    let how = "get_context('fork').Queue(maxsize), put and get of bytes";
    group.add(SPSC_64.name, Contender::new(NAME, how, |bench| run(bench, &SPSC_64)));
    group.add(SPSC_1024.name, Contender::new(NAME, how, |bench| run(bench, &SPSC_1024)));
    group.add(SPSC_65536.name, Contender::new(NAME, how, |bench| run(bench, &SPSC_65536)));
    group.add(SPSC_1048576.name, Contender::new(NAME, how, |bench| run(bench, &SPSC_1048576)));
    group.add(MPMC_64.name, Contender::new(NAME, how, |bench| run(bench, &MPMC_64)));
}

fn run(bench: &Bench, flow: &Flow) -> Outcome {
    let [shape, placement, seconds] = flow.arguments(bench);
    harness::repeat(bench, || {
        let [time, cpu] = SCRIPT.printed(&[&shape, &placement, &seconds])?;
        Ok(Flow::samples(time, cpu))
    })
}
