//! Nothing waits for ever, whatever a pool is doing at that moment. Who does is found by the
//! watchdog.

#![cfg(feature = "auto-init")]

use conc_core::{Job, JoinError, PortableFd};
use conc_process::{Pool, Process};
use conc_tests::laws::scene::Scratch;
use conc_tests::{await_stopped, watchdog};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, process, thread};

fn square(n: u64) -> u64 {
    n * n
}

fn die(_: ()) {
    process::abort();
}

/// Says that it runs, and waits for a word, or for the end of the other side.
fn held_up(gate: PortableFd) -> u32 {
    let mut gate = UnixStream::from(gate.into_inner());
    gate.write_all(b"!").unwrap();
    if gate.read(&mut [0]).unwrap() > 0 {
        process::abort();
    }
    7
}

/// A job that runs until the stream is dropped, or dies of a word.
fn occupy(pool: &Pool, retries: u32) -> (Job<u32>, UnixStream) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let job = pool.terms().retries(retries).submit(held_up, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    (job, ours)
}

/// Sends a signal to one of the workers.
fn signal(pool: &Pool, worker: usize, signal: i32) {
    let pid = pool.stats().workers[worker].pid.unwrap();
    // SAFETY: the call takes numbers only; the process is a worker of ours.
    assert_eq!(unsafe { libc::kill(pid as i32, signal) }, 0);
    if signal == libc::SIGSTOP {
        await_stopped(pid as i32);
    }
}

/// A file that says something by being there.
struct Flag(PathBuf, #[expect(dead_code, reason = "removed with it")] Scratch);

impl Flag {
    fn new(name: &str) -> Self {
        let scratch = Scratch::new();
        Self(scratch.join(name), scratch)
    }

    fn name(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }

    fn raise(&self) {
        fs::write(&self.0, b"").unwrap();
    }
}

fn fails_at(flag: String) {
    assert!(!Path::new(&flag).exists(), "no more");
}

/// The second of its items says that it runs, and never ends.
fn stay((n, flag): (u64, String)) -> u64 {
    if n == 1 {
        fs::write(flag, b"").unwrap();
        loop {
            thread::park();
        }
    }
    n
}

/// What is left of such a batch when its pool is ended.
fn assert_ended(results: &[Result<u64, JoinError>]) {
    assert_eq!((results.len(), &results[0]), (10, &Ok(0)));
    assert!(matches!(results[1], Err(JoinError::Killed { .. })), "{:?}", results[1]);
    assert!(results[2..].iter().all(|result| *result == Err(JoinError::Cancelled)));
}

#[test]
fn a_batch_that_runs_when_its_pool_is_terminated_has_its_end() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).build().unwrap();
    let flag = Flag::new("runs");
    thread::scope(|scope| {
        let items = (0..10).map(|n| (n, flag.name()));
        let reader = scope.spawn(|| pool.map(stay, items).batch_len(10).collect::<Vec<_>>());
        while !flag.0.exists() {
            thread::yield_now();
        }
        pool.terminate();
        assert_ended(&reader.join().unwrap());
    });
}

#[test]
fn batches_that_run_when_their_pool_is_dropped_have_their_ends() {
    let _watchdog = watchdog();
    for round in 0..4 {
        let pool = Pool::builder().workers(2).grace(Duration::from_millis(300)).build().unwrap();
        let slow = |n: u64| {
            // Not to wait for something: so that batches run when the pool ends.
            thread::park_timeout(Duration::from_millis(10));
            n
        };
        let mut map = pool.map(slow, 0..100).batch_len(10);
        assert_eq!(map.next(), Some(Ok(0)));
        thread::park_timeout(Duration::from_millis(10 * round));
        drop(pool);
        let rest: Vec<_> = map.collect();
        assert_eq!(rest.len(), 99);
        assert_eq!(rest.last(), Some(&Err(JoinError::Cancelled)));
    }
}

#[test]
fn who_was_cancelled_in_a_full_ring_holds_nobody_up() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).build().unwrap();
    assert_eq!(pool.apply(square, 1), Ok(1));
    signal(&pool, 0, libc::SIGSTOP);
    // More than a ring has entries.
    for n in 0..300 {
        assert!(pool.submit(square, n).unwrap().cancel());
    }
    signal(&pool, 0, libc::SIGCONT);
    assert_eq!(pool.apply(square, 5), Ok(25));
}

#[test]
fn a_large_result_behind_who_was_cancelled_finds_room() {
    let _watchdog = watchdog();
    const LEN: usize = 40 << 20;
    let pool = Pool::builder().workers(1).build().unwrap();
    assert_eq!(pool.apply(square, 1), Ok(1));
    signal(&pool, 0, libc::SIGSTOP);
    assert!(pool.submit(square, 1).unwrap().cancel());
    let large = pool.submit(|len: usize| vec![7_u8; len], LEN).unwrap();
    signal(&pool, 0, libc::SIGCONT);
    assert_eq!(large.join().map(|bytes| bytes.len()), Ok(LEN));
}

/// A parcel stays in the post until its receiver comes to its entry, which was taken back.
#[test]
fn descriptors_of_who_was_cancelled_do_not_fill_the_post() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).build().unwrap();
    assert_eq!(pool.apply(square, 1), Ok(1));
    let send = || {
        let (_, theirs) = UnixStream::pair().unwrap();
        pool.submit(|_: PortableFd| 5, PortableFd::new(theirs)).unwrap()
    };
    for _ in 0..3 {
        signal(&pool, 0, libc::SIGSTOP);
        for _ in 0..200 {
            assert!(send().cancel());
        }
        signal(&pool, 0, libc::SIGCONT);
        assert_eq!(pool.apply(square, 3), Ok(9));
    }
    let (sent, behind) = (send(), pool.submit(square, 3).unwrap());
    assert_eq!((sent.join(), behind.join()), (Ok(5), Ok(9)));
}

#[test]
fn a_job_that_dies_after_its_pool_gave_up_is_not_tried_again() {
    let _watchdog = watchdog();
    let flag = Flag::new("retry");
    let pool = Pool::builder().workers(2).initializer(fails_at, flag.name()).build().unwrap();
    let (running, mut gate) = occupy(&pool, 1);
    flag.raise();
    assert!(pool.apply(die, ()).is_err());
    while !pool.is_closed() {
        thread::yield_now();
    }
    gate.write_all(b"x").unwrap();
    assert!(running.join().is_err());
    pool.shutdown();
}

#[test]
fn what_runs_when_a_pool_gave_up_ends_with_the_pool() {
    let _watchdog = watchdog();
    let flag = Flag::new("gave-up");
    let pool = Pool::builder().workers(2).initializer(fails_at, flag.name()).build().unwrap();
    let (running, _gate) = occupy(&pool, 0);
    flag.raise();
    assert!(pool.apply(die, ()).is_err());
    while !pool.is_closed() {
        thread::yield_now();
    }
    drop(pool);
    match running.join() {
        Err(JoinError::Killed { signal, .. }) => assert_eq!(signal.number(), libc::SIGTERM),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_waits_in_a_closed_pool_that_finds_no_worker_hears_why() {
    let _watchdog = watchdog();
    let flag = Flag::new("closed");
    let pool = Pool::builder().workers(1).initializer(fails_at, flag.name()).build().unwrap();
    let (running, mut gate) = occupy(&pool, 0);
    let waiting = pool.submit(square, 3).unwrap();
    flag.raise();
    pool.close();
    gate.write_all(b"x").unwrap();
    assert!(matches!(running.join(), Err(JoinError::Killed { .. })));
    assert!(waiting.join().unwrap_err().is_panic());
    pool.shutdown();
}

/// What is so large comes in a file, which takes its memory before the first item is begun.
#[test]
fn a_batch_that_kills_before_its_first_item_is_not_tried_for_ever() {
    let _watchdog = watchdog();
    const LARGE: usize = 70 << 20;
    let pool = Pool::builder().workers(1).memory_limit(20 << 20).build().unwrap();
    for small in [0, 1] {
        let large = std::iter::once("x".repeat(LARGE));
        let items = std::iter::repeat_n("a".to_owned(), small).chain(large);
        let results: Vec<_> = pool.map(|text: String| text.len(), items).batch_len(2).collect();
        assert_eq!(results.len(), small + 1);
        for result in results {
            match result {
                // It may be done before anybody has looked.
                Ok(1 | LARGE) | Err(JoinError::MemoryLimit { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pool.terms().retries(3).submit(square, 3).unwrap().join(), Ok(9));
    }
}

#[test]
fn a_shortage_of_descriptors_that_passes_is_no_end() {
    let _watchdog = watchdog();
    // The limit is that of a process of its own.
    fn runs_short(_: ()) -> u64 {
        let pool = Pool::builder().workers(1).build().unwrap();
        let (running, _gate) = occupy(&pool, 0);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 8, hard).unwrap();
        signal(&pool, 0, libc::SIGKILL);
        assert!(running.join().is_err());
        // Not to wait for something: for attempts that fail.
        thread::park_timeout(Duration::from_millis(100));
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        pool.apply(square, 4).unwrap()
    }
    assert_eq!(Process::spawn(runs_short, ()).unwrap().join(), Ok(16));
}

#[test]
fn a_worker_that_starts_for_ever_keeps_no_job() {
    let _watchdog = watchdog();
    let hangs_at = |flag: String| {
        while Path::new(&flag).exists() {
            thread::park_timeout(Duration::from_millis(1));
        }
    };
    let flag = Flag::new("starting");
    let pool = Pool::builder().workers(2).initializer(hangs_at, flag.name()).build().unwrap();
    flag.raise();
    let (running, gate) = occupy(&pool, 0);
    assert!(pool.apply(die, ()).is_err());
    // Not to wait for something: so that its successor has begun, and gets the jobs.
    thread::park_timeout(Duration::from_millis(50));
    let waiting: Vec<_> = (0..10).map(|n| pool.submit(square, n).unwrap()).collect();
    drop(gate);
    assert_eq!(running.join(), Ok(7));
    for (n, job) in (0..).zip(waiting) {
        assert_eq!(job.join(), Ok(n * n));
    }
}

#[test]
fn a_worker_that_is_stopped_keeps_no_job_that_it_has_not_begun() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(2).build().unwrap();
    for stopped in [0, 1] {
        signal(&pool, stopped, libc::SIGSTOP);
        for n in 0..3 {
            assert_eq!(pool.apply(square, n), Ok(n * n));
        }
        let jobs: Vec<_> = (0..20).map(|n| pool.submit(square, n).unwrap()).collect();
        for (n, job) in (0..).zip(jobs) {
            assert_eq!(job.join(), Ok(n * n));
        }
        signal(&pool, stopped, libc::SIGCONT);
    }
}
