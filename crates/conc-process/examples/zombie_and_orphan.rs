//! Zombies and orphans: who reaps whom (P7).
//!
//! A copy of the caller (`fork`) is the caller's own child: ended and not yet waited for, it is a
//! zombie. A child of the fork server never is one for long. An orphan is adopted by the server
//! (a "subreaper"), not by the system's first process, so that it is still one of the family's.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, Process, Stdio};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::parent_id;

/// The letter that the kernel gives for what a process does; `None`: there is no such process.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// Waits until a process has ended, without reaping it.
fn await_end(process: &impl AsFd) {
    let mut poll =
        libc::pollfd { fd: process.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid entry.
    while unsafe { libc::poll(&raw mut poll, 1, -1) } < 1 {}
}

/// Leaves a process behind that says who its parents are, before and after it became an orphan.
fn leave_an_orphan(_: ()) {
    let mother = std::process::id();
    // SAFETY: this process has one thread.
    let child = unsafe {
        Builder::new().detached().stdout(Stdio::inherit()).fork(move || {
            let mut changed = parent_id();
            while changed == mother {
                std::thread::yield_now();
                changed = parent_id();
            }
            println!("orphan: adopted by {}", if changed == 1 { "init" } else { "the server" });
        })
    };
    drop(child.unwrap());
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("fork returns twice: here and in the copy");
    // SAFETY: this process has one thread.
    let copy = unsafe { Builder::new().fork(|| 6 * 7) }?;
    await_end(&copy);
    println!("ended, nobody waited: {}", state(copy.pid()).unwrap());
    let pid = copy.pid();
    println!("its status: {}", copy.wait_exit().unwrap());
    println!("waited for: {}", state(pid).map_or("gone".to_owned(), |state| state.to_string()));
    println!("its result: {}", copy.join()?);

    let served = Process::spawn(|()| (), ())?;
    let pid = served.pid();
    println!("a served child: {}", served.wait_exit().unwrap());
    println!("reaped by the server: {}", state(pid).is_none());

    let mut process = Builder::new().stdout(Stdio::piped()).spawn(leave_an_orphan, ())?;
    let mut output = process.take_stdout().unwrap();
    process.join()?;
    let mut text = String::new();
    output.read_to_string(&mut text)?;
    print!("{text}");
    Ok(())
}
