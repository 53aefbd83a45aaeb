//! What jobs do to the process that runs them, and what the others see of it.

#![cfg(feature = "auto-init")]

use conc_core::{JoinError, PortableFd};
use conc_process::{Builder, Pool, Process, Stdio};
use conc_tests::watchdog;
use serde::{Deserialize, Deserializer, Serialize};
use std::ffi::c_int;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, hint, thread};

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn own_pid(_: ()) -> u32 {
    std::process::id()
}

fn square(n: u64) -> u64 {
    n * n
}

/// All is as it should be, whatever a job has done before.
fn assert_well(pool: &Pool) {
    let jobs: Vec<_> = (0..20).map(|n| pool.submit(square, n).unwrap()).collect();
    for (n, job) in (0..).zip(jobs) {
        assert_eq!(job.join(), Ok(n * n));
    }
    assert_eq!(pool.map(square, 0..50).filter(Result::is_ok).count(), 50);
}

/// Whether the other ends are closed, all of them; waits for it.
fn is_closed(mut stream: UnixStream) -> bool {
    stream.read_to_end(&mut Vec::new()).is_ok()
}

#[test]
fn an_exit_is_no_result_even_if_its_code_is_zero() {
    let _watchdog = watchdog();
    let pool = pool(2);
    for code in [0, 3, 255] {
        let exited = |error: JoinError| match error {
            JoinError::Exited { code, .. } => code,
            other => panic!("{other:?}"),
        };
        let leave = |code: i32| std::process::exit(code);
        assert_eq!(exited(pool.apply::<i32, ()>(leave, code).unwrap_err()), code);
        // SAFETY: to end the process is what it is for.
        let at_once = |code: i32| unsafe { libc::_exit(code) };
        assert_eq!(exited(pool.apply::<i32, ()>(at_once, code).unwrap_err()), code);
        let in_a_thread = |code: i32| {
            thread::spawn(move || std::process::exit(code));
            forever(());
        };
        assert_eq!(exited(pool.apply(in_a_thread, code).unwrap_err()), code);
        let becomes = |code: i32| {
            let _ = Command::new("sh").args(["-c", &format!("exit {code}")]).exec();
        };
        assert_eq!(exited(pool.apply(becomes, code).unwrap_err()), code);
        assert_well(&pool);
    }
}

#[test]
fn a_stack_that_overflows_costs_one_item() {
    let _watchdog = watchdog();
    let pool = pool(2);
    fn deeper(depth: u64) -> u64 {
        let room = hint::black_box([depth; 64]);
        if depth == u64::MAX { 0 } else { room[7].wrapping_add(deeper(depth + 1)) }
    }
    let overflow = |n: u64| if n == 13 { deeper(n) } else { n };
    let results: Vec<_> = pool.map(overflow, 0..40).batch_len(20).collect();
    for (n, result) in (0..).zip(results) {
        match result {
            Err(JoinError::Killed { signal, report, .. }) => {
                assert_eq!((n, signal.number()), (13, libc::SIGSEGV));
                assert!(report.unwrap().fault_address.is_some());
            }
            result => assert_eq!(result, Ok(n)),
        }
    }
}

#[test]
fn a_panic_while_it_panics_is_an_abort() {
    let _watchdog = watchdog();
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let pool = pool(1);
    let twice = |()| {
        let _bad = Bad;
        panic!("once");
    };
    match pool.apply::<(), ()>(twice, ()) {
        Err(JoinError::Killed { signal, report, .. }) => {
            assert_eq!(signal.number(), libc::SIGABRT);
            assert!(!report.unwrap().stderr_tail.is_empty());
        }
        other => panic!("{other:?}"),
    }
    assert_well(&pool);
}

#[test]
fn a_panic_says_what_and_where_from_a_batch_too() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let picky = |n: u32| assert_ne!(n, 5, "five of all numbers");
    let results: Vec<_> = pool.map(picky, 0..10).batch_len(10).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 9);
    match &results[5] {
        Err(JoinError::Panicked { message, location: Some(location) }) => {
            assert!(message.contains("five of all numbers"), "{message}");
            assert!(location.contains("pool_misdeeds.rs"), "{location}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_end_of_what_a_job_wrote_to_stderr_is_kept_however_much_it_is() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let babble = |lines: u32| {
        for line in 0..lines {
            eprintln!("this is line {line} of many");
        }
        lines
    };
    assert_eq!(pool.apply(babble, 50_000), Ok(50_000), "nobody has to read it");
    let last_words = |lines: u32| {
        (0..lines).for_each(|line| eprintln!("line {line}"));
        std::process::abort();
    };
    let error = pool.apply::<u32, ()>(last_words, 10_000).unwrap_err();
    let tail = &error.crash_report().unwrap().stderr_tail;
    assert!(tail.contains("line 9999\n") && tail.len() <= 4096, "{tail}");
    assert!(error.crash_report().unwrap().to_string().contains("line 9999"));
}

#[test]
fn a_job_may_close_the_standard_streams() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let close = |()| {
        for stream in 0..3 {
            // SAFETY: nothing owns the standard streams.
            assert_eq!(unsafe { libc::close(stream) }, 0);
        }
        std::process::id()
    };
    let pid = pool.apply(close, ()).unwrap();
    let write = |()| {
        std::io::stdout().write_all(b"to nobody\n").unwrap();
        eprintln!("to nobody");
        let file = File::open("/dev/null").unwrap();
        (file.as_raw_fd(), std::process::id())
    };
    assert_eq!(pool.apply(write, ()), Ok((0, pid)), "still the same process");
    assert_well(&pool);
    pool.shutdown();
}

/// Against the rules: descriptors of others are not a job's to close. Nothing hangs of it.
#[test]
fn a_job_that_closes_all_descriptors_holds_nobody_up() {
    let _watchdog = watchdog();
    let pool = pool(2);
    // SAFETY: not sound, and that is what is tried: only numbers are passed.
    let close = |()| unsafe { libc::close_range(3, u32::MAX, 0) };
    for _ in 0..2 {
        match pool.apply(close, ()) {
            Ok(result) => assert_eq!(result, 0),
            // Its debug build finds out that somebody closed what is its own.
            Err(JoinError::Killed { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
        assert_well(&pool);
    }
    pool.shutdown();
}

/// Blocks all signals that can be blocked.
fn block_signals(_: ()) -> u32 {
    // SAFETY: all zeroes are a valid set.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set outlives the call.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: the set outlives the call; nobody asks for the former mask.
    let result =
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut()) };
    assert_eq!(result, 0);
    std::process::id()
}

fn blocks(signal: c_int) -> bool {
    // SAFETY: all zeroes are a valid set.
    let mut now: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set outlives the call, which changes no mask.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut now) };
    // SAFETY: the set outlives the call.
    unsafe { libc::sigismember(&raw const now, signal) == 1 }
}

fn forever(_: ()) {
    loop {
        thread::park();
    }
}

#[test]
fn a_worker_that_blocks_all_signals_can_still_be_ended() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).grace(Duration::from_millis(20)).build().unwrap();
    let pid = pool.apply(block_signals, ()).unwrap();
    assert_eq!(pool.apply(own_pid, ()), Ok(pid));
    let late = pool.terms().timeout(Duration::from_millis(20)).submit(forever, ()).unwrap();
    assert_eq!(late.join(), Err(JoinError::TimedOut));
    // The next one begins anew.
    assert_eq!(pool.apply(|()| blocks(libc::SIGTERM), ()), Ok(false));
    pool.apply(block_signals, ()).unwrap();
    let running = pool.submit(forever, ()).unwrap();
    while !running.is_running() {
        thread::yield_now();
    }
    pool.terminate();
    match running.join() {
        Err(JoinError::Killed { signal, .. }) => assert_eq!(signal.number(), libc::SIGKILL),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_job_changes_of_its_process_stays_there() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let here = env::current_dir().unwrap();
    let change = |()| {
        env::set_current_dir("/").unwrap();
        // SAFETY: the call takes a number.
        unsafe { libc::umask(0o077) };
        // SAFETY: this process has one thread.
        unsafe { env::set_var("CONC_MISDEED", "done") };
    };
    let look = |file: String| {
        let file = format!("{file}-{}", std::process::id());
        File::create_new(&file).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o077;
        fs::remove_file(file).unwrap();
        (env::current_dir().unwrap(), mode, env::var("CONC_MISDEED").ok())
    };
    let file = env::temp_dir().join("conc-misdeed").to_str().unwrap().to_owned();
    let before = pool.apply(look, file.clone()).unwrap();
    assert_eq!((&before.0, &before.2), (&here, &None));
    pool.apply(change, ()).unwrap();
    // The next jobs of that worker find it so.
    let after = pool.apply(look, file.clone()).unwrap();
    assert_eq!(after, ("/".into(), 0, Some("done".to_owned())));
    // Neither this process nor the next worker does.
    assert_eq!(env::current_dir().unwrap(), here);
    let died = pool.apply::<(), ()>(|()| std::process::abort(), ());
    assert!(matches!(died, Err(JoinError::Killed { .. })), "{died:?}");
    assert_eq!(pool.apply(look, file), Ok(before));
}

#[test]
fn a_thread_that_a_job_leaves_behind_ends_with_its_worker() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let leave = |stream: PortableFd| {
        thread::spawn(move || {
            let _held = stream;
            forever(());
        });
        std::process::id()
    };
    let pid = pool.apply(leave, PortableFd::new(theirs)).unwrap();
    assert_well(&pool);
    assert_eq!(pool.apply(own_pid, ()), Ok(pid), "it goes on in the same worker");
    pool.shutdown();
    assert!(is_closed(ours));
}

#[test]
fn a_thread_of_a_job_that_panics_is_the_jobs_own_affair() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let try_it = |()| thread::spawn(|| panic!("on its own")).join().is_err();
    assert_eq!(pool.apply(try_it, ()), Ok(true));
    assert_well(&pool);
}

#[test]
fn a_process_that_a_job_forks_ends_with_its_worker() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let leave = |stream: PortableFd| {
        // SAFETY: the copy only writes to a descriptor and waits.
        let copy = unsafe { libc::fork() };
        if copy == 0 {
            let mut stream = UnixStream::from(stream.into_inner());
            stream.write_all(b"!").unwrap();
            forever(());
        }
        std::process::id()
    };
    let pid = pool.apply(leave, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    assert_well(&pool);
    assert_eq!(pool.apply(own_pid, ()), Ok(pid), "its worker goes on");
    pool.shutdown();
    assert!(is_closed(ours));
}

#[test]
fn what_a_job_started_ends_with_its_time_out() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let (ours, theirs) = UnixStream::pair().unwrap();
    // The command inherits the writing end, which is closed when it has ended.
    let start = |out: PortableFd| {
        Command::new("sleep").arg("1000").stdout(out.into_inner()).status().unwrap();
    };
    let job = pool.terms().timeout(Duration::from_millis(100));
    let job = job.submit(start, PortableFd::new(theirs)).unwrap();
    assert_eq!(job.join(), Err(JoinError::TimedOut));
    assert!(is_closed(ours));
}

/// A group is what a death takes along that comes by itself; who has left it lives as long as the
/// program.
#[test]
fn a_process_that_left_its_group_before_a_crash_ends_with_the_program() {
    let _watchdog = watchdog();
    fn program(stream: PortableFd) {
        let pool = pool(1);
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let hide = |(stream, gate): (PortableFd, PortableFd)| {
            let mut gate = UnixStream::from(gate.into_inner());
            // SAFETY: the copy only writes to a descriptor and waits.
            if unsafe { libc::fork() } == 0 {
                // SAFETY: the call takes nothing.
                unsafe { libc::setsid() };
                gate.write_all(b"!").unwrap();
                let _held = stream;
                forever(());
            }
            // It comes when the copy is where it should be.
            let _ = gate.read(&mut [0]);
            std::process::abort();
        };
        let job = pool.submit::<_, ()>(hide, (stream, PortableFd::new(theirs))).unwrap();
        ours.read_exact(&mut [0]).unwrap();
        ours.write_all(b"!").unwrap();
        assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
        assert_well(&pool);
    }
    let (ours, theirs) = UnixStream::pair().unwrap();
    let program = Process::spawn(program, PortableFd::new(theirs)).unwrap();
    assert_eq!(program.join(), Ok(()));
    assert!(is_closed(ours));
}

#[test]
fn ctrl_c_in_a_terminal_does_not_reach_the_workers() {
    let _watchdog = watchdog();
    let pool = pool(1);
    // The terminal sends it to the group of the program in front.
    // SAFETY: the call takes a number.
    let group = |()| unsafe { libc::getpgid(0) };
    let (theirs, pid) = (pool.apply(group, ()).unwrap(), pool.apply(own_pid, ()).unwrap());
    // SAFETY: the call takes a number.
    let ours = unsafe { libc::getpgid(0) };
    assert_eq!(theirs as u32, pid);
    assert_ne!(theirs, ours);
}

#[test]
fn what_workers_write_to_stderr_is_shown_if_asked_for() {
    let _watchdog = watchdog();
    let program = |shows: bool| {
        let builder = Pool::builder().workers(1);
        let builder = if shows { builder.show_stderr() } else { builder };
        let pool = builder.build().unwrap();
        pool.apply(|()| eprintln!("said by a worker"), ()).unwrap();
        pool.shutdown();
        std::process::abort();
    };
    for shows in [false, true] {
        let builder = Builder::new().stderr(Stdio::captured());
        let error = builder.spawn::<bool, ()>(program, shows).unwrap().join().unwrap_err();
        let tail = &error.crash_report().unwrap().stderr_tail;
        assert_eq!(tail.contains("said by a worker"), shows, "{tail}");
    }
}

#[test]
fn an_argument_that_is_never_read_to_its_end_is_a_time_out() {
    let _watchdog = watchdog();
    #[derive(Serialize)]
    struct Slow;
    impl<'de> Deserialize<'de> for Slow {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            loop {
                thread::park();
            }
        }
    }
    let pool = pool(1);
    let job = pool.terms().timeout(Duration::from_millis(50)).submit(|_: Slow| (), Slow).unwrap();
    assert_eq!(job.join(), Err(JoinError::TimedOut));
}

/// Writes a number behind the others.
fn note((path, n): (String, u64)) {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    writeln!(file, "{n}").unwrap();
}

#[test]
fn one_worker_after_another_keeps_the_order_of_submission() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let path = env::temp_dir().join(format!("conc-order-{}", std::process::id()));
    let key = path.to_str().unwrap().to_owned();
    for fatal in [0, 1, 10, 127, 128, 250] {
        let _ = fs::remove_file(&path);
        let jobs: Vec<_> = (0..300)
            .map(|n| {
                if n == fatal {
                    drop(pool.submit::<(), ()>(|()| std::process::abort(), ()).unwrap());
                }
                pool.submit(note, (key.clone(), n)).unwrap()
            })
            .collect();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        let text = fs::read_to_string(&path).unwrap();
        let order: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(order, (0..300).collect::<Vec<_>>());
    }
    fs::remove_file(&path).unwrap();
}
