//! `procspawn`: each process is a fresh copy of the program; `main` begins with its `init`.

use super::cases::{cold, memory, parent, same};
use super::proc;
use crate::harness::{Contender, Group, Outcome};

const NAME: &str = "procspawn";

pub(super) fn register(group: &mut Group) {
    let how = "procspawn::spawn, join";
    group.add(
        parent::TEN_MB.name,
        Contender::alone(NAME, how, |bench| parent::TEN_MB.measure(bench, spawn)),
    );
    group.add(
        parent::ONE_GB.name,
        Contender::alone(NAME, how, |bench| parent::ONE_GB.measure(bench, spawn)),
    );
    group.add(cold::NAME, Contender::alone(NAME, how, |_| cold::measure(spawn)));
    let how = "a child that parks; there is no server";
    group.add(memory::NAME, Contender::alone(NAME, how, |_| idle()));
}

fn spawn() {
    assert_eq!(procspawn::spawn(7, same).join().expect("it does not crash"), 7);
}

fn idle() -> Outcome {
    let mut child = procspawn::spawn((), proc::rest);
    let pid = child.pid().expect("it has been started");
    proc::await_rest(pid);
    let samples = memory::samples(proc::memory(pid), None);
    child.kill().expect("it lives");
    Ok(samples)
}
