//! The fork server in bad times: busy, flooded, orphaned. It is never killed for being slow, and
//! leaves nothing behind.

#![cfg(feature = "auto-init")]

use conc_process::{Builder, Process, SpawnError, Stdio, isolate, preload};
use conc_tests::watchdog;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{File, read_to_string};
use std::io::{Read, Write, pipe, stdout};
use std::os::fd::OwnedFd;
use std::os::unix::process::parent_id;
use std::process::Command;
use std::thread;

fn seven(_: ()) -> u32 {
    7
}

fn forever(_: ()) {
    loop {
        thread::park();
    }
}

/// How many descriptors another process has open.
fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Writes to the standard output, which the test reads.
fn say(word: &[u8]) {
    stdout().write_all(word).unwrap();
}

/// Waits until everybody has closed the other end.
fn await_end(mut end: impl Read) {
    assert_eq!(end.read(&mut [0]).unwrap(), 0);
}

#[test]
fn too_many_descriptors_are_refused() {
    let _watchdog = watchdog();
    fn passing(_: ()) {
        let server = isolate(|()| parent_id(), ()).unwrap();
        let before = open_files(server);
        for _ in 0..3 {
            let many = |count| {
                (0..count).fold(Builder::new(), |builder, _| {
                    builder.pass(File::open("/dev/null").unwrap())
                })
            };
            match many(100).spawn(seven, ()) {
                Err(SpawnError::System { source, .. }) => {
                    assert_eq!(source.raw_os_error(), Some(libc::E2BIG));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(many(50).spawn(seven, ()).unwrap().join(), Ok(7));
        }
        assert_eq!(isolate(|()| parent_id(), ()).unwrap(), server);
        // It may have yet to bury the last ones.
        assert!(open_files(server) < before + 50, "the server keeps nothing");
    }
    isolate(passing, ()).unwrap();
}

/// The child fills its channel, so that there is no room for news of its end.
#[test]
fn an_end_is_told_though_the_child_filled_its_channel() {
    let _watchdog = watchdog();
    fn flood(_: ()) {
        // Not before the parent knows of it: that would be refused.
        conc_process::take_passed().into_iter().for_each(|fd| await_end(File::from(fd)));
        // SAFETY: the buffer is one byte long; the place is that of the channel.
        while unsafe { libc::send(3, [0xff_u8].as_ptr().cast(), 1, libc::MSG_DONTWAIT) } > 0 {}
        // SAFETY: the call takes a number.
        unsafe { libc::_exit(3) }
    }
    let sibling = Process::spawn(forever, ()).unwrap();
    for _ in 0..3 {
        let (read, write) = pipe().unwrap();
        let process: Process<()> = Builder::new().pass(read).spawn(flood, ()).unwrap();
        drop(write);
        while process.is_alive() {
            thread::yield_now();
        }
        // The server has buried it by now, or soon.
        assert_eq!(isolate(seven, ()).unwrap(), 7);
        let status = process.wait_exit().unwrap();
        assert_eq!(status.code(), Some(3));
    }
    assert!(sibling.is_alive());
}

/// A parent is killed while its server runs a function that never returns.
#[test]
fn a_hanging_preload_dies_with_the_client() {
    let _watchdog = watchdog();
    fn hang() {
        say(b"hangs\n");
        forever(());
    }
    let mut parent = Builder::new()
        .stdout(Stdio::piped())
        .spawn(|()| assert!(preload(hang).is_ok()), ())
        .unwrap();
    let mut stdout = parent.take_stdout().unwrap();
    let mut line = [0; 6];
    stdout.read_exact(&mut line).unwrap();
    parent.kill().unwrap();
    // The server had the other end, too.
    await_end(stdout);
}

#[test]
fn a_preload_whose_server_dies_fails() {
    let _watchdog = watchdog();
    fn die() {
        kill(Pid::this(), Signal::SIGKILL).unwrap();
    }
    fn preloading(_: ()) {
        assert!(matches!(preload(die), Err(SpawnError::ServerDied)));
        assert_eq!(isolate(seven, ()).unwrap(), 7);
    }
    isolate(preloading, ()).unwrap();
}

/// A detached child with streams of its own lives on; its server holds nobody's streams.
#[test]
fn an_orphaned_server_lets_go_of_the_streams() {
    let _watchdog = watchdog();
    fn leave_one(_: ()) -> u32 {
        let daemon = Builder::new().detached().stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = daemon.spawn(forever, ()).unwrap();
        daemon.pid()
    }
    let mut parent = Builder::new().stdout(Stdio::piped()).spawn(leave_one, ()).unwrap();
    let stdout = parent.take_stdout().unwrap();
    let daemon = parent.join().unwrap();
    await_end(stdout);
    let server = read_to_string(format!("/proc/{daemon}/stat")).unwrap();
    let server = server.rsplit(')').next().unwrap().split(' ').nth(2).unwrap().to_owned();
    let directory = std::fs::read_link(format!("/proc/{server}/cwd")).unwrap();
    assert_eq!(directory.to_str(), Some("/"));
    kill(Pid::from_raw(daemon as i32), Signal::SIGKILL).unwrap();
}

/// What a dead child left behind ends with the client.
#[test]
fn orphans_end_with_the_client() {
    let _watchdog = watchdog();
    fn leave_one(_: ()) {
        let [write] = <[OwnedFd; 1]>::try_from(conc_process::take_passed()).unwrap();
        let orphan = Command::new("sleep").arg("1000").stdout(write).spawn().unwrap();
        // Whoever adopts it waits for it.
        std::mem::forget(orphan);
    }
    fn parent(_: ()) {
        let passed = conc_process::take_passed();
        let builder = passed.into_iter().fold(Builder::new(), Builder::pass);
        assert_eq!(builder.spawn(leave_one, ()).unwrap().join(), Ok(()));
        say(b"left\n");
        forever(());
    }
    let (read, write) = pipe().unwrap();
    let builder = Builder::new().pass(write).stdout(Stdio::piped());
    let mut parent = builder.spawn(parent, ()).unwrap();
    parent.take_stdout().unwrap().read_exact(&mut [0; 5]).unwrap();
    parent.kill().unwrap();
    await_end(read);
}

/// No shell sets such a name, but a process can have been given one.
#[test]
fn odd_names_travel_in_the_environment() {
    let _watchdog = watchdog();
    fn look(_: ()) -> Option<String> {
        let value = std::env::vars_os().find(|(name, _)| name.to_str() == Some("=C:"));
        assert_eq!(std::env::var("EVEN").as_deref(), Ok("1"));
        value.map(|(_, value)| value.into_string().unwrap())
    }
    fn have_one(_: ()) {
        // SAFETY: this process has one thread, and the text lives for ever.
        assert_eq!(unsafe { libc::putenv(c"=C:=odd".as_ptr().cast_mut()) }, 0);
        let process = Builder::new().env("EVEN", "1").spawn(look, ()).unwrap();
        assert_eq!(process.join(), Ok(Some("odd".to_owned())));
    }
    isolate(have_one, ()).unwrap();
}
