//! Handles where they have no power: in a copy of the process that holds them, and in the hands of
//! children that speak nonsense.

#![cfg(feature = "auto-init")]

use conc_core::{Executor, JoinError, SubmitError};
use conc_process::{
    Builder, ChildProcess, Process, ProcessExecutor, Scope, SpawnError, Stdio, children, isolate,
};
use conc_tests::watchdog;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

fn forever(_: ()) {
    loop {
        std::thread::park();
    }
}

/// What `work` gives in a copy of this process. Its callers have no threads that hold locks of
/// `std`, but for those of the tests that say so.
fn in_a_copy<R: conc_core::Wire>(work: impl FnOnce() -> R) -> R {
    // SAFETY: `work` needs nothing that another thread of this process may hold.
    unsafe { Builder::new().fork(work) }.unwrap().join().unwrap()
}

/// In a process of its own: tests are threads, and a fork wants none.
fn alone(test: fn(())) {
    Process::spawn(test, ()).unwrap().join().unwrap();
}

/// The process lives, and so does who tells of its end.
fn lives(process: Process<()>) {
    assert!(process.is_alive());
    assert!(process.exit_status().is_none());
    process.kill().unwrap();
    assert_eq!(process.wait_exit().unwrap().signal().unwrap().number(), libc::SIGKILL);
}

#[test]
fn a_copy_does_not_take_news_from_the_original() {
    let _watchdog = watchdog();
    alone(|()| {
        let sibling = Process::spawn(forever, ()).unwrap();
        let process = Process::spawn(|n: u32| n + 1, 6).unwrap();
        // Its news are all there, for whoever looks first.
        while process.is_alive() {
            std::thread::yield_now();
        }
        let heard = in_a_copy(|| {
            process.wait();
            (
                process.is_finished(),
                process.exit_status().is_some(),
                process.wait_timeout(Duration::MAX),
                process.wait_deadline(Instant::now()),
                process.wait_exit().is_some(),
                format!("{process:?}").contains("status: None"),
            )
        });
        assert_eq!(heard, (false, false, false, false, false, true));
        assert_eq!(process.join(), Ok(7));
        lives(sibling);
    });
}

#[test]
fn a_copy_cannot_join() {
    let _watchdog = watchdog();
    alone(|()| {
        let mut process = Some(Process::spawn(|n: u32| n + 1, 6).unwrap());
        let mut taken = || process.take().unwrap();
        assert!(in_a_copy(|| taken().join() == Err(JoinError::Forked)));
        assert!(in_a_copy(|| matches!(taken().try_join(), Ok(Err(JoinError::Forked)))));
        assert!(in_a_copy(|| taken().into_job().join() == Err(JoinError::Forked)));
        in_a_copy(|| drop(taken()));
        assert_eq!(taken().join(), Ok(7));
    });
}

#[test]
fn a_copy_does_not_wait_for_locks_of_the_original() {
    let _watchdog = watchdog();
    alone(|()| {
        let process = Arc::new(Process::spawn(forever, ()).unwrap());
        let (tell, told) = mpsc::channel();
        let waiting = Arc::clone(&process);
        let waiter = std::thread::spawn(move || {
            // SAFETY: the call takes nothing.
            tell.send(unsafe { libc::gettid() }).unwrap();
            waiting.wait();
        });
        let stat = format!("/proc/self/task/{}/stat", told.recv().unwrap());
        // It sleeps, so that it holds the lock of the handle.
        while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
            std::thread::yield_now();
        }
        assert!(in_a_copy(|| {
            process.wait();
            let silent = process.wait_exit().is_none() && process.exit_status().is_none();
            silent && !process.is_finished() && !process.wait_timeout(Duration::MAX)
        }));
        process.kill().unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn a_copy_cannot_signal() {
    let _watchdog = watchdog();
    alone(|()| {
        let process = Process::spawn(forever, ()).unwrap();
        let kin: Vec<ChildProcess> = children();
        assert!(in_a_copy(|| {
            let outcomes = [
                process.kill(),
                process.terminate(),
                process.interrupt(),
                process.signal(conc_core::Signal::new(libc::SIGKILL)),
                process.kill_group(),
                process.terminate_group(),
                kin[0].kill(),
                kin[0].terminate(),
            ];
            let text = JoinError::Forked.to_string();
            let refused = |outcome: std::io::Result<()>| outcome.unwrap_err().to_string() == text;
            // What does no harm is true.
            let alive = process.is_alive() && kin[0].is_alive() && kin[0].pid() == process.pid();
            outcomes.into_iter().all(refused) && alive && children().is_empty()
        }));
        lives(process);
    });
}

#[test]
fn a_copy_cannot_kill_a_job() {
    let _watchdog = watchdog();
    alone(|()| {
        let job = Process::spawn(forever, ()).unwrap().into_job();
        assert!(in_a_copy(|| job.kill().is_err()));
        assert!(!job.is_finished());
        job.kill().unwrap();
        assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
    });
}

#[test]
fn a_copy_cannot_detach() {
    let _watchdog = watchdog();
    fn parent(_: ()) -> u32 {
        let mut process = Some(Process::spawn(forever, ()).unwrap());
        assert!(in_a_copy(|| process.take().unwrap().detach().is_err()));
        assert!(!children()[0].is_detached());
        process.unwrap().pid()
    }
    let parent = Process::spawn(parent, ()).unwrap();
    let _ = parent.wait_exit();
    let pid = parent.join().unwrap();
    // Bound as ever: it ends with its parent.
    while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z ")) {
        std::thread::yield_now();
    }
}

#[test]
fn a_copy_does_not_wait_for_a_scope() {
    let _watchdog = watchdog();
    alone(|()| {
        let mut scope = Some(Scope::default());
        let process = scope.as_ref().unwrap().spawn(forever, ()).unwrap();
        assert!(in_a_copy(|| {
            let scope = scope.take().unwrap();
            let refused = matches!(scope.spawn(forever, ()), Err(SpawnError::System { .. }));
            drop(scope);
            refused
        }));
        lives(process);
    });
}

#[test]
fn a_copy_has_no_use_of_an_executor() {
    let _watchdog = watchdog();
    alone(|()| {
        let (executor, unused) = (ProcessExecutor::new(), ProcessExecutor::new());
        let job = executor.submit(forever, ()).unwrap();
        assert!(in_a_copy(|| {
            let refused =
                matches!(executor.submit(forever, ()), Err(SubmitError::NotStarted { .. }));
            let mapped: Vec<_> = executor.starmap(|(), ()| (), [((), ())]).collect();
            // There is a job, and nobody waits for it.
            executor.shutdown();
            executor.shutdown_now();
            // One that nobody had used is the copy's as well as anybody's.
            let used = unused.submit(|n: u32| n + 1, 1).unwrap().join() == Ok(2);
            refused && mapped == [Err(JoinError::Forked)] && used
        }));
        job.kill().unwrap();
        assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
        assert_eq!(executor.submit(|n: u32| n + 1, 1).unwrap().join(), Ok(2));
        executor.shutdown();
    });
}

/// Once its input ends: fills the channel, so that nobody can tell how this process ended, and ends.
fn flood(_: ()) {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    let nonsense = [0xff_u8];
    // SAFETY: the buffer is as long as the call is told; the number is that of our channel.
    while unsafe { libc::send(3, nonsense.as_ptr().cast(), 1, libc::MSG_DONTWAIT) } > 0 {}
    // SAFETY: nothing of this process runs afterwards.
    unsafe { libc::_exit(0) }
}

/// A process that floods its channel, started for certain.
fn flooder() -> Process<()> {
    let mut process = Builder::new().stdin(Stdio::piped()).spawn(flood, ()).unwrap();
    drop(process.take_stdin());
    process
}

#[test]
fn a_child_that_floods_its_channel_harms_nobody_else() {
    let _watchdog = watchdog();
    alone(|()| {
        let sibling = Process::spawn(forever, ()).unwrap();
        let harmless =
            |error| matches!(error, JoinError::Abandoned | JoinError::Exited { code: 0, .. });
        let process = flooder();
        // Nobody reads before the server has reaped it.
        while std::path::Path::new(&format!("/proc/{}", process.pid())).exists() {
            std::thread::yield_now();
        }
        assert!(harmless(process.join().unwrap_err()));
        assert!(harmless(flooder().into_job().join().unwrap_err()));
        lives(sibling);
    });
}

/// More than a pipe holds.
fn noisy(kibibytes: usize) -> usize {
    use std::io::Write;
    for _ in 0..kibibytes {
        std::io::stderr().write_all(&[b'x'; 1024]).unwrap();
    }
    kibibytes
}

#[test]
fn a_callback_may_wait_for_a_process_that_writes_much() {
    let _watchdog = watchdog();
    alone(|()| {
        let (tell, told) = mpsc::channel();
        let mut job = Process::spawn(|()| (), ()).unwrap().into_job();
        job.on_finish(move |_| {
            let joined = isolate(noisy, 256).ok();
            let builder = Builder::new().stderr(Stdio::captured());
            let process = builder.spawn(noisy, 256).unwrap();
            while !process.is_finished() {
                std::thread::yield_now();
            }
            let _ = tell.send((joined, process.join().ok()));
        });
        job.join().unwrap();
        assert_eq!(told.recv(), Ok((Some(256), Some(256))));
    });
}

#[test]
fn a_wait_ends_in_time_whatever_is_written() {
    let _watchdog = watchdog();
    alone(|()| {
        let builder = Builder::new().stderr(Stdio::captured());
        let process = builder.spawn(|()| while noisy(64) > 0 {}, ()).unwrap();
        assert!(!process.wait_timeout(Duration::from_millis(50)));
        // Others are served meanwhile.
        assert_eq!(Process::spawn(|n: u32| n, 1).unwrap().into_job().join(), Ok(1));
        process.kill().unwrap();
        assert!(matches!(process.join(), Err(JoinError::Killed { .. })));
    });
}

#[test]
fn a_result_survives_that_somebody_else_reaps() {
    let _watchdog = watchdog();
    alone(|()| {
        // SAFETY: the copy computes only.
        let process = unsafe { Builder::new().fork(|| 7) }.unwrap();
        // SAFETY: a null status is allowed.
        assert!(unsafe { libc::waitpid(process.pid() as i32, std::ptr::null_mut(), 0) } > 0);
        assert_eq!(process.wait_exit(), None);
        assert_eq!(process.join(), Ok(7));
        // SAFETY: as above.
        let process = unsafe { Builder::new().fork(|| std::process::exit(3)) }.unwrap();
        // SAFETY: as above.
        assert!(unsafe { libc::waitpid(process.pid() as i32, std::ptr::null_mut(), 0) } > 0);
        assert_eq!(process.join(), Err::<(), _>(JoinError::Abandoned));
    });
}

/// Fewer descriptors at each attempt, until there is none even for the handle.
#[test]
fn a_copy_that_cannot_be_held_is_not_lost() {
    let _watchdog = watchdog();
    alone(|()| {
        let mut taken = Vec::new();
        let null = std::fs::File::open("/dev/null").unwrap();
        let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
        // SAFETY: the limit outlives the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        while let Ok(file) = null.try_clone() {
            taken.push(file);
        }
        let mut failures = 0;
        loop {
            // SAFETY: this process has one thread.
            match unsafe { Builder::new().fork(|| 7) } {
                Ok(process) => {
                    let _ = process.wait_exit();
                    assert_eq!(process.join(), Ok(7));
                    break;
                }
                Err(_) => failures += 1,
            }
            // SAFETY: a null status is allowed.
            let left = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
            assert_eq!(left, -1, "no child is left of a failed fork");
            taken.pop();
        }
        assert!(failures > 1);
    });
}
