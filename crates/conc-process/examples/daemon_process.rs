//! Daemons: they die with their parent, even if that is killed, and have no children (P3).
//!
//! Every process here is bound to its parent's life unless it is detached; Python's daemons
//! survive a parent that gets SIGKILL. "No children" is a choice of its own: `childless`.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, Process, SpawnError, Stdio, current, parent};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn hold_and_wait(_: ()) {
    let _held_open = conc_process::take_passed();
    loop {
        std::thread::park();
    }
}

/// A parent that starts a daemon and a detached process, both holding a pipe.
fn doomed_parent(_: ()) {
    let mut passed = conc_process::take_passed().into_iter();
    let (daemon, detached) = (passed.next().unwrap(), passed.next().unwrap());
    let daemon = Builder::new().name("daemon").pass(daemon).spawn(hold_and_wait, ()).unwrap();
    let detached = Builder::new().name("detached").detached().pass(detached).spawn(outlive, ());
    println!("{} {}", daemon.pid(), detached.unwrap().pid());
    hold_and_wait(());
}

fn outlive(_: ()) {
    let mut stream = UnixStream::from(conc_process::take_passed().pop().unwrap());
    let orphaned = parent().unwrap().wait_timeout(Duration::from_secs(20));
    writeln!(stream, "{}: my parent is dead: {orphaned}", current().name()).unwrap();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut watch_daemon, daemon) = UnixStream::pair()?;
    let (mut watch_detached, detached) = UnixStream::pair()?;
    let mut process = Builder::new()
        .pass(OwnedFd::from(daemon))
        .pass(OwnedFd::from(detached))
        .stdout(Stdio::piped())
        .spawn(doomed_parent, ())?;
    let mut line = String::new();
    let mut output = std::io::BufReader::new(process.take_stdout().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line)?;
    process.kill()?;
    println!("parent: {}", process.wait_exit().unwrap());

    let mut rest = String::new();
    // The end of the stream is the end of the daemon, which alone held the other end.
    watch_daemon.read_to_string(&mut rest)?;
    println!("daemon: ended with it");
    watch_detached.read_to_string(&mut rest)?;
    print!("{rest}");

    let strict = |()| matches!(Process::spawn(|()| (), ()), Err(SpawnError::NotAllowed));
    let refused = Builder::new().childless().spawn(strict, ())?.join()?;
    println!("a childless process is refused a child: {refused}");
    Ok(())
}
