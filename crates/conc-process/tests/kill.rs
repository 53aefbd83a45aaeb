//! Nothing is lost, whoever is killed.

#![cfg(feature = "auto-init")]
#![allow(clippy::print_stdout, reason = "processes under test talk to it")]

use conc_core::JoinError;
use conc_process::{Builder, Process, StartMethod, Stdio, parent};
use conc_tests::laws::scene::Scratch;
use conc_tests::watchdog;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn forever(_: ()) {
    loop {
        std::thread::park();
    }
}

/// A handle of any process that exists.
fn handle(pid: u32) -> OwnedFd {
    // SAFETY: the call takes numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    assert!(fd >= 0, "process {pid}: {}", std::io::Error::last_os_error());
    // SAFETY: made by the call.
    unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap()) }
}

/// Waits until the process has ended; the watchdog bounds it.
fn await_end(process: &OwnedFd) {
    let mut poll = libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid entry.
    while unsafe { libc::poll(&raw mut poll, 1, -1) } < 1 {}
}

fn send(pid: u32, signal: i32) {
    // SAFETY: the call takes numbers.
    assert_eq!(unsafe { libc::kill(pid as i32, signal) }, 0);
}

/// The number of this process's fork server: the kernel's parent of any child.
fn server() -> u32 {
    let process = Process::spawn(|()| std::os::unix::process::parent_id(), ()).unwrap();
    // Reaped, so that nothing of it is left in the server.
    assert!(process.wait_exit().unwrap().success());
    process.join().unwrap()
}

/// Starts 20 processes of all kinds and says their numbers.
fn start_twenty(_: ()) {
    let mut held = Vec::new();
    for number in 0..5 {
        held.push(Process::spawn(forever, ()).unwrap());
        let fresh = Builder::new().start_method(StartMethod::Spawn).name(format!("s{number}"));
        held.push(fresh.spawn(forever, ()).unwrap());
        // SAFETY: this process has one thread so far, but for `std`'s locks, which nobody holds.
        held.push(unsafe { Builder::new().fork(|| forever(())) }.unwrap());
    }
    for process in &held {
        println!("{}", process.pid());
    }
    // And some with processes of their own: a child, and a command.
    let families: Vec<_> = (0..5)
        .map(|_| {
            let mut process = Builder::new().stdout(Stdio::piped()).spawn(
                |()| {
                    let child = Process::spawn(forever, ()).unwrap();
                    #[allow(clippy::zombie_processes, reason = "it ends with its process group")]
                    let command = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
                    println!("{}\n{}", child.pid(), command.id());
                    forever(());
                },
                (),
            );
            let process = process.as_mut().unwrap();
            println!("{}", process.pid());
            let mut lines = BufReader::new(process.take_stdout().unwrap()).lines();
            println!("{}", lines.next().unwrap().unwrap());
            println!("{}", lines.next().unwrap().unwrap());
            lines
        })
        .collect();
    println!("all");
    forever(());
    drop((held, families));
}

#[test]
fn nothing_survives_a_parent_that_is_killed() {
    let _watchdog = watchdog();
    let scratch = Scratch::new();
    let directory = scratch.join("");
    let mut process = Builder::new()
        .stdout(Stdio::piped())
        .current_dir(&directory)
        .env("TMPDIR", &directory)
        .spawn(start_twenty, ())
        .unwrap();
    let lines = BufReader::new(process.take_stdout().unwrap()).lines().map(Result::unwrap);
    let numbers: Vec<String> = lines.take_while(|line| line != "all").collect();
    assert_eq!(numbers.len(), 30);
    let handles: Vec<OwnedFd> = numbers.iter().map(|pid| handle(pid.parse().unwrap())).collect();
    process.kill().unwrap();
    for process in &handles {
        await_end(process);
    }
    assert!(
        matches!(process.join(), Err(JoinError::Killed { signal, .. }) if signal.number() == 9)
    );
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "nothing is left in files");
}

#[test]
fn a_killed_server_ends_its_processes_and_is_replaced() {
    let _watchdog = watchdog();
    // In a process of its own, whose server nobody else needs.
    fn killing(_: ()) {
        let old = server();
        let processes: Vec<_> = (0..4).map(|_| Process::spawn(forever, ()).unwrap()).collect();
        let handles: Vec<_> = processes.iter().map(|process| handle(process.pid())).collect();
        let job = Process::spawn(forever, ()).unwrap().into_job();
        send(old, libc::SIGKILL);
        for (process, handle) in processes.into_iter().zip(&handles) {
            await_end(handle);
            assert_eq!(process.join(), Err(JoinError::ServerDied));
        }
        assert_eq!(job.join(), Err(JoinError::ServerDied));
        let new = server();
        assert_ne!(new, old);
        assert_eq!(Process::spawn(|n: u32| n, 5).unwrap().join(), Ok(5));
    }
    for _ in 0..5 {
        Process::spawn(killing, ()).unwrap().join().unwrap();
    }
}

/// A copy of the caller holds its descriptors, the ends of channels that would tell by their
/// closing that nobody is there any more.
#[test]
fn a_copy_of_the_caller_does_not_hide_the_death_of_the_server() {
    let _watchdog = watchdog();
    fn killing(_: ()) {
        let old = server();
        // SAFETY: this process has one thread.
        let copy = unsafe { Builder::new().fork(|| forever(())) }.unwrap();
        // Its channel was made before the copy.
        let process = Process::spawn(forever, ()).unwrap();
        send(old, libc::SIGKILL);
        assert_eq!(process.join(), Err(JoinError::ServerDied));

        let old = server();
        // SAFETY: as above.
        let second = unsafe { Builder::new().fork(|| forever(())) }.unwrap();
        let job = Process::spawn(forever, ()).unwrap().into_job();
        send(old, libc::SIGKILL);
        assert_eq!(job.join(), Err(JoinError::ServerDied));
        for copy in [copy, second] {
            copy.kill().unwrap();
            assert!(copy.wait_exit().is_some());
        }
    }
    Process::spawn(killing, ()).unwrap().join().unwrap();
}

#[test]
fn a_result_survives_the_death_of_the_server() {
    let _watchdog = watchdog();
    fn killing(_: ()) {
        let old = server();
        let process = Process::spawn(|n: u32| n, 7).unwrap();
        process.wait();
        send(old, libc::SIGKILL);
        assert_eq!(process.join(), Ok(7));
    }
    Process::spawn(killing, ()).unwrap().join().unwrap();
}

#[test]
fn a_stopped_process_can_be_killed() {
    let _watchdog = watchdog();
    let process = Process::spawn(forever, ()).unwrap();
    send(process.pid(), libc::SIGSTOP);
    assert!(!process.wait_timeout(Duration::from_millis(5)));
    process.kill().unwrap();
    assert!(matches!(process.join(), Err(JoinError::Killed { .. })));
}

/// Says so when its parent has died.
fn outlive(_: ()) {
    let mut stream = UnixStream::from(conc_process::take_passed().pop().unwrap());
    stream.write_all(b"r").unwrap();
    assert!(parent().unwrap().wait_timeout(Duration::from_secs(20)));
    stream.write_all(b"lives").unwrap();
}

#[test]
fn a_detached_process_outlives_its_parent() {
    let _watchdog = watchdog();
    fn start_detached(late: bool) {
        let stream = conc_process::take_passed().pop().unwrap();
        let builder = Builder::new().pass(stream);
        if late {
            builder.spawn(outlive, ()).unwrap().detach().unwrap();
        } else {
            drop(builder.detached().spawn(outlive, ()).unwrap());
        }
        println!("detached");
        forever(());
    }
    for late in [false, true] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut process = Builder::new()
            .pass(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .spawn(start_detached, late)
            .unwrap();
        let mut line = [0; 9];
        process.take_stdout().unwrap().read_exact(&mut line).unwrap();
        let mut ready = [0];
        ours.read_exact(&mut ready).unwrap();
        process.kill().unwrap();
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(text, "lives", "late: {late}");
    }
}

#[test]
fn threads_spawn_at_the_same_time() {
    let _watchdog = watchdog();
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            scope.spawn(move || {
                for number in 0..40 {
                    let process =
                        Process::spawn(|(a, b): (u32, u32)| a * 1000 + b, (thread, number));
                    assert_eq!(process.unwrap().join(), Ok(thread * 1000 + number));
                }
            });
        }
    });
}

fn count(directory: &str) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

#[test]
fn a_thousand_processes_leave_nothing_behind() {
    let _watchdog = watchdog();
    // In a process of its own, where nobody else opens descriptors and starts threads.
    fn thousand(_: ()) {
        let server = server();
        // While one process runs: the server has buried all before it, or could not have made it.
        let measure = || {
            let witness = Process::spawn(forever, ()).unwrap();
            let children =
                std::fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
            assert_eq!(
                children.unwrap().trim(),
                witness.pid().to_string(),
                "no zombies, no strays"
            );
            let counts =
                ["/proc/self/fd", "/proc/self/task", &format!("/proc/{server}/fd")].map(count);
            witness.kill().unwrap();
            assert!(witness.wait_exit().is_some());
            counts
        };
        let before = measure();
        for number in 0..1000 {
            let process = Process::spawn(|n: u32| n, number).unwrap();
            assert!(process.wait_exit().unwrap().success());
            assert_eq!(process.join(), Ok(number));
        }
        // What a server has to close after it has told us is closed in a moment.
        while measure().iter().zip(&before).any(|(now, was)| now > was) {}
    }
    Process::spawn(thousand, ()).unwrap().join().unwrap();
}

/// Jobs need a thread that waits for them; without jobs there is none.
#[test]
fn the_thread_that_waits_for_jobs_ends() {
    let _watchdog = watchdog();
    fn awaiting(_: ()) {
        for round in 0..2 {
            // One that does not end before there was a look.
            let held = Process::spawn(forever, ()).unwrap().into_job();
            let jobs: Vec<_> =
                (0..20_u32).map(|n| Process::spawn(|n: u32| n, n).unwrap().into_job()).collect();
            assert!(count("/proc/self/task") > 1, "round {round}");
            held.kill().unwrap();
            assert!(held.join().is_err());
            for (n, job) in (0..).zip(jobs) {
                assert_eq!(job.join(), Ok(n));
            }
            while count("/proc/self/task") > 1 {
                std::thread::yield_now();
            }
        }
    }
    Process::spawn(awaiting, ()).unwrap().join().unwrap();
}

#[test]
fn a_process_that_nobody_joins_is_reaped() {
    let _watchdog = watchdog();
    fn dropping(_: ()) {
        let server = server();
        let mut handles = Vec::new();
        for _ in 0..20 {
            let process = Process::spawn(|()| (), ()).unwrap();
            handles.push(std::os::fd::AsFd::as_fd(&process).try_clone_to_owned().unwrap());
            drop(process);
            // SAFETY: this process has one thread.
            drop(unsafe { Builder::new().fork(|| ()) }.unwrap());
        }
        for handle in &handles {
            await_end(handle);
        }
        // Whoever comes after them is told after them.
        let _ = Process::spawn(|()| (), ()).unwrap().wait_exit();
        while !conc_process::children().is_empty() {
            std::thread::yield_now();
        }
        let path = format!("/proc/{server}/task/{server}/children");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "");
        let own = std::fs::read_to_string("/proc/thread-self/children").unwrap();
        assert_eq!(own.trim(), server.to_string());
    }
    Process::spawn(dropping, ()).unwrap().join().unwrap();
}

#[test]
fn locks_of_a_busy_parent_do_not_reach_its_children() {
    let _watchdog = watchdog();
    fn busy(_: ()) {
        let (started, starting) = std::sync::mpsc::channel();
        let holder = started.clone();
        std::thread::spawn(move || {
            let _stdout = std::io::stdout().lock();
            let _stderr = std::io::stderr().lock();
            holder.send(()).unwrap();
            forever(());
        });
        for _ in 0..2 {
            let started = started.clone();
            std::thread::spawn(move || {
                started.send(()).unwrap();
                loop {
                    std::hint::black_box(vec![0_u8; 300]);
                }
            });
        }
        for _ in 0..3 {
            starting.recv().unwrap();
        }
        for number in 0..100 {
            let builder = Builder::new().stdout(Stdio::null()).stderr(Stdio::null());
            let process = builder.spawn(
                |number: usize| {
                    println!("both locks");
                    eprintln!("are free here");
                    vec![number; 100].len()
                },
                number,
            );
            assert_eq!(process.unwrap().join(), Ok(100));
        }
    }
    Process::spawn(busy, ()).unwrap().join().unwrap();
}

/// Kills at moments that nobody chose; each end is one of those that are promised.
#[test]
fn a_storm_of_kills_ends_every_job() {
    let _watchdog = watchdog();
    fn storm(_: ()) {
        for round in 0..60_u32 {
            let old = server();
            let server_handle = handle(old);
            let processes: Vec<_> =
                (0..6).map(|n: u32| Process::spawn(|n: u32| n * 2, n)).collect();
            let jobs: Vec<_> =
                processes.into_iter().map(|process| process.unwrap().into_job()).collect();
            match round % 3 {
                0 => send(old, libc::SIGKILL),
                1 => drop(jobs[1].kill()),
                _ => {
                    let killer = std::thread::spawn(move || send(old, libc::SIGKILL));
                    // Meanwhile: it dies before, while or after this one is made.
                    match Process::spawn(|n: u32| n, 9) {
                        Ok(process) => {
                            assert!(matches!(process.join(), Ok(9) | Err(JoinError::ServerDied)))
                        }
                        Err(conc_process::SpawnError::ServerDied) => {}
                        Err(error) => panic!("{error}"),
                    }
                    killer.join().unwrap();
                }
            }
            if round % 3 != 1 {
                // A server that is about to die may still take an order.
                await_end(&server_handle);
            }
            for (n, job) in (0..).zip(jobs) {
                match job.join() {
                    Ok(value) => assert_eq!(value, n * 2),
                    Err(JoinError::ServerDied | JoinError::Killed { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
        assert_eq!(Process::spawn(|n: u32| n, 1).unwrap().join(), Ok(1));
    }
    Process::spawn(storm, ()).unwrap().join().unwrap();
}
