//! What a builder chooses, and what a process has if nothing is chosen.

#![cfg(feature = "auto-init")]
#![allow(clippy::print_stdout, reason = "processes under test talk to it")]

use conc_core::JoinError;
use conc_process::{
    Builder, Process, SpawnError, StartMethod, Stdio, children, cpu_count, current, parent,
    preload, scope, take_passed,
};
use conc_tests::laws::scene::Scratch;
use conc_tests::watchdog;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs `test` with each start method.
fn with_all(test: impl Fn(&dyn Fn() -> Builder)) {
    for method in StartMethod::ALL {
        test(&|| Builder::new().start_method(method));
    }
}

/// Something to call by name.
fn descriptors(_: ()) -> Vec<(i32, String)> {
    let mut found: Vec<_> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let number = entry.file_name().to_str().unwrap().parse().unwrap();
            let target = std::fs::read_link(entry.path()).ok()?;
            // The directory that is being read is not one of them.
            let is_listing = target.to_string_lossy().ends_with("/fd");
            (!is_listing).then(|| (number, target.to_string_lossy().into_owned()))
        })
        .collect();
    found.sort();
    found
}

fn status_line(key: String) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix(&key)).unwrap().trim().to_owned()
}

#[test]
fn names_and_numbers() {
    let _watchdog = watchdog();
    with_all(|builder| {
        let process = builder().name("worker").spawn(
            |()| (current().name().to_owned(), current().pid(), parent().unwrap().pid()),
            (),
        );
        let process = process.unwrap();
        assert_eq!(process.name(), "worker");
        let pid = process.pid();
        let (name, own, parent) = process.join().unwrap();
        assert_eq!((name.as_str(), own, parent), ("worker", pid, std::process::id()));
    });
    assert!(parent().is_none());
    assert_eq!(current().name(), "MainProcess");
    assert!(cpu_count() >= 1);
}

#[test]
fn children_have_children_with_names_that_say_so() {
    let _watchdog = watchdog();
    fn nested(depth: u32) -> Vec<String> {
        let mut names = vec![current().name().to_owned()];
        if depth > 0 {
            names.extend(Process::spawn(nested, depth - 1).unwrap().join().unwrap());
        }
        names
    }
    let names = Process::spawn(nested, 2).unwrap().join().unwrap();
    let first = &names[0];
    assert_eq!(names, [first.clone(), format!("{first}:1"), format!("{first}:1:1")]);
    assert!(first.starts_with("Process-"), "{first}");
}

#[test]
fn a_childless_process_may_not_have_children() {
    let _watchdog = watchdog();
    with_all(|builder| {
        let refused = builder().childless().spawn(
            |()| {
                assert!(!current().may_have_children());
                matches!(Process::spawn(|()| (), ()), Err(SpawnError::NotAllowed))
            },
            (),
        );
        assert_eq!(refused.unwrap().join(), Ok(true));
    });
}

#[test]
fn directory_environment_and_umask() {
    let _watchdog = watchdog();
    with_all(|builder| {
        let seen = builder()
            .current_dir("/proc")
            .env("CONC_TEST_SET", "yes")
            .env_remove("PATH")
            .umask(0o157)
            .spawn(
                |()| {
                    (
                        std::env::current_dir().unwrap().to_str().unwrap().to_owned(),
                        std::env::var("CONC_TEST_SET").ok(),
                        std::env::var("PATH").ok(),
                        status_line("Umask:".to_owned()),
                    )
                },
                (),
            )
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(seen, ("/proc".to_owned(), Some("yes".to_owned()), None, "0157".to_owned()));
        let count = builder().env_clear().env("A", "b").spawn(|()| std::env::vars().count(), ());
        assert_eq!(count.unwrap().join(), Ok(1));
    });
    let error = Builder::new().current_dir("/no/such").spawn(|()| (), ()).unwrap_err();
    assert!(matches!(error, SpawnError::System { .. }), "{error}");
    let error = Builder::new().env("A=B", "").spawn(|()| (), ()).unwrap_err();
    assert!(matches!(error, SpawnError::System { .. }), "{error}");
}

#[test]
fn a_large_environment_travels() {
    let _watchdog = watchdog();
    let value = "x".repeat(100_000);
    let length = Builder::new()
        .env("CONC_TEST_LARGE", &value)
        .spawn(|()| std::env::var("CONC_TEST_LARGE").unwrap().len(), ())
        .unwrap();
    assert_eq!(length.join(), Ok(100_000));
}

/// What the caller is like when it spawns counts, not what it was like when the server started.
#[test]
fn changes_of_the_caller_are_inherited() {
    let _watchdog = watchdog();
    // In a process of its own: directory, umask and limits belong to a whole process.
    fn changing(_: ()) {
        Process::spawn(|()| (), ()).unwrap().join().unwrap();
        std::env::set_current_dir("/proc/sys").unwrap();
        // SAFETY: this process has one thread.
        unsafe { std::env::set_var("CONC_TEST_LATE", "late") };
        // SAFETY: the call takes a number.
        unsafe { libc::umask(0o133) };
        setrlimit(Resource::RLIMIT_NOFILE, 77, 77).unwrap();
        SigSet::from(Signal::SIGUSR2).thread_block().unwrap();
        with_all(|builder| {
            let seen = builder().spawn(
                |()| {
                    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
                    (
                        std::env::current_dir().unwrap().to_str().unwrap().to_owned(),
                        std::env::var("CONC_TEST_LATE").ok(),
                        status_line("Umask:".to_owned()),
                        limit,
                        status_line("SigBlk:".to_owned()),
                    )
                },
                (),
            );
            let (directory, late, umask, limit, blocked) = seen.unwrap().join().unwrap();
            assert_eq!(directory, "/proc/sys");
            assert_eq!(late.as_deref(), Some("late"));
            assert_eq!(umask, "0133");
            assert_eq!(limit, 77);
            // Whoever started the tests may have blocked others.
            assert_eq!(blocked, status_line("SigBlk:".to_owned()));
            let blocked = u64::from_str_radix(&blocked, 16).unwrap();
            assert_ne!(blocked & 1 << (libc::SIGUSR2 - 1), 0, "{blocked:x}");
        });
    }
    Process::spawn(changing, ()).unwrap().join().unwrap();
}

#[test]
fn the_input_is_null_and_the_limit_on_files_is_ours() {
    let _watchdog = watchdog();
    with_all(|builder| {
        let text = builder().spawn(
            |()| {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map(|_| text.len()).unwrap()
            },
            (),
        );
        assert_eq!(text.unwrap().join(), Ok(0));
        let limits = |()| std::fs::read_to_string("/proc/self/limits").unwrap();
        assert_eq!(builder().spawn(limits, ()).unwrap().join().unwrap(), limits(()));
    });
}

#[test]
fn pipes_and_files() {
    let _watchdog = watchdog();
    with_all(|builder| {
        let mut process = builder()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn(
                |()| {
                    let mut text = String::new();
                    std::io::stdin().read_to_string(&mut text).unwrap();
                    print!("{}", text.to_uppercase());
                    eprintln!("into the void");
                },
                (),
            )
            .unwrap();
        process.take_stdin().unwrap().write_all(b"shout").unwrap();
        let mut text = String::new();
        process.take_stdout().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "SHOUT");
        process.join().unwrap();

        let scratch = Scratch::new();
        let path = scratch.join("file");
        let mut options = File::options();
        let mut file = options.create_new(true).read(true).write(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let copy = file.try_clone().unwrap();
        builder().stdout(copy).spawn(|()| println!("kept"), ()).unwrap().join().unwrap();
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "kept\n");
    });
}

#[test]
fn nothing_is_inherited_but_what_was_asked_for() {
    let _watchdog = watchdog();
    // A descriptor that a careless library leaves open across exec.
    let leak = File::open("/proc/self/status").unwrap();
    // SAFETY: the call takes numbers.
    unsafe { libc::fcntl(leak.as_raw_fd(), libc::F_SETFD, 0) };
    let siblings: Vec<_> =
        (0..5).map(|_| Process::spawn(|()| std::thread::park(), ()).unwrap()).collect();
    with_all(|builder| {
        let found = builder().spawn(descriptors, ()).unwrap().join().unwrap();
        let numbers: Vec<i32> = found.iter().map(|&(number, _)| number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4], "{found:?}");
        // Of its own, only the standard streams go to the commands that it starts.
        let listed = builder().stdout(Stdio::null()).spawn(
            |()| {
                let listing = std::process::Command::new("ls").arg("/proc/self/fd").output();
                String::from_utf8(listing.unwrap().stdout).unwrap().lines().count()
            },
            (),
        );
        assert_eq!(listed.unwrap().join(), Ok(4), "three streams and the listing itself");
    });
    for sibling in siblings {
        sibling.kill().unwrap();
    }
}

#[test]
fn descriptors_can_be_passed() {
    let _watchdog = watchdog();
    with_all(|builder| {
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let null = File::open("/dev/null").unwrap();
        let process = builder().pass(OwnedFd::from(null)).pass(OwnedFd::from(theirs)).spawn(
            |()| {
                let passed = take_passed();
                assert_eq!(passed.len(), 2);
                assert!(take_passed().is_empty());
                let stream = passed.into_iter().nth(1).unwrap();
                let mut stream = std::os::unix::net::UnixStream::from(stream);
                stream.write_all(b"hello from there").unwrap();
            },
            (),
        );
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello from there");
        process.unwrap().join().unwrap();
    });
}

#[test]
fn each_process_leads_a_group_that_can_be_killed() {
    let _watchdog = watchdog();
    with_all(|builder| {
        let process = builder().stdout(Stdio::piped()).spawn(
            |()| {
                // SAFETY: the call takes nothing.
                assert_eq!(unsafe { libc::getpgrp() } as u32, std::process::id());
                let mut command = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
                println!("started");
                command.wait().unwrap();
            },
            (),
        );
        let mut process = process.unwrap();
        let mut output = process.take_stdout().unwrap();
        let mut line = [0; 8];
        output.read_exact(&mut line).unwrap();
        process.kill_group().unwrap();
        // The command holds the pipe, too: its end is the end of both.
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert!(matches!(process.join(), Err(JoinError::Killed { .. })));
    });
}

#[test]
fn a_scope_waits_for_all() {
    let _watchdog = watchdog();
    let (sum, pids) = scope(|scope| {
        let one = scope.spawn(|n: u32| n, 1).unwrap();
        let two = scope.spawn(|n: u32| n, 2).unwrap();
        let unjoined = scope.spawn(|()| (), ()).unwrap();
        let pids = [one.pid(), two.pid(), unjoined.pid()];
        (one.join().unwrap() + two.join().unwrap(), pids)
    });
    assert_eq!(sum, 3);
    let living: Vec<u32> = children().iter().map(|child| child.pid()).collect();
    assert!(pids.iter().all(|pid| !living.contains(pid)), "{pids:?} {living:?}");
}

#[test]
fn children_are_listed_until_they_end() {
    let _watchdog = watchdog();
    let process = Builder::new().name("listed").spawn(|()| std::thread::park(), ()).unwrap();
    let pid = process.pid();
    // Dropping the handle changes nothing.
    drop(process);
    let find = || children().into_iter().find(|child| child.pid() == pid);
    let child = find().unwrap();
    assert_eq!(child.name(), "listed");
    assert!(child.is_alive() && !child.is_detached());
    child.kill().unwrap();
    let mut poll = libc::pollfd { fd: child.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid entry.
    assert_eq!(unsafe { libc::poll(&raw mut poll, 1, 20_000) }, 1);
    assert!(find().is_none());
}

/// Set in the server only.
static WARM: AtomicU32 = AtomicU32::new(0);

#[test]
fn a_server_can_be_warmed() {
    let _watchdog = watchdog();
    // In a process of its own, since a server serves all tests of this one.
    fn warming(_: ()) {
        preload(|| _ = WARM.fetch_add(42, Ordering::Relaxed)).unwrap();
        let read = |()| WARM.load(Ordering::Relaxed);
        assert_eq!(Process::spawn(read, ()).unwrap().join(), Ok(42));
        assert_eq!(WARM.load(Ordering::Relaxed), 0);
        let fresh = Builder::new().start_method(StartMethod::Spawn);
        assert_eq!(fresh.spawn(read, ()).unwrap().join(), Ok(0));

        let error = preload(|| panic!("cold")).unwrap_err();
        assert!(error.to_string().contains("cold"), "{error}");
        let threads = preload(|| drop(std::thread::spawn(std::thread::park))).unwrap_err();
        assert!(threads.to_string().contains("threads"), "{threads}");
        // A new server is warmed by what worked before.
        assert_eq!(Process::spawn(read, ()).unwrap().join(), Ok(42));
    }
    Process::spawn(warming, ()).unwrap().join().unwrap();
}

#[test]
fn a_copy_of_the_caller_sees_what_it_captures() {
    let _watchdog = watchdog();
    Process::spawn(copying, ()).unwrap().join().unwrap();
}

fn copying(_: ()) {
    let table = [1, 2, 3];
    let before = Process::spawn(|()| std::thread::park(), ()).unwrap();
    // SAFETY: this process has one thread.
    let process = unsafe {
        Builder::new().name("copy").fork(|| {
            // A handle from before the fork is inert here.
            let inert = !before.wait_timeout(std::time::Duration::ZERO);
            // The copy is a process of its own in every respect.
            let grandchild = Process::spawn(|n: i32| n + 1, 1).unwrap().join().unwrap();
            (table.iter().sum::<i32>(), current().name().to_owned(), inert, grandchild)
        })
    };
    assert_eq!(process.unwrap().join().unwrap(), (6, "copy".to_owned(), true, 2));
    // SAFETY: as above.
    let process = unsafe { Builder::new().fork(|| before.join() == Err(JoinError::Forked)) };
    assert_eq!(process.unwrap().join(), Ok(true));

    // SAFETY: as above.
    let process = unsafe { Builder::new().fork(|| -> u8 { panic!("in a copy") }) }.unwrap();
    assert!(process.join().unwrap_err().is_panic());
    // SAFETY: as above.
    let process = unsafe { Builder::new().fork(|| std::process::abort()) }.unwrap();
    let status = process.wait_exit().unwrap();
    // Whether there is a core as well is the machine's affair.
    assert!(["SIGABRT", "SIGABRT (core dumped)"].contains(&&*status.to_string()), "{status}");
    assert!(matches!(process.join(), Err::<(), _>(JoinError::Killed { .. })));
}
