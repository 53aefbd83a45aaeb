//! The states of a process, live from `/proc` (P10).
//!
//! Created and ready cannot be told apart from outside: both are R, as is running.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, Process};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

fn state(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let letter = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    let name = match letter {
        None => return "terminated and reaped".to_owned(),
        Some('R') => "ready or running",
        Some('S') => "blocked (sleeping)",
        Some('T') => "stopped",
        Some('Z') => "terminated (zombie)",
        Some(_) => "something else",
    };
    name.to_owned()
}

/// Computes until it is told to sleep, sleeps until it is told to end.
fn live(_: ()) {
    let mut stream = UnixStream::from(conc_process::take_passed().pop().unwrap());
    stream.set_nonblocking(true).unwrap();
    stream.write_all(b"r").unwrap();
    let mut byte = [0];
    while stream.read(&mut byte).is_err() {
        std::hint::black_box(0);
    }
    stream.set_nonblocking(false).unwrap();
    stream.read_exact(&mut byte).unwrap();
}

/// Looks until the process is in this state.
fn show(pid: u32, wanted: &str) {
    while state(pid) != wanted {
        std::thread::yield_now();
    }
    println!("{wanted}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let process: Process<()> = Builder::new().pass(OwnedFd::from(theirs)).spawn(live, ())?;
    let pid = process.pid();
    ours.read_exact(&mut [0])?;
    show(pid, "ready or running");
    ours.write_all(b"s")?;
    show(pid, "blocked (sleeping)");
    process.signal(conc_core::Signal::new(libc::SIGSTOP))?;
    show(pid, "stopped");
    process.signal(conc_core::Signal::new(libc::SIGCONT))?;
    show(pid, "blocked (sleeping)");
    ours.write_all(b"e")?;
    println!("{}", process.wait_exit().unwrap());
    show(pid, "terminated and reaped");

    // Only a child that nobody reaps shows the state between.
    // SAFETY: this process has one thread.
    let copy = unsafe { Builder::new().fork(|| ()) }?;
    let mut poll = libc::pollfd { fd: copy.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid entry.
    while unsafe { libc::poll(&raw mut poll, 1, -1) } < 1 {}
    show(copy.pid(), "terminated (zombie)");
    Ok(())
}
