//! Kills at *every* system call: of a child, of a working server, of a starting server.
//!
//! A tracer stops its victim at each entry to and each return from a system call, and kills it at
//! the n-th stop, for n = 0, 1, 2… until the victim is done before. All that the promises say must
//! hold for every n. A descriptor travels with each: it never survives them.

#![cfg(feature = "auto-init")]
#![allow(clippy::print_stdout, reason = "processes under test talk to it")]

use conc_core::{JoinError, PortableFd};
use conc_process::{Builder, Process, SpawnError, StartMethod};
use conc_tests::watchdog_for;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

/// The number of this process's fork server: the kernel's parent of any child.
fn server() -> Pid {
    let process = Process::spawn(|()| std::os::unix::process::parent_id(), ()).unwrap();
    assert!(process.wait_exit().unwrap().success());
    Pid::from_raw(process.join().unwrap() as i32)
}

fn wait(pid: Option<Pid>) -> WaitStatus {
    loop {
        match waitpid(pid.unwrap_or(Pid::from_raw(-1)), Some(WaitPidFlag::__WALL)) {
            Err(Errno::EINTR) => {}
            other => return other.expect("there is a tracee"),
        }
    }
}

/// What a stopped tracee is to be given when it goes on: signals for the program itself.
fn own_signal(status: WaitStatus) -> Option<Signal> {
    match status {
        WaitStatus::Stopped(_, signal) if signal != Signal::SIGTRAP => Some(signal),
        _ => None,
    }
}

/// Lets a tracee that is not the victim go on, if it stopped.
fn let_go_on(status: WaitStatus) {
    if let WaitStatus::Stopped(pid, _) | WaitStatus::PtraceEvent(pid, ..) = status {
        // It may have been killed meanwhile.
        let _ = ptrace::cont(pid, own_signal(status));
    }
}

/// Steps a stopped victim to its n-th stop and kills it there; `false` if it ended before.
fn kill_at(victim: Pid, steps: usize) -> bool {
    let mut signal = None;
    for _ in 0..steps {
        if ptrace::syscall(victim, signal).is_err() {
            return false;
        }
        // Nobody else may stand still meanwhile: the victim may wait for them.
        let status = loop {
            let status = wait(None);
            if status.pid() == Some(victim) {
                break status;
            }
            let_go_on(status);
        };
        if matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)) {
            return false;
        }
        signal = own_signal(status);
    }
    nix::sys::signal::kill(victim, Signal::SIGKILL).unwrap();
    true
}

/// Lets the first process that `parent` forks take `steps` steps. `parent` is seized and runs.
/// Whether the victim was killed; not, if it ended before.
fn kill_next_fork(parent: Pid, steps: usize) -> bool {
    let mut victim = None;
    loop {
        let status = wait(None);
        let Some(pid) = status.pid() else { continue };
        if matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)) {
            // The victim of before is gone for good.
            assert_ne!(pid, parent);
        } else if pid == parent {
            if let WaitStatus::PtraceEvent(_, _, event) = status {
                if event != Event::PTRACE_EVENT_STOP as i32 {
                    let child = ptrace::getevent(parent).unwrap();
                    victim.get_or_insert(Pid::from_raw(i32::try_from(child).unwrap()));
                }
            }
            ptrace::cont(parent, own_signal(status)).unwrap();
        } else {
            // A child may stop before its parent says that there is one.
            assert_eq!(*victim.get_or_insert(pid), pid);
            return kill_at(pid, steps);
        }
    }
}

/// Whether tracing is allowed here: containers may forbid it.
fn may_trace() -> bool {
    let process = Process::spawn(|()| thread::park(), ()).unwrap();
    let pid = Pid::from_raw(process.pid() as i32);
    let seized = ptrace::seize(pid, Options::empty());
    process.kill().unwrap();
    match seized {
        Ok(()) => {
            // A tracer hears of the end before the parent does.
            while !matches!(wait(Some(pid)), WaitStatus::Signaled(..)) {}
            true
        }
        Err(Errno::EPERM | Errno::EACCES | Errno::ENOSYS) => false,
        Err(errno) => panic!("{pid} cannot be traced: {errno}"),
    }
}

/// In a process of its own: at how many steps somebody was killed there; `None`: it cannot be tried.
fn tried(steps: fn(()) -> Option<usize>) -> Option<usize> {
    let steps = Process::spawn(steps, ()).unwrap().join().unwrap();
    if steps.is_none() {
        eprintln!("NOT TRIED, ptrace is refused here");
    }
    steps
}

fn seize(pid: Pid, options: Options) {
    ptrace::seize(pid, options).expect("it was allowed before");
}

/// Lets a tracee go: it has to be stopped for that.
fn release(pid: Pid) {
    ptrace::interrupt(pid).unwrap();
    loop {
        let status = wait(Some(pid));
        if matches!(status, WaitStatus::PtraceEvent(..)) {
            return ptrace::detach(pid, None).unwrap();
        }
        ptrace::cont(pid, own_signal(status)).unwrap();
    }
}

/// Something that travels, and how to see whether it still exists.
fn traveller() -> (UnixStream, PortableFd) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours, PortableFd::new(theirs))
}

/// Waits until the traveller is closed everywhere.
fn await_closed(mut ours: UnixStream) {
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
}

/// All tracing is done by one thread: the kernel insists.
fn kill_children(fresh: bool) -> Option<usize> {
    if !may_trace() {
        return None;
    }
    let server = server();
    let method = if fresh { StartMethod::Spawn } else { StartMethod::ForkServer };
    // A fresh program makes hundreds of calls; a prime stride meets all kinds of them.
    let stride = if fresh { 7 } else { 1 };
    let (give, orders) = mpsc::channel::<()>();
    let (answer, answers) = mpsc::channel();
    let spawner = thread::spawn(move || {
        for () in orders {
            let (ours, theirs) = traveller();
            let process = Builder::new()
                .start_method(method)
                .spawn(|(n, _): (u32, PortableFd)| n, (7, theirs));
            let process = process.unwrap();
            let status = process.wait_exit().unwrap();
            await_closed(ours);
            answer.send((status, process.join())).unwrap();
        }
    });
    seize(server, Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACECLONE);
    let mut steps = 0;
    loop {
        give.send(()).unwrap();
        let killed = kill_next_fork(server, steps);
        // The server goes on meanwhile; it stops for its own signals only.
        let (status, result) = loop {
            match answers.try_recv() {
                Ok(answer) => break answer,
                Err(_) => {
                    let flags = WaitPidFlag::__WALL | WaitPidFlag::WNOHANG;
                    match waitpid(Pid::from_raw(-1), Some(flags)) {
                        Ok(status) if status != WaitStatus::StillAlive => let_go_on(status),
                        _ => thread::yield_now(),
                    }
                }
            }
        };
        if !killed {
            assert!(status.success());
            assert_eq!(result, Ok(7));
            break;
        }
        assert_eq!(status.signal().unwrap().number(), 9, "at step {steps}");
        match result {
            Ok(7) => {}
            Err(JoinError::Killed { signal, .. }) => assert_eq!(signal.number(), 9),
            other => panic!("at step {steps}: {other:?}"),
        }
        steps += stride;
    }
    drop(give);
    spawner.join().unwrap();
    release(server);
    assert_eq!(Process::spawn(|n: u32| n, 1).unwrap().join(), Ok(1));
    Some(steps)
}

#[test]
fn a_child_may_be_killed_at_every_step() {
    let _watchdog = watchdog_for(PATIENCE);
    let Some(steps) = tried(|()| kill_children(false)) else { return };
    println!("killed a child at {steps} steps");
    assert!(steps > 20, "only {steps} steps");
}

#[test]
fn a_fresh_child_may_be_killed_at_every_step() {
    let _watchdog = watchdog_for(PATIENCE);
    let Some(steps) = tried(|()| kill_children(true)) else { return };
    println!("killed a fresh child at every seventh of {steps} steps");
    assert!(steps > 100, "only {steps} steps");
}

/// Whatever became of it: typed, and the next one works.
fn assert_promised(steps: usize, outcome: Result<Result<u32, JoinError>, SpawnError>) {
    match outcome {
        Ok(Ok(7) | Err(JoinError::ServerDied | JoinError::Killed { .. }))
        | Err(SpawnError::ServerDied | SpawnError::ServerStart { .. }) => {}
        other => panic!("at step {steps}: {other:?}"),
    }
}

fn kill_working_servers(_: ()) -> Option<usize> {
    if !may_trace() {
        return None;
    }
    for steps in 0.. {
        let victim = server();
        let (stopped, is_stopped) = mpsc::channel();
        let tracer = thread::spawn(move || {
            seize(victim, Options::empty());
            ptrace::interrupt(victim).unwrap();
            wait(Some(victim));
            stopped.send(()).unwrap();
            kill_at(victim, steps)
        });
        is_stopped.recv().unwrap();
        let (ours, theirs) = traveller();
        let outcome = Process::spawn(|(n, _): (u32, PortableFd)| n, (7, theirs));
        let outcome = outcome.map(Process::join);
        // If it is still there, it has done all that it had to do.
        let _ = nix::sys::signal::kill(victim, Signal::SIGKILL);
        let killed = tracer.join().unwrap();
        await_closed(ours);
        let done = !killed && matches!(outcome, Ok(Ok(7)));
        assert_promised(steps, outcome);
        // The one that was killed last may take another order before it is gone.
        let next = (0..50).find_map(|_| Process::spawn(|n: u32| n, 8).ok());
        assert!(matches!(next.expect("a new server").join(), Ok(8) | Err(JoinError::ServerDied)));
        if done {
            return Some(steps);
        }
    }
    unreachable!("a server is done after so many steps")
}

#[test]
fn a_working_server_may_be_killed_at_every_step() {
    let _watchdog = watchdog_for(PATIENCE);
    let Some(steps) = tried(kill_working_servers) else { return };
    println!("killed a working server at {steps} steps");
    assert!(steps > 10, "only {steps} steps");
}

/// In a client of its own: spawns once while its server is being started and killed, and again.
fn start_a_server(_: ()) -> (String, bool) {
    // SAFETY: the call takes a number. Wait until the tracer is there.
    unsafe { libc::raise(libc::SIGSTOP) };
    let first = match Process::spawn(|n: u32| n, 7).map(Process::join) {
        Ok(Ok(7)) => "ok".to_owned(),
        Ok(Err(error)) => format!("join: {error}"),
        Err(SpawnError::ServerDied) => "died".to_owned(),
        Err(SpawnError::ServerStart { .. }) => "start".to_owned(),
        other => format!("{other:?}"),
    };
    let second = (0..50).find_map(|_| Process::spawn(|n: u32| n, 8).ok());
    (first, second.is_some_and(|process| process.join() == Ok(8)))
}

fn kill_starting_servers(_: ()) -> Option<usize> {
    if !may_trace() {
        return None;
    }
    // Hundreds of calls of the loader: as above.
    for steps in (0..).step_by(5) {
        let client = Process::spawn(start_a_server, ()).unwrap();
        let pid = Pid::from_raw(client.pid() as i32);
        let options = Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE;
        seize(pid, options);
        // The stop that it made itself, before or after we came.
        nix::sys::signal::kill(pid, Signal::SIGCONT).unwrap();
        let killed = kill_next_fork(pid, steps);
        let result = loop {
            if client.is_finished() {
                break client.join();
            }
            let flags = WaitPidFlag::__WALL | WaitPidFlag::WNOHANG;
            match waitpid(Pid::from_raw(-1), Some(flags)) {
                Ok(status) if status != WaitStatus::StillAlive => let_go_on(status),
                _ => thread::yield_now(),
            }
        };
        let (first, second) = result.unwrap();
        assert!(
            ["ok", "died", "start", "join: the fork server died"].contains(&first.as_str()),
            "at step {steps}: {first}"
        );
        assert!(second, "at step {steps}, after {first}");
        if !killed || first == "ok" {
            return Some(steps);
        }
    }
    unreachable!("a server has started after so many steps")
}

#[test]
fn a_starting_server_may_be_killed_at_every_step() {
    let _watchdog = watchdog_for(PATIENCE);
    let Some(steps) = tried(kill_starting_servers) else { return };
    println!("killed a starting server at every fifth of {steps} steps");
    assert!(steps > 50, "only {steps} steps");
}
