//! Hand-written limits, and programs instead of functions: no result but an exit code.

use super::cases::parent::{ONE_GB, Parent, TEN_MB};
use crate::harness::{Bench, Contender, Group, Missing, Outcome};
use nix::libc;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::CStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that does nothing.
const TRUE: &str = "/bin/true";
const TRUE_C: &CStr = c"/bin/true";

pub(super) fn register(group: &mut Group) {
    let (name, how) = ("limit_fork_wait", "fork of the parent itself, _exit there, waitpid here");
    group.add(TEN_MB.name, Contender::alone(name, how, |b| TEN_MB.measure(b, fork_wait)));
    group.add(ONE_GB.name, Contender::alone(name, how, |b| ONE_GB.measure(b, fork_wait)));

    let (name, how) = ("posix_spawn_true", "posix_spawn of /bin/true (vfork inside), waitpid");
    group.add(TEN_MB.name, Contender::alone(name, how, |b| programs(b, &TEN_MB, posix_spawn_true)));
    group.add(ONE_GB.name, Contender::alone(name, how, |b| programs(b, &ONE_GB, posix_spawn_true)));

    let (name, how) = ("std_command_true", "std::process::Command of /bin/true, status");
    group.add(TEN_MB.name, Contender::alone(name, how, |b| programs(b, &TEN_MB, command_true)));
    group.add(ONE_GB.name, Contender::alone(name, how, |b| programs(b, &ONE_GB, command_true)));
}

fn programs(bench: &Bench, parent: &Parent, start: fn()) -> Outcome {
    if !Path::new(TRUE).exists() {
        return Err(Missing(format!("there is no {TRUE}")));
    }
    parent.measure(bench, start)
}

fn fork_wait() {
    // SAFETY: the copy ends at once.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: may be called at any moment.
        unsafe { libc::_exit(0) };
    }
    assert!(pid > 0, "cannot fork");
    await_success(Pid::from_raw(pid));
}

fn posix_spawn_true() {
    let actions = PosixSpawnFileActions::init().expect("there is memory");
    let attributes = PosixSpawnAttr::init().expect("there is memory");
    let environment: [&CStr; 0] = [];
    let pid = posix_spawn(TRUE_C, &actions, &attributes, &[TRUE_C], &environment);
    await_success(pid.expect("programs can be started"));
}

fn await_success(pid: Pid) {
    assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
}

fn command_true() {
    let status = Command::new(TRUE).stdin(Stdio::null()).status();
    assert!(status.expect("programs can be started").success());
}
