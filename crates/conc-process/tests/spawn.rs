//! Start a process, take its result, learn how it ended.

#![cfg(feature = "auto-init")]
#![allow(clippy::print_stdout, reason = "processes under test talk to it")]

use conc_core::{JoinError, PortableFd, Signal};
use conc_process::{Process, SpawnError, isolate};
use conc_tests::watchdog;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn forever(_: ()) {
    loop {
        std::thread::park();
    }
}

#[test]
fn a_result_comes_back() {
    let _watchdog = watchdog();
    let process = Process::spawn(|n: u64| n * n, 12).unwrap();
    assert_ne!(process.pid(), std::process::id());
    assert_eq!(process.join(), Ok(144));
}

#[test]
fn values_of_all_sizes_travel_both_ways() {
    let _watchdog = watchdog();
    for size in [0, 1, 8_000, 8_192, 9_000, 31_000, 33_000, 1 << 20, 40 << 20] {
        let bytes = vec![7_u8; size];
        let process = Process::spawn(|bytes: Vec<u8>| bytes, bytes).unwrap();
        let back = process.join().unwrap();
        assert_eq!(back.len(), size);
        assert!(back.iter().all(|&byte| byte == 7));
    }
}

#[test]
fn a_large_result_that_nobody_takes_stops_nobody() {
    let _watchdog = watchdog();
    let process = Process::spawn(|n: usize| vec![1_u8; n], 30 << 20).unwrap();
    assert!(process.wait_exit().unwrap().success(), "it ends before anybody reads the result");
    assert_eq!(process.join().unwrap().len(), 30 << 20);
}

#[test]
fn a_panic_comes_back_with_message_and_location() {
    let _watchdog = watchdog();
    let process = Process::spawn(|n: u32| -> u32 { panic!("no {n}") }, 5).unwrap();
    assert_eq!(process.wait_exit().unwrap().code(), Some(101));
    let Err(JoinError::Panicked { message, location }) = process.join() else { panic!() };
    assert_eq!(&*message, "no 5");
    assert!(location.unwrap().contains("tests/spawn.rs:"));
}

#[test]
fn signals_are_named() {
    let _watchdog = watchdog();
    // Whoever started the tests in the background may have let them ignore it.
    fn interruptible(ready: PortableFd) {
        // SAFETY: the default action runs no code.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
        File::from(ready).write_all(b"!").unwrap();
        forever(());
    }
    type End = fn(&Process<()>) -> std::io::Result<()>;
    let ends: [(End, i32); 3] =
        [(Process::terminate, 15), (Process::kill, 9), (Process::interrupt, 2)];
    for (end, number) in ends {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let process = Process::spawn(interruptible, PortableFd::new(theirs)).unwrap();
        ours.read_exact(&mut [0]).unwrap();
        assert!(!process.is_finished());
        assert!(process.is_alive());
        assert!(!process.wait_timeout(Duration::from_millis(1)));
        end(&process).unwrap();
        let status = process.wait_exit().unwrap();
        assert_eq!(status.signal(), Some(Signal::new(number)));
        assert!(!process.is_alive());
        end(&process).unwrap();
        match process.join() {
            Err(JoinError::Killed { signal, .. }) => assert_eq!(signal.number(), number),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_exit_is_told_with_its_code() {
    let _watchdog = watchdog();
    let process = Process::<()>::spawn(|code: i32| std::process::exit(code), 3).unwrap();
    assert!(matches!(process.join(), Err(JoinError::Exited { code: 3, .. })));
}

/// Whether an error says this; whether there is a core as well is the machine's affair.
fn says(error: &impl ToString, what: &str) -> bool {
    let text = error.to_string();
    text.strip_suffix(" (core dumped)").unwrap_or(&text) == what
}

#[test]
fn a_crash_is_an_error_with_a_report() {
    let _watchdog = watchdog();
    #[inline(never)]
    fn crash(address: usize) {
        eprintln!("about to crash");
        // SAFETY: this is not safe, which is the point: it ends this process.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(1) };
    }
    let error = isolate(crash, 0xdead_0000_usize).unwrap_err();
    assert!(says(&error, "killed by SIGSEGV"), "{error}");
    let report = error.join_error().unwrap().crash_report().unwrap();
    assert_eq!(report.fault_address, Some(0xdead_0000));
    assert_eq!(report.stderr_tail, "about to crash\n");
    let text = report.backtrace.join("\n");
    assert!(text.contains("crash"), "{text}");
}

#[test]
fn an_abort_is_an_error() {
    let _watchdog = watchdog();
    let error = isolate(|()| std::process::abort(), ()).map(|(): ()| ()).unwrap_err();
    assert!(says(&error, "killed by SIGABRT"), "{error}");
}

#[test]
fn a_function_of_a_library_is_refused() {
    let _watchdog = watchdog();
    // Code that lies outside of the executable: anonymous memory serves as well as a library.
    unsafe extern "C" {
        fn getpid() -> i32;
    }
    let outside = getpid as *const ();
    // SAFETY: never called: `spawn` refuses it.
    let outside = unsafe { std::mem::transmute::<*const (), fn(()) -> i32>(outside) };
    let error = Process::spawn(outside, ()).unwrap_err();
    assert!(matches!(error, SpawnError::NotPortable), "{error}");
}

#[test]
fn an_argument_that_cannot_be_encoded_is_refused() {
    let _watchdog = watchdog();
    #[derive(serde::Deserialize)]
    struct Stubborn;
    impl serde::Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("I will not"))
        }
    }
    let error = Process::spawn(|_: Stubborn| (), Stubborn).unwrap_err();
    assert!(matches!(error, SpawnError::NotEncoded { .. }), "{error}");
    let process = Process::spawn(|()| Stubborn, ()).unwrap();
    assert!(matches!(process.join(), Err(JoinError::NotEncoded { .. })));
}

#[test]
fn a_process_can_be_awaited() {
    let _watchdog = watchdog();
    let mut job = Process::spawn(|n: u32| n + 1, 1).unwrap().into_job();
    let (told, tell) = std::sync::mpsc::channel();
    job.on_finish(move |result| told.send(result.clone()).unwrap());
    assert_eq!(job.join(), Ok(2));
    assert_eq!(tell.recv().unwrap(), Ok(2));
    let job = Process::spawn(forever, ()).unwrap().into_job();
    assert!(job.is_running());
    job.kill().unwrap();
    assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
}
