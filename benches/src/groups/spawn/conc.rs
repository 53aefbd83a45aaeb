//! `conc_process`: ours.

use super::cases::{cold, memory, parent, same};
use super::proc;
use crate::harness::{Bench, Contender, Group, Outcome};
use conc_core::Executor;
use conc_process::{Builder, Process, ProcessExecutor, StartMethod, isolate};
use std::os::unix::process::parent_id;

const FORK_SERVER: &str = "conc_fork_server";
const SPAWN: &str = "conc_spawn";

pub(super) fn register(group: &mut Group) {
    let [ten, giga] = [parent::TEN_MB.name, parent::ONE_GB.name];

    let how = "Process::spawn, join";
    group.add(ten, Contender::alone(FORK_SERVER, how, |b| parent::TEN_MB.measure(b, fork_server)));
    group.add(giga, Contender::alone(FORK_SERVER, how, |b| parent::ONE_GB.measure(b, fork_server)));
    group.add(cold::NAME, Contender::alone(FORK_SERVER, how, |_| cold::measure(fork_server)));

    let (name, how) = ("conc_wait_exit", "Process::spawn, wait_exit, join: the process is gone");
    group.add(ten, Contender::alone(name, how, |b| parent::TEN_MB.measure(b, wait_exit)));
    group.add(giga, Contender::alone(name, how, |b| parent::ONE_GB.measure(b, wait_exit)));

    let (name, how) = ("conc_executor", "ProcessExecutor::submit, join");
    group.add(ten, Contender::alone(name, how, |bench| executor(bench, &parent::TEN_MB)));
    group.add(giga, Contender::alone(name, how, |bench| executor(bench, &parent::ONE_GB)));

    let (name, how) = ("conc_isolate", "isolate, which captures stderr");
    group.add(ten, Contender::alone(name, how, |b| parent::TEN_MB.measure(b, isolated)));
    group.add(giga, Contender::alone(name, how, |b| parent::ONE_GB.measure(b, isolated)));

    let how = "Builder::start_method(Spawn), spawn, join";
    group.add(ten, Contender::alone(SPAWN, how, |b| parent::TEN_MB.measure(b, spawn)));
    group.add(giga, Contender::alone(SPAWN, how, |b| parent::ONE_GB.measure(b, spawn)));
    group.add(cold::NAME, Contender::alone(SPAWN, how, |_| cold::measure(spawn)));

    let (name, how) = ("conc_fork", "Builder::fork, join");
    group.add(ten, Contender::alone(name, how, |b| parent::TEN_MB.measure(b, fork)));
    group.add(giga, Contender::alone(name, how, |b| parent::ONE_GB.measure(b, fork)));

    let how = "a child of Process::spawn that parks, and its server";
    let idle = |_: &Bench| idle(StartMethod::ForkServer);
    group.add(memory::NAME, Contender::alone(FORK_SERVER, how, idle));
    let how = "a child of StartMethod::Spawn that parks, and the server that started it";
    let idle = |_: &Bench| self::idle(StartMethod::Spawn);
    group.add(memory::NAME, Contender::alone(SPAWN, how, idle));
}

const STARTS: &str = "processes can be started";

fn fork_server() {
    let process = Process::spawn(same, 7).expect(STARTS);
    assert_eq!(process.join(), Ok(7));
}

fn wait_exit() {
    let process = Process::spawn(same, 7).expect(STARTS);
    assert!(process.wait_exit().expect("it is watched").success());
    assert_eq!(process.join(), Ok(7));
}

fn executor(bench: &Bench, parent: &parent::Parent) -> Outcome {
    let executor = ProcessExecutor::new();
    parent.measure(bench, || {
        let job = executor.submit(same, 7).expect(STARTS);
        assert_eq!(job.join(), Ok(7));
    })
}

fn isolated() {
    assert_eq!(isolate(same, 7).expect("it does not crash"), 7);
}

fn spawn() {
    let builder = Builder::new().start_method(StartMethod::Spawn);
    assert_eq!(builder.spawn(same, 7).expect(STARTS).join(), Ok(7));
}

fn fork() {
    // SAFETY: the work needs nothing that another thread could hold.
    let process = unsafe { Builder::new().fork(|| same(7)) }.expect(STARTS);
    assert_eq!(process.join(), Ok(7));
}

fn idle(method: StartMethod) -> Outcome {
    let child = Builder::new().start_method(method).spawn(proc::rest, ()).expect(STARTS);
    // Whatever the method, the server is what the kernel calls the parent.
    let asked = Process::spawn(|()| parent_id(), ()).expect(STARTS);
    // It shares pages with the server as long as it is there.
    assert!(asked.wait_exit().expect("it is watched").success());
    let server = asked.join().expect("it does not crash");
    proc::await_rest(child.pid());
    let samples = memory::samples(proc::memory(child.pid()), Some(proc::memory(server)));
    child.kill().expect("it lives");
    Ok(samples)
}
