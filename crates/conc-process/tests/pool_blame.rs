//! Who is ended, and who is told to have failed, is the one that did it, and nobody else.

#![cfg(feature = "auto-init")]

use conc_core::{Job, JoinError, PortableFd, courier};
use conc_process::{Pool, Process};
use conc_tests::watchdog;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use std::{hint, process, thread};

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

fn forever(_: ()) {
    loop {
        thread::park();
    }
}

/// Takes a while.
fn last(micros: u64) {
    let begun = Instant::now();
    while let Some(left) = Duration::from_micros(micros).checked_sub(begun.elapsed()) {
        thread::park_timeout(left);
    }
}

fn held_up(gate: PortableFd) -> usize {
    let mut gate = UnixStream::from(gate.into_inner());
    gate.write_all(b"!").unwrap();
    gate.read(&mut [0]).unwrap()
}

/// A job that runs until the stream is dropped.
fn occupy(pool: &Pool) -> (Job<usize>, UnixStream) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let job = pool.submit(held_up, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    (job, ours)
}

/// A descriptor, if there is one to be had.
fn open() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Leaves a keepsake behind that takes its time to go.
struct Lingering;

struct SlowToGo;

impl Drop for SlowToGo {
    fn drop(&mut self) {
        last(350_000);
    }
}

impl Serialize for Lingering {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let file = open().unwrap();
        assert!(courier::pack(file.as_fd(), Some(Box::new(SlowToGo))).is_some());
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Lingering {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self)
    }
}

/// A job that begins late in a used place of the ring has not begun when the one before it did.
#[test]
fn nobody_is_late_by_the_time_of_who_was_there_before() {
    let _watchdog = watchdog();
    const TIMEOUT: Duration = Duration::from_millis(300);
    let pool = pool(1);
    assert!(pool.apply(|()| Lingering, ()).is_ok());
    // As many as a ring has entries, with the one before.
    for n in 1..256 {
        assert_eq!(pool.apply(square, n), Ok(n * n));
    }
    last(400_000);
    let begun = Instant::now();
    let result = pool.terms().timeout(TIMEOUT).submit(square, 3).unwrap().join();
    assert!(result == Ok(9) || begun.elapsed() >= TIMEOUT, "{result:?} too early");
}

/// The slow ones end just when they are late: by the time that is seen, the next one runs.
#[test]
fn an_item_is_not_late_by_the_time_of_the_item_before_it() {
    let _watchdog = watchdog();
    let work = |n: u64| {
        if n % 2 == 0 {
            last(999_600 + n % 16 * 40);
        } else {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_micros(500) {
                hint::spin_loop();
            }
        }
    };
    let pool = Pool::builder().workers(24).timeout(Duration::from_secs(1)).build().unwrap();
    for (n, result) in (0..).zip(pool.map(work, 0..192).batch_len(8)) {
        match result {
            Ok(()) => {}
            Err(error) => assert_eq!((error, n % 2), (JoinError::TimedOut, 0), "item {n}"),
        }
    }
}

#[test]
fn what_was_killed_on_purpose_is_not_tried_again() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let running = pool.terms().retries(3).submit(forever, ()).unwrap();
    while !running.is_running() {
        thread::yield_now();
    }
    assert_eq!(running.kill(), Ok(()));
    assert!(matches!(running.join(), Err(JoinError::Killed { .. })));
    assert_eq!(pool.apply(square, 3), Ok(9));
}

/// The callback runs while the foreman is busy with the death, and the other is in nobody's ring.
#[test]
fn what_waits_can_be_ended_while_the_worker_before_it_is_buried() {
    let _watchdog = watchdog();
    for cancels in [false, true] {
        let pool = pool(1);
        let (mut running, _gate) = occupy(&pool);
        let waiting = pool.submit(forever, ()).unwrap();
        let (say, said) = channel();
        let (done, is_done) = channel();
        running.on_finish(move |_| {
            let ended = if cancels { waiting.cancel() } else { waiting.kill().is_ok() };
            say.send(ended).unwrap();
            done.send(waiting.join()).unwrap();
        });
        let pid = pool.stats().workers[0].pid.unwrap();
        // SAFETY: the call takes numbers only; the process is a worker of ours.
        assert_eq!(unsafe { libc::kill(pid as i32, libc::SIGKILL) }, 0);
        assert!(matches!(running.join(), Err(JoinError::Killed { .. })));
        assert_eq!(said.recv(), Ok(true));
        assert_eq!(is_done.recv(), Ok(Err(JoinError::Cancelled)));
        assert_eq!(pool.apply(square, 3), Ok(9));
    }
}

#[test]
fn a_descriptor_that_cannot_be_received_costs_one_item_of_a_batch() {
    let _watchdog = watchdog();
    // The limit is that of a process of its own.
    fn runs_short(_: ()) {
        let pool = pool(1);
        let third = |n: u32| if n == 2 { open().map(PortableFd::new) } else { None };
        let mut map = pool.map(third, 0..8).batch_len(8);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 5, hard).unwrap();
        let first = map.next();
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        for (n, result) in first.into_iter().chain(map).enumerate() {
            assert_eq!(result.is_err(), n == 2, "item {n}: {result:?}");
        }
    }
    assert_eq!(Process::spawn(runs_short, ()).unwrap().join(), Ok(()));
}

/// A result with a descriptor that kills the process it was made in when it goes there.
#[derive(Debug, Serialize, Deserialize)]
struct Deadly(PortableFd, Option<u32>);

impl Drop for Deadly {
    fn drop(&mut self) {
        if self.1 == Some(process::id()) {
            process::abort();
        }
    }
}

#[test]
fn a_result_that_kills_when_it_goes_costs_nobody_else_a_descriptor() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let make = |n: u32| {
        let file = PortableFd::new(open().unwrap());
        Deadly(file, (n == 1).then(process::id))
    };
    for batch_len in [1, 3] {
        let results: Vec<_> = pool.map(make, 0..3).batch_len(batch_len).collect();
        assert_eq!(results.len(), 3);
        for (n, result) in results.into_iter().enumerate() {
            match result {
                Ok(made) => assert!(made.0.as_fd().try_clone_to_owned().is_ok()),
                Err(JoinError::Killed { .. }) => assert_eq!(n, 1),
                other => panic!("item {n}: {other:?}"),
            }
        }
    }
}
